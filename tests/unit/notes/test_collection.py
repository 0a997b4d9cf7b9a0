"""Notes as a sequence: found, filtered, shown and tabled."""

from __future__ import annotations

import pytest

import llmwidgets as lw
from llmwidgets.fields import Place, Span
from llmwidgets.notes import Note, Notes
from llmwidgets.notes.collection import NoteList

COPIES = Place("attention", {"layer": 3, "head": 1}, (Span("query", 13, 14, " to"), Span("key", 2, 3, " Mary")))
STREAM_PLACE = Place("logit_lens", {"layer": 2}, (Span("query", 10, 11, " John"),))
HEAD = Note("a1", "copies **Mary** to the end", COPIES, tags=("mover",), author="ana", evidence="intervened")
STREAM = Note("b2", "the name is there already", STREAM_PLACE, author="bob", resolved=True)
SEVERAL = Note("c3", "Straße der Köpfe", Place(heads=((3, 1), (2, 0))), tags=("mover", "L2"), reply_to="a1")
NOTES = NoteList([HEAD, STREAM, SEVERAL])


def ids(notes):
    return [note.id for note in notes]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["a1", "b2", "c3"]),
        ({"tag": "mover"}, ["a1", "c3"]),
        ({"tag": "mov"}, []),
        ({"author": "bob"}, ["b2"]),
        ({"author": ""}, ["c3"]),
        ({"layer": 3}, ["a1", "c3"]),
        ({"layer": 2}, ["b2", "c3"]),
        ({"layer": 2, "head": 0}, ["c3"]),
        ({"layer": 3, "head": 0}, []),
        ({"head": 1}, ["a1", "c3"]),
        ({"field": "attention"}, ["a1"]),
        ({"field": ""}, ["c3"]),
        ({"evidence": "intervened"}, ["a1"]),
        ({"resolved": False}, ["a1", "c3"]),
        ({"resolved": True}, ["b2"]),
        ({"search": "MARY copies"}, ["a1"]),
        ({"search": "strasse"}, ["c3"]),
        ({"search": "john"}, ["b2"]),
        ({"search": "l2 mover"}, ["c3"]),
        ({"search": "mary nowhere"}, []),
        ({"tag": "mover", "resolved": False, "search": "mary"}, ["a1"]),
    ],
)
def test_filters_hold_all_at_once(filters, found):
    assert ids(NOTES.filter(**filters)) == found


def test_it_is_a_sequence_of_notes_by_number_and_by_id():
    assert len(NOTES) == 3 and NOTES[-1] is SEVERAL and NOTES["b2"] is STREAM
    assert isinstance(NOTES[1:], NoteList) and ids(NOTES[1:]) == ["b2", "c3"]
    assert HEAD in NOTES and "c3" in NOTES and "d4" not in NOTES and 3 not in NOTES
    assert NOTES.index(STREAM) == 1 and next(reversed(NOTES)) is SEVERAL
    assert ids(NOTES.replies_to(HEAD)) == ids(NOTES.replies_to("a1")) == ["c3"]
    assert bool(NOTES) and not NoteList()
    with pytest.raises(KeyError, match=r"^there is no note with the id d4 among these 3$"):
        NOTES["d4"]


def test_its_table_has_a_row_a_note():
    table = NOTES.to_pandas()
    assert list(table.index) == ["a1", "b2", "c3"] and table.index.name == "id"
    assert table.loc["a1", ["layer", "head", "field", "query", "key", "quote"]].tolist() == [
        3,
        1,
        "attention",
        (13, 14),
        (2, 3),
        " to →  Mary",
    ]
    assert table.loc["c3", "heads"] == [(3, 1), (2, 0)] and table.loc["c3", "reply_to"] == "a1"
    assert list(NoteList().to_pandas().columns) == list(table.columns) and len(NoteList().to_pandas()) == 0


def test_its_repr_shows_texts_as_one_line_without_control_letters():
    odd = Note("d4", "one\ntwo \x1b[31mred\u202e" + "x" * 100, tags=("a\nb",), author="<b>")
    shown = repr(NoteList([odd] * 20))
    assert shown.startswith("20 notes\n  d4  one two \ufffd[31mred\ufffdxxx") and shown.endswith("and 8 more")
    assert len(shown.splitlines()) == 14 and all(line.isprintable() for line in shown.splitlines())


def test_it_is_taken_along_as_markdown_and_as_web_annotations(tmp_path):
    path = tmp_path / "notes.md"
    text = NOTES.to_markdown(path)
    assert "the name is there already" in text and path.read_text(encoding="utf-8") == text
    notes = Notes(tmp_path / "notes.jsonl", author="ana")
    notes.add("one", place=HEAD.place)
    assert "one" in str(notes.to_w3c()) and "one" in notes.to_markdown()


def test_a_note_can_be_placed_on_a_run_by_coordinates(tmp_path):
    run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    notes = Notes(tmp_path / "notes.jsonl", author="ana")
    note = notes.add("the last position", run=run, layer=1, head=2, query=-1, field="attention")
    assert (note.layer, note.head, note.place.field, note.evidence) == (1, 2, "attention", "observed")
    last = len(run.tokens) - 1
    assert (note.place.span("query").start, note.place.span("query").stop) == (last, last + 1)
    assert note.place.span("query").quote == run.tokens[-1] and note.place.prompt == run.prompt_fingerprint
    assert notes.add("of a field of my own", run=run, field="mine").evidence == "unstated"
    with pytest.raises(IndexError, match="layer"):
        notes.add("nowhere", run=run, layer=99)
    assert len(notes) == 2
