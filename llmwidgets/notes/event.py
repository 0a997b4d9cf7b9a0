"""An event: new values for some fields of one note, and the line of a file that holds it.

Always true: an event never changes; its order among others is (clock, id), never the time of day; `values` holds only what values.py
accepts, `raw` the whole object with whatever else a newer writer put there. Reading never looks outside the line that it is given, so
every kernel makes the same of it. Files are log.py's, what follows from many events is merge.py's.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from .values import ID, accepted, moment_of_day

VERSION = 1
LAST_WHOLE = 2**53 - 1  # whole numbers up to here are read alike by every reader of JSON
LAST_CLOCK = 2**52  # nobody counts as far; a line that says so would leave no clock to those who come after it
DEEPEST = 60  # levels of brackets


class ForeignLineError(ValueError):
    """A line that holds no event which this version can read. It stays in the file as it is."""


@dataclass(frozen=True, eq=False)
class Event:
    """One event.

    id, note: names of the event and of its note; clock: a Lamport clock
    at: UTC by the writer's clock, ISO 8601, "" where the line had none that can be read; by: who wrote it
    values: the fields that it sets; complaints: what was left out of it, in words
    raw: the whole object as JSON has it
    """

    id: str
    clock: int
    note: str
    at: str
    by: str
    values: Mapping[str, Any]
    raw: Mapping[str, Any]
    complaints: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, str]:
        """Where it stands among events: a later one has the last word."""
        return self.clock, self.id

    @cached_property
    def canonical(self) -> str:
        """The one line of JSON that stands for this content, without the newline."""
        return _written(self.raw)


def make_event(note: str, clock: int, values: Mapping[str, Any], *, by: str = "", at: str | None = None, id: str | None = None) -> Event:
    """An event of this moment, with a name of its own. `values` as JSON has them.

    >>> event = make_event("00aa", 3, {"text": "copies **Mary**"}, by="ana", at="2026-11-22T18:00:00.123Z", id="00e1")
    >>> event.canonical
    '{"v":1,"id":"00e1","clock":3,"note":"00aa","at":"2026-11-22T18:00:00.123Z","by":"ana","set":{"text":"copies **Mary**"}}'
    >>> read_event(event.canonical).values == event.values
    True
    """
    raw = {
        "v": VERSION,
        "id": id or secrets.token_hex(8),
        "clock": min(clock, LAST_CLOCK),
        "note": note,
        "at": now() if at is None else at,
        "by": by,
        "set": dict(values),
    }
    return read_event(_written(raw))


def id_after(id: str) -> str:
    """A new id that is greater than this one, for events on the last clock there is.

    >>> id_after("5f3a")[:4], id_after("0zz")[:1]
    ('5f3b', '1')
    """
    kept = id[:40].rstrip(_LETTERS[-1])
    last = _LETTERS[_LETTERS.index(kept[-1]) + 1] if kept else _LETTERS[-1] * 40
    return kept[:-1] + last + secrets.token_hex(8)


_LETTERS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"  # of ids, in their order


def now() -> str:
    """This moment in UTC, to the millisecond, as lines have it."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_event(line: str) -> Event:
    """The event of a line; ForeignLineError says in a few words why there is none."""
    try:
        raw = json.loads(line, parse_int=_whole, parse_float=_finite, parse_constant=_nothing)
    except (ValueError, RecursionError) as error:
        raise ForeignLineError(str(error) if isinstance(error, ForeignLineError) else "no JSON") from None
    if not isinstance(raw, dict):
        raise ForeignLineError("no JSON object")
    if line.count("[") + line.count("{") > DEEPEST and _depth(raw) > DEEPEST:
        raise ForeignLineError(f"nested deeper than {DEEPEST} levels")
    if _SURROGATE.search(line):
        raw = _whole_letters(raw)
    version = raw.get("v")
    if version != VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        raise ForeignLineError(f"written by a newer version (v {version})" if newer else "no event of notes")
    id, clock, note, by, sets = (raw.get(name) for name in ("id", "clock", "note", "by", "set"))
    if not (isinstance(id, str) and ID.fullmatch(id) and isinstance(note, str) and ID.fullmatch(note)):
        raise ForeignLineError("no id")
    if not isinstance(clock, int) or isinstance(clock, bool) or clock < 0:
        raise ForeignLineError("no clock")
    if clock > LAST_CLOCK:
        raise ForeignLineError("no clock that counting leads to")
    if not isinstance(sets, dict):
        raise ForeignLineError("sets nothing")
    values, complaints = {}, []
    for field, value in sets.items():
        try:
            known, value = accepted(field, value)
        except ValueError as error:
            complaints.append(f"{field:.40} {error}")
        else:
            if known:
                values[field] = value
    return Event(id, clock, note, moment_of_day(raw.get("at")), by if isinstance(by, str) else "", values, raw, tuple(complaints))


def _written(raw: Mapping[str, Any]) -> str:
    text = json.dumps(raw, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _LONE.sub("\N{REPLACEMENT CHARACTER}", text)


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")  # half of a letter may stand there; whole pairs are read by JSON itself
_LONE = re.compile("[\ud800-\udfff]")


def _whole_letters(value: Any) -> Any:
    """The same without halves of letters (lone surrogates), which no file and no page can take."""
    if isinstance(value, str):
        return _LONE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_whole_letters(one) for one in value]
    if isinstance(value, dict):
        return {_whole_letters(name): _whole_letters(one) for name, one in value.items()}
    return value


def _depth(value: Any) -> int:
    deepest, rest = 0, [(value, 1)]
    while rest:
        one, depth = rest.pop()
        if isinstance(one, dict | list):
            deepest = max(deepest, depth)
            rest += [(kid, depth + 1) for kid in (one.values() if isinstance(one, dict) else one)]
    return deepest


def _whole(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LAST_WHOLE:
        raise ForeignLineError("a whole number that JSON's readers do not agree on")
    return int(digits)


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def _nothing(_name: str) -> None:
    """NaN and the infinities, which JSON does not have."""
    return None
