"""What is typed into the lines of a note is letters, to the view and to JupyterLab; nothing that was typed is lost."""

from __future__ import annotations

import pytest

from tests.browser.noted import SELECTED, NotedView, noted

TYPED = "n x z a b dd [ ] m ? 0 j k"  # keys of the views and commands of a notebook


@pytest.fixture
def view(warm, tmp_path):
    with noted(warm, tmp_path) as made:
        yield made


def test_keys_typed_into_the_lines_are_letters_and_escape_loses_nothing(view: NotedView):
    keyboard, cells = view.page.keyboard, view.page.locator(".jp-CodeCell")
    view.click_head(2, 1)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [2, 1])
    before = view.notebook.value(SELECTED)
    keyboard.press("n")
    lines = view.lines("heads")
    lines.wait_for()
    lines.get_by_text("ask first, in a tour").click()
    ask = lines.get_by_label("a question to ask before the note is shown")
    for line in (lines.locator("textarea"), lines.get_by_label("tags"), lines.get_by_label("author"), ask):
        line.click()
        keyboard.press("ControlOrMeta+A")
        keyboard.type(TYPED)
        assert line.input_value() == TYPED
    for key in ("ArrowUp", "ArrowDown", "Delete", "Home", "PageDown"):
        keyboard.press(key)
    assert view.notebook.value(SELECTED) == before and cells.count() == 3
    assert view.notebook.value("len(view.interventions)") == 0

    keyboard.press("Escape")
    lines.get_by_role("button", name="discard").wait_for()
    keyboard.press("Escape")
    lines.wait_for(state="detached")
    assert view.focus()[2] == "heads"
    keyboard.press("n")
    lines.wait_for()
    assert lines.locator("textarea").input_value() == TYPED, "Escape never throws away what was typed"
    view.token(4).click()
    keyboard.press("n")
    lines = view.lines("text")
    lines.wait_for()
    assert lines.locator("textarea").input_value() == TYPED, "begun elsewhere, it goes along"
    assert view.lines("heads").count() == 0
    lines.get_by_label("tags").fill("one")
    lines.locator("textarea").click()
    keyboard.press("Control+Enter")
    view.card(TYPED).wait_for()
    note = view.note(TYPED)
    assert [note["text"], note["author"], note["ask"], note["tags"]] == [TYPED, TYPED, TYPED, ["one"]]

    assert view.focus()[2] == "text"
    keyboard.type("xbaddmM")  # the lines are gone: commands of the notebook, if they got there
    view.card(TYPED).locator(".where").focus()
    keyboard.type("xbaddmM")
    assert cells.count() == 3 and view.cards() == [TYPED]

    for name, form in (("reply", "a reply"), ("edit", "edit this note")):
        view.does(TYPED, name).first.click()
        line = view.notes.get_by_role("form", name=form).locator("textarea")
        line.press("ControlOrMeta+A")
        keyboard.type(TYPED)
        assert line.input_value() == TYPED
    view.button("notes", "filter").click()
    search = view.notes.get_by_label("search the notes")
    search.click()
    keyboard.type(TYPED)
    assert search.input_value() == TYPED
    assert cells.count() == 3 and view.notebook.value("[len(view.interventions), len(view.notes)]") == [0, 1]
