"""Files that are no good, or another's: every event in them is read, every other line is told of, and nothing raises."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmwidgets.notes import lines as module
from llmwidgets.notes.event import make_event
from llmwidgets.notes.lines import read_lines

ONE, TWO = (make_event("n", clock, {"text": f"t{clock}", "place": {}}, id=f"e{clock}", at="") for clock in (1, 2))
A, B = ONE.canonical.encode(), TWO.canonical.encode()


def read(data):
    return read_lines(io.BytesIO(data))


def ids(found):
    return [event.id for event in found.events]


@pytest.mark.parametrize(
    ("data", "aside"),
    [
        (A + b"\n" + B + b"\n", []),
        (A + b"\r\n" + B + b"\r\n", []),
        (b"\xef\xbb\xbf" + A + b"\n\n  \n" + B + b"\n", []),
        (A + b"\n\xef\xbb\xbf" + B + b"\n", []),
        (b"\x00\x00" + A + b"\x00\n" + B + b"\n", []),
        (A + b"\n\x00\x00\x00\n" + B + b"\n", [(2, "null bytes")]),
        (A + b"\nhello\n" + B + b"\n", [(2, "no JSON")]),
        (A + b'\n{"v": 9}\n' + B + b"\n", [(2, "written by a newer version (v 9)")]),
        (A + b"\n" + A[:30] + b"\n" + B + b"\n", [(2, "no JSON")]),
        (A + b"\n\xff\xfe\xfa\n" + B + b"\n", [(2, "no JSON")]),
        (A + b"\n" + b"[" * 100_000 + b"\n" + B + b"\n", [(2, "no JSON")]),
        (
            b"<<<<<<< HEAD\n" + A + b"\n=======\n" + B + b"\n>>>>>>> branch\n",
            [(number, "a conflict marker of git; both sides were read") for number in (1, 3, 5)],
        ),
    ],
)
def test_both_events_are_read_and_what_is_between_is_told_of(data, aside):
    found = read(data)
    assert ids(found) == ["e1", "e2"]
    assert [(one.line, one.why) for one in found.aside] == aside
    assert found.torn is None and found.read == len(data) and found.count == data.count(b"\n")


def test_a_last_line_without_its_newline_counts_when_it_is_whole_and_is_read_again_later():
    found = read(A + b"\n" + B)
    assert ids(found) == ["e1", "e2"] and found.torn is None
    assert found.read == len(A) + 1


@pytest.mark.parametrize("length", [1, 2, 20, len(B) - 1])
def test_a_torn_last_line_is_set_aside(length):
    found = read(A + b"\n" + B[:length])
    assert ids(found) == ["e1"] and found.torn.line == 2 and not found.aside
    assert found.read == len(A) + 1


def test_no_beginning_of_a_line_is_taken_for_the_line():
    assert all(read(B[:length]).torn is not None for length in range(1, len(B)))


def test_bad_letters_in_a_text_do_not_lose_the_note():
    found = read(A.replace(b"t1", b"t\xff1") + b"\n")
    assert found.events[0].values["text"] == "t\ufffd1"
    assert [one.why for one in found.aside] == ["bytes that are no UTF-8"]


def test_a_line_of_ten_megabytes_is_read():
    long = make_event("n", 3, {"moment": {"x": "y" * 10_000_000}}, id="e3", at="").canonical.encode()
    assert ids(read(A + b"\n" + long + b"\n" + B + b"\n")) == ["e1", "e3", "e2"]


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_past_all_bounds_is_stepped_over_unread(monkeypatch, end):
    monkeypatch.setattr(module, "LONGEST_LINE", 1000)
    found = read(A + b"\n" + b"x" * 3500 + b"\n" + B + b"\n" + b"y" * 1000 + end)
    assert ids(found) == ["e1", "e2"]
    asides = [*found.aside, *([found.torn] if found.torn else [])]
    assert [(one.line, one.why[:6]) for one in asides] == [(2, "longer"), (4, "longer" if end else "the la")]


def test_the_same_line_is_known_again_by_its_digest_also_when_it_was_torn_before():
    torn = read(A + b"\n" + B[:30]).torn
    (later,) = read(A + b"\n" + B[:30] + b"\n").aside
    assert torn.digest == later.digest and torn.line == later.line


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_round_whole_lines_leave_the_lines_readable(before, after):
    found = read(before + b"\n" + A + b"\n" + after + b"\n" + B + b"\n")
    assert {"e1", "e2"} <= set(ids(found))


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_never_raise_and_lose_only_damaged_lines(seed):
    chance = random.Random(seed)
    lines = [make_event(f"n{i}", i, {"text": f"t{i}", "place": {}}, id=f"e{i}", at="").canonical.encode() for i in range(60)]
    for _ in range(25):
        damaged = set()
        piece = [bytearray(line) for line in lines]
        for _ in range(10):
            at = chance.randrange(60)
            damaged.add(at)
            for _ in range(chance.randrange(1, 5)):
                piece[at][chance.randrange(len(piece[at]))] = chance.randrange(256)
        found = read(b"\n".join(bytes(line) for line in piece) + b"\n")
        assert {f"e{i}" for i in range(60) if i not in damaged} <= set(ids(found))
