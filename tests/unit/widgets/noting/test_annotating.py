"""Notes written from Python and by the page are the same notes, about what was selected."""

from __future__ import annotations

import json

import pytest

import llmwidgets as lw
from tests.unit.widgets.noting.conftest import Asking
from tests.unit.widgets.tiny import drain

ABOUT = {"layer": 3, "head": 1, "heads": [], "query": [13, 14], "key": [2, 3], "change": None}


def test_a_note_from_python_is_on_screen_and_in_the_file(view, file):
    note = view.annotate("copies the *name*", layer=3, head=1, query=13, key=1, tags=["mover"])
    (item,) = view.noted["items"]
    assert item["id"] == note.id and item["text"] == "copies the *name*" and item["standing"] == "here" and item["tags"] == ["mover"]
    assert item["about"] == {"layer": 3, "head": 1, "heads": [], "query": [13, 14], "key": [1, 2], "change": None}
    assert item["tree"] == [{"tag": "p", "kids": ["copies the ", {"tag": "em", "kids": ["name"]}]}]
    assert item["words"] == "L3H1 · “ to” → “ Mary”" and item["evidence"] == "observed"
    (event, *_) = [json.loads(line) for line in file.read_text().splitlines()]
    assert event["note"] == note.id and event["set"]["place"]["spans"][0]["quote"] == " to"


def test_a_note_from_the_page_is_in_python_with_its_moment_and_picture(view, page):
    answer = page.ask(
        "note", op="add", text="copies", tags=["mover"], evidence="attributed", author="ana", field="attention", about=ABOUT,
        cursor={**view.cursor, "layer": 3, "head": 1, "query": 13, "key": 2},
    )  # fmt: skip
    (note,) = view.notes
    assert note.id == answer["id"] and note.author == "ana" and note.evidence == "attributed" and note.tags == ("mover",)
    assert note.place.span("key").quote == view.capture.tokens[2] and note.place.model == view.capture.model_fingerprint
    assert note.moment["cursor"]["key"] == 2 and note.moment["metric"]["target"] == " Mary"
    assert note.picture.startswith("iVBOR"), "a PNG, base64"
    assert view.notes.author == "ana" if hasattr(view.notes, "author") else view.noted["author"] == "ana"


@pytest.mark.parametrize(
    ("place", "about"),
    [
        ({}, {"layer": None, "head": None, "heads": [], "query": None, "key": None, "change": None}),
        ({"layer": 2}, {"layer": 2}),
        ({"layer": 2, "query": -1}, {"layer": 2, "query": [13, 14]}),
        ({"layer": 1, "head": 0, "query": (3, 6), "key": (0, 2)}, {"query": [3, 6], "key": [0, 2]}),
        ({"tokens": " John"}, None),
        ({"tokens": (1, 4)}, {"query": [1, 4]}),
    ],
)
def test_what_a_note_is_about_is_told_as_it_was_given(view, place, about):
    if about is None:
        with pytest.raises(ValueError, match="2"):  # John stands there twice
            view.annotate("who", **place)
        assert not view.noted["items"]
        return
    view.annotate("here", **place)
    (item,) = view.noted["items"]
    assert {name: item["about"][name] for name in about} == about


def test_a_note_on_an_intervention_is_of_the_strongest_evidence_and_knows_all_of_it(view, page):
    view.interventions.add(lw.Intervention("z", layer=3, head=2), name="the mover")
    drain(view)
    told = view.changes[0]["places"]
    page.ask("note", op="add", text="without it the answer falls", about={"change": told}, field="")
    (note,) = view.notes
    assert note.evidence == "intervened"
    assert lw.Intervention.from_json(note.place.change) == view.interventions[0].intervention
    assert view.noted["items"][0]["about"]["change"] == {**told, "how": "zero"}


def test_a_note_says_nothing_of_a_change_that_is_not_on_the_list_any_more(view, page):
    held = lw.Intervention("z", layer=3, head=2, replacement=lw.Replacement("own"))
    view.interventions = [lw.Intervention("z", layer=3, head=2), held]
    drain(view)
    places = view.changes[1]["places"]
    page.ask("note", op="add", text="held", about={"change": {**places, "how": "own"}}, field="")
    assert lw.Intervention.from_json(view.notes[0].place.change) == held and "held as in the clean run" in page.items()[0]["words"]
    view.interventions = []
    reply = page.refused("note", op="add", text="gone", about={"change": {**places, "how": "own"}}, field="")
    assert not reply.ok and "not on the list any more" in reply.error["message"] and len(view.notes) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"layer": 9},
        {"head": 1},
        {"layer": 0, "head": 7},
        {"query": 99},
        {"query": (3, 3)},
        {"tokens": "nothing like it"},
        {"field": "atention"},
        {"evidence": "proved"},
        {"tags": "mover"},
        {"layer": "three"},
    ],
)
def test_a_note_on_what_is_not_there_is_refused_and_nothing_is_written(view, file, wrong):
    with pytest.raises((LookupError, ValueError, TypeError), match=r"\w+"):
        view.annotate("x", **wrong)
    assert not file.exists() and not view.noted["items"]


@pytest.mark.parametrize(
    "params",
    [
        {"op": "add", "text": 3},
        {"op": "add", "text": ""},
        {"op": "add", "text": "x", "about": []},
        {"op": "add", "text": "x", "about": {"layer": 99}},
        {"op": "add", "text": "x", "about": {"query": [5, 2]}},
        {"op": "add", "text": "x", "about": {"heads": [[9, 9]]}},
        {"op": "add", "text": "x", "about": {"heads": 3}},
        {"op": "add", "text": "x", "about": {"query": "all"}},
        {"op": "add", "text": "x", "reply": "nobody"},
        {"op": "add", "text": "x", "author": ["ana"]},
        {"op": "edit", "id": "nobody", "text": "y"},
        {"op": "edit", "text": "y"},
        {"op": "remove", "id": 3},
        {"op": "burn"},
        {"op": "attach", "id": "nobody", "about": {}},
    ],
)
def test_what_the_page_may_not_write_is_a_bad_request_and_changes_nothing(view, page, file, params):
    reply = page.refused("note", **params)
    assert not reply.ok and reply.error["type"] == "BadRequest" and reply.error["message"]
    assert not file.exists() and not view.noted["items"]


def test_two_views_of_one_file_see_each_others_notes_at_once(view, demo, file):
    with_it = lw.HeadView(demo, notes=file)
    note = view.annotate("x", layer=0)
    assert [item["id"] for item in with_it.noted["items"]] == [note.id]
    with_it.notes.remove(note)
    assert view.noted["items"] == [] and view.noted["undo"] is None, "undo is each hand's own"
    with_it.close()
    view.annotate("y", layer=1)  # and nobody tells a closed one
    assert with_it.noted["items"] == []


def test_edit_resolve_reply_delete_and_undo_from_the_page_are_seen_in_python(view, page):
    first = page.ask("note", op="add", text="one", about=ABOUT, field="attention")["id"]
    page.ask("note", op="edit", id=first, text="**two**", tags=["a", "b"], evidence="intervened", resolved=True)
    note = view.notes[first]
    assert (note.text, note.tags, note.evidence, note.resolved) == ("**two**", ("a", "b"), "intervened", True)
    reply = page.ask("note", op="add", text="why?", reply=first)["id"]
    assert view.notes[reply].reply_to == first and view.notes[reply].place == note.place
    page.ask("note", op="remove", id=first)
    assert first not in [one.id for one in view.notes] and view.noted["undo"]
    page.ask("note", op="undo")
    assert view.notes[first].text == "**two**"


def test_the_trait_is_told_once_for_a_note_and_not_again_for_a_run_of_the_same_prompt(view):
    view.annotate("x", layer=3, head=2)
    told = []
    view.observe(lambda change: told.append(change.new), "noted")
    view.interventions.add(lw.Intervention("z", layer=3, head=2))
    drain(view)
    assert view.shown == "changed" and told == []


def test_a_view_without_a_run_shows_the_file_and_stands_on_the_run_when_it_comes(view, demo, file):
    view.annotate("x", layer=3, head=2)
    early = lw.Inspector(notes=file)
    assert [item["standing"] for item in early.noted["items"]] == ["detached"]
    early.show_capture(demo)
    assert [item["standing"] for item in early.noted["items"]] == ["here"]
    early.close()


def test_notes_of_another_prompt_move_with_their_quote_or_wait_for_a_choice(view, page):
    view.annotate("one", layer=3, head=1, query=13, key=1)
    view.annotate("two", tokens=(1, 2))
    view.show_capture(view.capture.again("Then Mary and John and Mary went to the store"))
    drain(view)
    second = next(item for item in page.items() if item["text"] == "two")
    assert second["standing"] == "choose" and len(second["choices"]) == 2 and second["about"] is None
    refused = page.refused("note", op="attach", id=second["id"], about={"query": [0, 1], "key": None})
    assert not refused.ok
    page.ask("note", op="attach", id=second["id"], about=second["choices"][1]["about"])
    again = next(item for item in page.items() if item["text"] == "two")
    assert again["standing"] == "moved" and again["about"] == second["choices"][1]["about"]


def test_asking_needs_a_run_first(file):
    view = lw.Inspector(notes=file)
    with pytest.raises(RuntimeError, match="no run yet"):
        view.annotate("x", layer=0)
    assert not Asking(view).refused("note", op="add", text="x", about=ABOUT).ok
    assert view.annotate("a thought").place.model == ""
    view.close()
    with pytest.raises(RuntimeError, match="closed"):
        view.annotate("x")


@pytest.mark.parametrize("cursor", [{"layer": "x"}, {"query": [0, 1]}, {"heads": 3}, 7, "here"])
def test_a_cursor_of_the_wrong_kind_is_a_bad_request(page, cursor):
    for method, params in (("note", {"op": "add", "text": "x", "about": ABOUT}), ("return", {"note": None})):
        reply = page.refused(method, **params, cursor=cursor)
        assert not reply.ok and reply.error["type"] == "BadRequest" and "cursor" in reply.error["message"]
    assert page.items() == []


def test_what_is_refused_changes_neither_author_nor_cursor(view, page):
    author, cursor = view.notes.author, dict(view.cursor)
    elsewhere = {**cursor, "layer": 0, "head": 0}
    assert not page.refused("note", op="add", text="", author="eve", about=ABOUT, cursor=elsewhere).ok
    assert not page.refused("return", note="0123456789abcdef", cursor=elsewhere).ok
    assert view.notes.author == author and view.cursor == cursor
    page.ask("note", op="add", text="x", author="eve", about=ABOUT, cursor=elsewhere)
    assert view.notes.author == "eve" and view.notes[0].author == "eve" and view.cursor == cursor


def test_a_reply_is_about_what_it_answers_unless_it_says_otherwise(view):
    note = view.annotate("looks there", layer=3, head=1, query=13, key=1)
    assert view.annotate("yes", reply_to=note).place == note.place
    assert view.annotate("and here", reply_to=note, layer=2).place.cursor == {"layer": 2}


def test_what_is_no_path_of_a_file_leaves_no_half_made_view(demo, tmp_path):
    from ipywidgets.widgets import widget

    before = len(widget._instances)
    for wrong in (tmp_path, 3, "x.ipynb"):
        with pytest.raises((TypeError, ValueError), match=r"path|notebook"):
            lw.Inspector(demo, notes=wrong)
    assert len(widget._instances) == before


def test_a_view_comes_whatever_stands_under_the_name_of_the_default_file(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "llmwidgets-notes.jsonl").mkdir()
    with pytest.warns(UserWarning, match="kept in memory"):
        view = lw.Inspector(demo)
        view.annotate("x", layer=0)
    assert view.notes.state == view.noted["state"] == "unsaved" and view.noted["message"] and len(view.notes) == 1
    view.close()
