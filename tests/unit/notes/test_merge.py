"""Merging: neither order nor repetition nor the files that events came in matter, and what comes out is what a naive fold says."""

from __future__ import annotations

import io
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.fields import Place
from llmwidgets.notes import merge as merge_module
from llmwidgets.notes.event import make_event, read_event
from llmwidgets.notes.lines import read_lines
from llmwidgets.notes.merge import Merge
from llmwidgets.notes.note import Note

VALUES = {
    "text": st.sampled_from(["a", "b"]),
    "place": st.sampled_from([{}, {"field": "attention"}]),
    "tags": st.lists(st.sampled_from("xy"), max_size=2, unique=True),
    "resolved": st.booleans(),
    "removed": st.booleans(),
    "evidence": st.sampled_from(["observed", "no such"]),
    "attached:p": st.sampled_from([None, {"query": [1, 2]}, {"key": [0, 3]}]),
}


@st.composite
def an_event(draw):
    """Few ids, notes and clocks, so that they often clash: also one id with different content."""
    values = {name: draw(of) for name, of in VALUES.items() if draw(st.booleans())}
    at = f"2026-01-01T00:00:0{draw(st.integers(0, 9))}Z"
    return make_event(draw(st.sampled_from("mn")), draw(st.integers(0, 4)), values, at=at, id=draw(st.sampled_from("abcdef")))


def naive(events):
    """The notes by the letter of docs/notes.md: smaller line of one id, sort, apply one after the other."""
    lines = {}
    for event in events:
        lines[event.id] = min(lines.get(event.id, event.canonical), event.canonical)
    notes = {}
    for raw in sorted((json.loads(line) for line in lines.values()), key=lambda raw: (raw["clock"], raw["id"])):
        note = notes.setdefault(raw["note"], {"created": raw["at"], "modified": ""})
        edits = {name: value for name, value in raw["set"].items() if not (name == "evidence" and value == "no such")}
        note.update(edits)
        if edits.keys() & {"text", "tags", "evidence", "ask", "resolved"}:
            note["modified"] = raw["at"]
    return {
        id: Note(
            id,
            note["text"],
            Place.from_json(note["place"]),
            tags=tuple(note.get("tags", ())),
            evidence=note.get("evidence", "unstated"),
            resolved=note.get("resolved", False),
            created=note["created"],
            modified=note["modified"],
            attached={"p": {name: tuple(span) for name, span in note["attached:p"].items()}} if note.get("attached:p") else {},
        )
        for id, note in notes.items()
        if "text" in note and "place" in note and not note.get("removed")
    }


def told(merge):
    return {note.id: note for note in merge.notes()}


@settings(max_examples=150, deadline=None)
@given(st.lists(an_event(), max_size=14), st.randoms(use_true_random=False))
def test_it_says_what_the_naive_fold_says_in_any_order_with_any_repetition_from_any_files(events, chance):
    expected = naive(events)
    merge = Merge()
    for event in events:
        merge.unite([event])
    assert told(merge) == expected

    shuffled = events + [chance.choice(events) for _ in events]
    chance.shuffle(shuffled)
    again = Merge()
    again.unite(shuffled)
    assert told(again) == expected

    files = [[] for _ in range(3)]
    for event in shuffled:
        files[chance.randrange(3)].append(event.canonical)
    from_files = Merge()
    for lines in files:
        from_files.unite(read_lines(io.BytesIO("\n".join(lines).encode())).events)
    assert told(from_files) == expected
    assert [note.id for note in from_files.notes()] == [note.id for note in again.notes()] == [note.id for note in merge.notes()]


@settings(max_examples=60, deadline=None)
@given(st.lists(an_event(), max_size=8), st.lists(an_event(), max_size=8), st.lists(an_event(), max_size=8))
def test_union_is_associative_and_commutative_and_of_a_set_with_itself_the_same(a, b, c):
    def union(*parts):
        merge = Merge()
        for part in parts:
            merge.unite(part)
        return merge

    ab, bc = union(a, b).in_order(), union(b, c).in_order()
    expected = told(union(a, b, c))
    assert told(union(ab, c)) == told(union(a, bc)) == told(union(c, b, a)) == told(union(c, ab, bc, a)) == expected


def test_the_latest_clock_has_the_last_word_on_each_field_whatever_the_time_of_day():
    merge = Merge()
    merge.unite(
        [
            make_event("n", 1, {"text": "first", "place": {}, "tags": ["x"]}, at="2030-01-01T00:00:00Z"),
            make_event("n", 3, {"text": "third"}, at="2010-01-01T00:00:00Z"),
            make_event("n", 2, {"text": "second", "tags": ["y"]}, at="2050-01-01T00:00:00Z"),
        ]
    )
    (note,) = merge.notes()
    assert (note.text, note.tags, note.created, note.modified) == ("third", ("y",), "2030-01-01T00:00:00Z", "2010-01-01T00:00:00Z")


def test_on_one_clock_the_greater_id_has_the_last_word():
    merge = Merge()
    merge.unite([make_event("n", 1, {"text": text, "place": {}}, id=id) for id, text in (("e9", "nine"), ("e1", "one"))])
    assert merge.notes()[0].text == "nine"


def test_a_note_of_which_only_edits_are_known_waits_until_its_beginning_comes():
    merge = Merge()
    assert merge.unite([make_event("n", 5, {"text": "edited"})]) == {"n"}
    assert merge.notes() == () and merge.knows("n") and merge.note("n") is None
    merge.unite([make_event("n", 1, {"text": "begun", "place": {}})])
    assert [note.text for note in merge.notes()] == ["edited"]


def test_a_picture_that_comes_later_is_no_edit():
    merge = Merge()
    merge.unite([make_event("n", 1, {"text": "t", "place": {}}, at="2026-01-01T00:00:00Z")])
    merge.unite([make_event("n", 2, {"picture": "iVBORw0KGgo="}, at="2026-01-02T00:00:00Z")])
    (note,) = merge.notes()
    assert note.picture and note.modified == note.created


def test_an_event_moved_to_another_note_under_the_same_id_leaves_nothing_behind():
    one = make_event("m", 1, {"text": "t", "place": {}}, id="e", at="")
    other = make_event("n", 1, {"text": "t", "place": {}}, id="e", at="")
    smaller = min(one, other, key=lambda event: event.canonical)
    for order in ([one, other], [other, one]):
        merge = Merge()
        merge.unite(order)
        assert [note.id for note in merge.notes()] == [smaller.note]


def test_content_that_python_calls_equal_and_json_does_not_is_still_told_apart():
    start = '{"v":1,"id":"e","clock":1,"note":"n","set":{"text":"t","place":{},"resolved":'
    lines = [f"{start}{value}}}}}" for value in ("1", "true", "1.0")]
    answers = set()
    for order in (lines, lines[::-1], [lines[1], lines[0], lines[2]]):
        merge = Merge()
        merge.unite(read_event(line) for line in order)
        answers.add((merge.notes()[0].resolved, merge.events["e"].canonical))
    assert len(answers) == 1


@pytest.mark.parametrize("where", ["insort", "_note", "bisect_left"])
def test_an_interrupt_at_any_step_leaves_what_was_known_in_order(monkeypatch, where):
    first = [make_event("n", 1, {"text": "t", "place": {}}), make_event("m", 2, {"text": "u", "place": {}})]
    merge = Merge()
    merge.unite(first)
    more = [make_event("n", 3, {"text": "v"}), make_event("l", 4, {"text": "w", "place": {}})]
    with monkeypatch.context() as patch:
        true = getattr(merge_module, where)
        left = [1]

        def interrupted(*arguments):
            if left.pop() if left else 0:
                raise KeyboardInterrupt
            return true(*arguments)

        patch.setattr(merge_module, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            merge.unite(more)
    merge.unite(more)
    assert [note.text for note in merge.notes()] == ["v", "u", "w"]


@pytest.mark.parametrize("seed", range(3))
def test_a_long_history_taken_in_piece_by_piece_is_that_taken_in_at_once(seed):
    chance = random.Random(seed)
    events = [
        make_event(f"n{chance.randrange(40)}", chance.randrange(300), {name: value for name, value in [
            ("text", f"t{i}"), ("place", {}), ("tags", [str(i)]), ("removed", i % 7 == 0)] if chance.random() < 0.6}, id=f"e{i}", at="")
        for i in range(400)
    ]  # fmt: skip
    by_ones = Merge()
    for event in events:
        by_ones.unite([event])
    at_once = Merge()
    at_once.unite(events[::-1])
    assert by_ones.notes() == at_once.notes() and told(at_once) == naive(events)
