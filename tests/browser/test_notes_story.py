"""A finding is written down where it was made, by mouse and keys, and it stays: on the screen, in Python and in the file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.browser.noted import FILE, SELECTED, NotedView, events, noted


@pytest.fixture
def view(warm, tmp_path):
    with noted(warm, tmp_path) as made:
        yield made


def test_from_a_click_on_a_head_to_the_card_the_mark_the_file_and_python(view: NotedView, tmp_path: Path):
    view.open_notes()
    assert "No notes yet" in view.notes.inner_text()
    view.click_head(2, 1)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [2, 1])
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    before = view.pixels("heads", 1)
    assert not view.head_is_marked(2, 1)
    view.page.keyboard.press("n")
    view.lines("heads").wait_for()
    assert view.about("heads") == "L2H1"
    view.write("heads", "looks **back** at the first `name`", tags="mover, names")

    card = view.card("looks back at the first name")
    card.wait_for()
    assert card.locator("strong").all_inner_texts() == ["back"] and card.locator("code").all_inner_texts() == ["name"]
    assert card.locator(".where").inner_text() == "L2H1"
    assert card.locator(".evidence").inner_text().endswith("observed")
    assert view.tags("looks back at") == ["mover", "names"]
    assert view.focus()[2] == "heads", "the keys are where they were"
    view.wait_until_quiet()
    assert view.head_is_marked(2, 1)
    changed = np.argwhere((view.pixels("heads", 1) != before).any(-1))
    (top, left), (bottom, right) = changed.min(0), changed.max(0)
    assert bottom - top <= 10 and right - left <= 10, "nothing but the corner was painted"

    view.click_head(0, 0)
    assert card.get_attribute("data-open") == "false"
    view.click_head(2, 1)
    view.notes.locator('.card[data-open="true"]').and_(card).wait_for()  # a click on what is marked opens its card

    (note,) = view.told()
    expected = {"text": "looks **back** at the first `name`", "tags": ["mover", "names"], "evidence": "observed", "field": "attention"}
    expected |= {"layer": 2, "head": 1, "resolved": False, "spans": {}}
    assert {name: note[name] for name in expected} == expected
    first, *_ = events(tmp_path / FILE)
    assert first["note"] == note["id"] and first["set"]["text"] == note["text"] and first["set"]["tags"] == note["tags"]
    assert first["set"]["evidence"] == "observed" and first["set"]["place"]["cursor"] == {"layer": 2, "head": 1}


def test_whatever_can_be_selected_can_be_written_about_and_its_mark_stands_there(view: NotedView, tmp_path: Path):
    view.open_notes()
    view.click_head(3, 1)
    view.click_head(1, 2, shift=True)
    view.notebook.wait_for_value("view.selection.heads", [[1, 2]])
    view.page.keyboard.press("n")
    view.write("heads", "two heads")
    view.page.keyboard.press("Escape")
    view.notebook.wait_for_value("view.selection.heads", [])

    view.click_cell(9, 1)
    view.notebook.wait_for_value(SELECTED, [3, 1, 9, 1])
    view.page.keyboard.press("n")
    assert view.about("pattern") == "L3H1 · “·John” → “·Mary”"
    view.write("pattern", "one cell")
    view.page.keyboard.press("Escape")
    view.notebook.wait_for_value(SELECTED, [3, 1, 9, None])
    view.button("pattern", "note").click()
    assert view.about("pattern") == "L3H1 · “·John”"
    view.write("pattern", "one row")
    view.drag_cells((5, 1), (7, 3))
    view.page.keyboard.press("n")
    assert view.about("pattern") == "L3H1 · “·to the store” → “·Mary and John”"
    view.write("pattern", "a region")

    view.drag_tokens(1, 3)
    view.page.keyboard.press("n")
    assert view.about("text") == "“·Mary and John”"
    view.write("text", "three tokens")
    view.click_layer(2, 5)  # the third row from below: the lowest is the embedding's
    view.notebook.wait_for_value("[view.selection.layer, view.selection.query]", [1, 5])
    view.page.keyboard.press("n")
    assert view.about("layers") == "layer 1 · “·to”"
    view.write("layers", "a place of the stream")

    view.click_head(3, 2)
    view.page.keyboard.press("z")
    view.wait_until_settled("changed", changes=1)
    view.change_row(0).get_by_role("button", name=re.compile("^write a note about")).click()
    assert view.about("changes") == "z of head 3.2 set to zero"
    view.write("changes", "without it the answer falls")
    view.wait_for_notes(
        "two heads", "one cell", "one row", "a region", "three tokens", "a place of the stream", "without it the answer falls"
    )
    view.notes.locator(".card").nth(6).wait_for()

    tokens = view.notebook.value("[str(token) for token in view.capture.tokens]")
    to_the_store, names = [5, 8, "".join(tokens[5:8])], [1, 4, "".join(tokens[1:4])]
    assert view.note("two heads")["heads"] == [[3, 1], [1, 2]]
    assert view.note("one cell")["spans"] == {"query": [9, 10, " John"], "key": [1, 2, " Mary"]}
    assert view.note("one row")["spans"] == {"query": [9, 10, " John"]}
    assert view.note("a region")["spans"] == {"query": to_the_store, "key": names}
    assert view.note("three tokens")["spans"] == {"query": names} and view.note("three tokens")["layer"] is None
    stream = view.note("a place of the stream")
    assert [stream["layer"], stream["head"], stream["spans"], stream["field"]] == [1, None, {"query": [5, 6, " to"]}, "logit_lens"]
    change = view.note("without it")
    assert change["evidence"] == "intervened" and {name: change["change"][name] for name in ("site", "layer", "head")} == {
        "site": "z",
        "layer": [3],
        "head": [2],
    }
    assert {note["evidence"] for note in view.told() if note is not change and "without" not in note["text"]} == {"observed"}
    quotes = {event["set"]["text"]: event["set"]["place"].get("spans", []) for event in events(tmp_path / FILE) if "text" in event["set"]}
    assert [span["quote"] for span in quotes["one cell"]] == [" John", " Mary"]

    view.click_head(3, 1)
    view.button("changes", "clean run").click()
    view.wait_until_settled("clean", changes=1)
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    assert view.marked_heads() == [(1, 2), (3, 1), (3, 2)], "the heads of these notes and no others"
    assert view.cell_is_marked(9, 1) and not view.cell_is_marked(1, 1)
    assert view.cell_is_marked(5, 3), "a region's corner is that of its first row and last key"
    assert [position for position in range(len(tokens)) if view.token_is_marked(position)] == [1, 2, 3, 5, 6, 7, 9]
    assert "noted" in (view.change_row(0).get_attribute("class") or "")
    view.click_head(0, 0)
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    assert not view.cell_is_marked(9, 1), "that was another head's"
    assert [position for position in range(len(tokens)) if view.token_is_marked(position)] == [1, 2, 3]


def test_notes_are_answered_edited_resolved_deleted_and_brought_back_by_mouse_and_by_keys(view: NotedView):
    view.open_notes()
    view.notebook.python("view.annotate('first', layer=3, head=1, tags=['old']); view.annotate('second', tokens=' Mary')")
    view.card("second").wait_for()

    view.does("first", "reply").click()
    assert view.focus() == ["textarea", "a reply", "notes"]
    view.page.keyboard.type("why is that?")
    view.page.keyboard.press("Control+Enter")
    view.card("why is that?").wait_for()
    assert view.note("why is that?")["reply_to"] == view.note("first")["id"]
    assert view.notes.get_by_role("list", name="replies").filter(has_text="why is that?").count() == 1

    view.does("first", "edit").click()
    lines = view.notes.get_by_role("form", name="edit this note")
    lines.locator("textarea").fill("**first**, more carefully")
    lines.get_by_label("tags").fill("new, old")
    lines.get_by_label("evidence").select_option("attributed")
    lines.get_by_role("button", name="Save").click()
    view.card("first, more carefully").get_by_text("edited").wait_for()
    note = view.note("first")
    assert [note["text"], note["tags"], note["evidence"]] == ["**first**, more carefully", ["new", "old"], "attributed"]

    view.does("first, more", "resolve").click()
    view.card("first, more").wait_for(state="detached")
    view.notebook.wait_for_value("[note.text for note in view.notes.filter(resolved=True)]", ["**first**, more carefully"])
    view.button("notes", "filter").click()
    view.notes.get_by_label("resolved too").click()
    view.does("first, more", "reopen").click()
    view.notebook.wait_for_value("len(view.notes.filter(resolved=True))", 0)

    view.does("second", "delete").click()
    view.card("second").wait_for(state="detached")
    view.notebook.wait_for_value("'second' in [note.text for note in view.notes]", False)
    view.notes.get_by_role("button", name=re.compile("^Undo: deleted “second”")).click()
    view.card("second").wait_for()
    view.notebook.wait_for_value("'second' in [note.text for note in view.notes]", True)

    keyboard = view.page.keyboard
    view.card("first, more").locator(".where").focus()
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    assert view.host.evaluate("(host) => host.shadowRoot.activeElement.closest('.card').innerText").find("second") >= 0
    keyboard.press("r")
    assert view.focus() == ["textarea", "a reply", "notes"]
    keyboard.type("by keys")
    keyboard.press("Control+Enter")
    view.card("by keys").wait_for()
    view.page.wait_for_function(f"(host) => ({FOCUSED_CARD})(host)?.includes('second')", arg=view.host.element_handle())
    keyboard.press("e")
    assert view.focus() == ["textarea", "edit this note", "notes"]
    keyboard.press("End")
    keyboard.type(" thought")
    keyboard.press("Control+Enter")
    view.card("second thought").wait_for()
    view.notebook.wait_for_value("'second thought' in [note.text for note in view.notes]", True)
    keyboard.press("Delete")
    view.card("second thought").wait_for(state="detached")
    view.notebook.wait_for_value("'second thought' in [note.text for note in view.notes]", False)
    assert view.focus()[2] == "notes", "who walks by keys stays in the list"
    undo = view.notes.get_by_role("button", name=re.compile("^Undo: deleted “second thought”"))
    undo.focus()
    keyboard.press("Enter")
    view.card("second thought").wait_for()
    assert view.notebook.page.locator(".jp-CodeCell").count() == 3, "no key of it was a command of the notebook"


FOCUSED_CARD = "(host) => host.shadowRoot.activeElement?.closest('.card')?.innerText"


def test_python_and_screen_are_two_hands_on_the_same_notes(view: NotedView):
    view.notebook.python("note = view.annotate('from *Python*', layer=1, head=3, query=5, key=2, tags=['a'], author='ana')")
    view.card("from Python").wait_for()  # and the panel opened for it
    view.wait_until_quiet()
    assert view.head_is_marked(1, 3)
    assert "ana" in view.card("from Python").inner_text()
    view.notebook.python("view.notes.edit(note, text='from Python, *edited*', tags=['b'])")
    view.card("from Python, edited").wait_for()
    view.page.wait_for_function("(card) => /b/.test(card.innerText)", arg=view.card("from Python, edited").element_handle())
    assert view.tags("from Python, edited") == ["b"]
    view.notebook.python("heard = []; view.notes.observe(lambda notes: heard.append([note.text for note in notes]))")
    view.does("from Python", "edit").click()
    view.notes.get_by_role("form", name="edit this note").locator("textarea").fill("from the screen")
    view.page.keyboard.press("Control+Enter")
    view.card("from the screen").wait_for()
    view.notebook.wait_for_value("heard[-1:]", [["from the screen"]])
    assert view.notebook.value("note.id == view.notes[0].id and view.notes[0].author") == "ana"
    view.notebook.python("view.notes.remove(note)")
    view.card("from the screen").wait_for(state="detached")
    view.wait_until_quiet()
    assert not view.head_is_marked(1, 3)
    view.notebook.python("view.notes.undo()")
    view.card("from the screen").wait_for()
