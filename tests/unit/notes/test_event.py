"""A line of a file of notes: what is an event, what is not, and why; whatever it holds, reading answers in one way."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmwidgets.notes.event import LAST_CLOCK, ForeignLineError, id_after, make_event, read_event
from llmwidgets.notes.values import moment_of_day


def line(**changes):
    whole = {"v": 1, "id": "e1", "clock": 3, "note": "n1", "at": "2026-11-22T18:00:00.123Z", "by": "ana", "set": {"text": "hm"}}
    return json.dumps({name: value for name, value in {**whole, **changes}.items() if value is not ...})


def test_an_event_is_read_as_it_was_written():
    event = make_event("n1", 7, {"text": "copies “Mary” 🙂\u2028\n", "tags": ["mover"], "mood": {"x": [1]}}, by="ana")
    again = read_event(event.canonical)
    assert (again.id, again.clock, again.note, again.at, again.by) == (event.id, 7, "n1", event.at, "ana")
    assert again.values == {"text": "copies “Mary” 🙂\u2028\n", "tags": ("mover",)}
    assert "\n" not in event.canonical
    assert again.raw["set"]["mood"] == {"x": [1]}, "a field of a newer version stays in the file"
    assert again.canonical == event.canonical


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("hello", "no JSON"),
        ('{"v": 1, "id": "e1"', "no JSON"),
        ("[]", "no JSON object"),
        ("3", "no JSON object"),
        ('"text"', "no JSON object"),
        ("{}", "no event of notes"),
        (line(v="1"), "no event of notes"),
        (line(v=True), "no event of notes"),
        (line(v=2), "newer version"),
        (line(id=...), "no id"),
        (line(id=3), "no id"),
        (line(id="a/b"), "no id"),
        (line(id="x" * 65), "no id"),
        (line(note=None), "no id"),
        (line(clock=-1), "no clock"),
        (line(clock=1.5), "no clock"),
        (line(clock="3"), "no clock"),
        (line(clock=True), "no clock"),
        (line(clock=2**52 + 1), "no clock that counting leads to"),
        (line(clock=2**53 - 1), "no clock that counting leads to"),
        (line(clock=2**53), "whole number"),
        (line(clock=10**4000), "whole number"),
        ('{"v": ' + "9" * 9000 + "}", "whole number"),
        (line(set=[]), "sets nothing"),
        (line(set=...), "sets nothing"),
        (line(set={"x": 0}).replace("0", "[" * 70 + "]" * 70), "nested deeper"),
        ("[" * 100_000, "no JSON"),
        ('{"a":' * 100_000, "no JSON"),
    ],
)
def test_a_foreign_line_says_why(text, why):
    with pytest.raises(ForeignLineError, match=why):
        read_event(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 3),
        ("text", "x" * 200_001),
        ("place", []),
        ("place", {"spans": [{"coordinate": "query", "start": 0, "stop": 1, "quote": "w"}] * 2}),
        ("place", {"heads": [[0, 0]] * 20_001}),
        ("place", {"cursor": {"layer": "3"}}),
        ("tags", "mover"),
        ("tags", [3]),
        ("tags", ["x"] * 501),
        ("author", None),
        ("evidence", "certain"),
        ("evidence", ["observed"]),
        ("resolved", 1),
        ("removed", "yes"),
        ("reply_to", "<b>"),
        ("ask", []),
        ("moment", [1]),
        ("picture", "AAAA"),
        ("picture", 'iVBORw0KGgo"onload=x'),
        ("attached:p", {"query": [3, 2]}),
        ("attached:p", {"query": [1]}),
        ("attached:p", {"layer": [1, 2]}),
        ("attached:p", [1, 2]),
    ],
)
def test_a_field_that_cannot_be_is_left_out_and_the_others_hold(field, value):
    event = read_event(line(set={field: value, "ask" if field != "ask" else "text": "still here"}))
    assert list(event.values.values()) == ["still here"]
    assert len(event.complaints) == 1 and event.complaints[0].startswith(field)


def test_halves_of_letters_become_the_replacement_character_and_whole_pairs_stay():
    event = read_event(r'{"v":1,"id":"e1","clock":1,"note":"n1","set":{"text":"a\ud800b \ud83d\ude42","tags":["\udfff"]}}')
    assert event.values == {"text": "a\ufffdb 🙂", "tags": ("\ufffd",)}
    event.canonical.encode("utf-8")
    assert make_event("n1", 1, {"text": "a\ud800"}).values["text"] == "a\ufffd"


def test_numbers_that_json_does_not_have_become_null():
    event = read_event('{"v":1,"id":"e1","clock":1,"note":"n1","set":{"moment":{"a":NaN,"b":[Infinity,-Infinity,1e999,0.5]}}}')
    assert event.values["moment"] == {"a": None, "b": [None, None, None, 0.5]}
    json.loads(event.canonical, parse_constant=lambda name: pytest.fail(name))


@pytest.mark.parametrize(
    ("at", "read"),
    [
        ("2026-11-22T18:00:00Z", "2026-11-22T18:00:00Z"),
        ("2026-11-22T18:00:00.5+01:00", "2026-11-22T18:00:00.5+01:00"),
        ("2026-13-22T18:00:00Z", ""),
        ("yesterday", ""),
        (3, ""),
        (None, ""),
        ("<script>", ""),
    ],
)
def test_a_time_is_one_of_the_calendar_or_none(at, read):
    assert moment_of_day(at) == read
    assert read_event(line(at=at)).at == read


@given(st.from_regex(r"[0-9A-Za-z_-]{1,64}", fullmatch=True), st.integers(1, 60))
def test_ids_that_come_after_another_are_greater_however_often(id, times):
    for _ in range(times):
        after = id_after(id)
        assert make_event("n1", 1, {}, id=after).id == after, "it can be read"
        assert after > id or id.startswith("z" * 40)
        id = after


def test_a_clock_that_has_run_out_stays_where_every_reader_can_follow():
    assert read_event(make_event("n1", LAST_CLOCK + 5, {}).canonical).clock == LAST_CLOCK


anything = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.floats() | st.text(),
    lambda kids: st.lists(kids) | st.dictionaries(st.text(), kids),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["v", "id", "clock", "note", "at", "by", "set", "x"]), anything | st.just(1) | st.just("e1")))
def test_any_object_is_an_event_or_a_foreign_line(raw):
    try:
        event = read_event(json.dumps(raw))
    except ForeignLineError:
        return
    assert read_event(event.canonical).values == event.values


@given(st.dictionaries(st.sampled_from(["text", "place", "tags", "evidence", "moment", "removed", "attached:p", "x"]), anything))
def test_any_values_are_taken_or_left_out(values):
    event = read_event(line(set=values))
    assert set(event.values) <= set(values) - {"x"}
    assert len(event.values) + len(event.complaints) == len(set(values) - {"x"})
    again = read_event(event.canonical)
    assert repr(again.values) == repr(event.values) and again.canonical == event.canonical
    assert not any(isinstance(value, float) and not math.isfinite(value) for value in event.values.values())
