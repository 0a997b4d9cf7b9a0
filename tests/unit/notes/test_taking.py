"""Notes out of notebooks: what a view held when it was saved comes in once, and changes nothing that is known."""

from __future__ import annotations

import json

import pytest

from llmwidgets.fields import Place, Span
from llmwidgets.notes import Notes
from llmwidgets.notes.trouble import NotesFileWarning

ITEM = {
    "id": "6c1f6c1f6c1f6c1f", "text": "copies **Mary**", "tree": None, "tags": ["mover"], "author": "ana", "evidence": "intervened",
    "created": "2026-11-22T18:00:00Z", "edited": False, "resolved": True, "reply": None, "ask": "which?", "field": "attention",
    "standing": "here", "why": "", "words": "L3H1", "choices": [], "prompt": None,
    "about": {"layer": 3, "head": 1, "heads": [], "query": [13, 14], "key": [2, 3], "change": None},
}  # fmt: skip
DETACHED = {**ITEM, "id": "d0", "text": "somewhere", "about": None, "standing": "detached", "reply": ITEM["id"]}
CHANGE = {
    **ITEM,
    "id": "c0",
    "about": {
        "layer": None,
        "head": None,
        "heads": [[3, 1]],
        "query": None,
        "key": None,
        "change": {"site": "z", "layer": [3], "head": [1]},
    },
}


@pytest.fixture
def notes(tmp_path):
    return Notes(tmp_path / "notes.jsonl", author="bob")


@pytest.fixture
def saved(tmp_path):
    def save(*views, name="sent.ipynb"):
        state = {str(number): {"model_name": "AnyModel", "state": view} for number, view in enumerate(views)}
        kept = {"application/vnd.jupyter.widget-state+json": {"state": state, "version_major": 2}}
        path = tmp_path / name
        path.write_text(json.dumps({"cells": [], "metadata": {"widgets": kept}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
        return path

    return save


def test_the_notes_of_a_notebook_come_in_with_their_ids_and_places(notes, saved):
    came = notes.load(saved({"noted": {"items": [ITEM, DETACHED, CHANGE]}}, {"children": []}, {"noted": None}))
    assert [note.id for note in notes] == [note.id for note in came] == [ITEM["id"], "d0", "c0"], "in the order of the view"
    note = notes[ITEM["id"]]
    assert note.place == Place("attention", {"layer": 3, "head": 1}, (Span("query", 13, 14), Span("key", 2, 3)))
    assert (note.text, note.tags, note.author, note.evidence) == ("copies **Mary**", ("mover",), "ana", "intervened")
    assert (note.resolved, note.ask, note.created) == (True, "which?", "2026-11-22T18:00:00Z")
    assert notes["d0"].place == Place("attention") and notes["d0"].reply_to == ITEM["id"]
    assert notes["c0"].place.heads == ((3, 1),) and notes["c0"].place.change == {"site": "z", "layer": [3], "head": [1]}


@pytest.mark.parametrize("how", ["zero", "mean", "other", "own"])
def test_what_took_the_place_in_an_experiment_comes_along_as_far_as_the_view_told_it(notes, saved, how):
    change = {**CHANGE["about"]["change"], "how": how}
    notes.load(saved({"noted": {"items": [{**CHANGE, "about": {**CHANGE["about"], "change": change}}]}}))
    assert notes["c0"].place.change == {"site": "z", "layer": [3], "head": [1], "replacement": {"how": how}}
    said = {"zero": "set to zero", "mean": "set to a mean", "other": "taken from another prompt", "own": "held as in the clean run"}[how]
    assert f"z of head 3.1 {said}" in notes.to_markdown()


def test_of_a_change_that_came_without_its_replacement_nothing_is_claimed(notes, saved):
    notes.load(saved({"noted": {"items": [CHANGE]}}))
    assert "z of head 3.1 changed" in notes.to_markdown() and "zero" not in notes.to_markdown()


def test_loading_twice_doubles_nothing_in_any_kernel(notes, saved, another_kernel):
    path = saved({"noted": {"items": [ITEM]}}, {"noted": {"items": [ITEM]}})
    there = another_kernel(notes.path.with_name("there.jsonl"))
    for which in (notes, notes, there):
        which.load(path)
    assert len(notes) == len(there) == 1
    assert notes.path.read_text() == there.path.read_text(), "two people who load one notebook write one event"


def test_what_is_known_already_is_not_changed_nor_what_was_deleted_brought_back(notes, saved):
    kept, gone = notes.add("mine"), notes.add("deleted")
    notes.remove(gone)
    path = saved({"noted": {"items": [{**ITEM, "id": kept.id}, {**ITEM, "id": gone.id}, {**ITEM, "id": "77"}]}})
    assert [note.id for note in notes.load(path)] == ["77"]
    assert notes[kept.id] == kept and gone.id not in notes


def test_the_notes_own_file_has_the_last_word_over_the_notebook_whichever_comes_first(notes, saved, another_kernel):
    there = another_kernel(notes.path.with_name("there.jsonl"))
    note = there.add("as its file says")
    notes.load(saved({"noted": {"items": [{**ITEM, "id": note.id}]}}))
    assert notes[note.id].text == ITEM["text"]
    notes.load(there.path)
    assert notes[note.id].text == "as its file says"


@pytest.mark.parametrize(
    "broken",
    [3, None, {}, {**ITEM, "id": "<b>"}, {**ITEM, "text": 3}, {**ITEM, "about": {"query": [1]}}, {**ITEM, "about": {"layer": "x"}}],
)
def test_an_item_that_is_no_note_is_left_out_with_a_warning(notes, saved, broken):
    with pytest.warns(NotesFileWarning, match=r"1 notes of sent\.ipynb could not be read"):
        came = notes.load(saved({"noted": {"items": [broken, ITEM]}}))
    assert [note.id for note in came] == [ITEM["id"]]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        "[]",
        '{"metadata": {"widgets": 3}}',
        '{"metadata": {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": []}}}}',
    ],
)
def test_what_is_no_notebook_is_said_to_be_none(notes, tmp_path, content):
    path = tmp_path / "broken.ipynb"
    path.write_text(content)
    with pytest.raises(ValueError, match="no notebook"):
        notes.load(path)
    assert len(notes) == 0


def test_a_notebook_without_views_has_no_notes(notes, tmp_path):
    path = tmp_path / "plain.ipynb"
    path.write_text('{"cells": [], "metadata": {}}')
    assert len(notes.load(path)) == 0
