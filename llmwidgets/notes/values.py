"""What each field of a note may hold when it comes from a file.

Always true: pure; a value is taken whole or left out with a few words, never cut. The bounds are generous beside those of note.py, to
which given.py holds a caller, so that what one version wrote another reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..fields import Place
from .note import EVIDENCE, LONGEST_NAME, LONGEST_TEXT, MOST_HEADS, MOST_TAGS

ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
LONGEST_PICTURE = 8_000_000  # letters of base64
ATTACHED = "attached:"
_GENEROUS = 10
_PICTURE = re.compile(r"(iVBORw0KGgo[A-Za-z0-9+/]*={0,2})?")  # begins as every PNG does
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def accepted(field: str, value: Any) -> tuple[bool, Any]:
    """Whether `field` is one of a note's, and its value as notes have it; ValueError in a few words for a value that it cannot have.

    >>> accepted("tags", ["mover", "mover"])
    (True, ('mover',))
    >>> accepted("mood", "good")
    (False, None)
    """
    if field.startswith(ATTACHED):
        return True, _spans(value)
    reader = _FIELDS.get(field)
    return (False, None) if reader is None else (True, reader(value))


def moment_of_day(value: Any) -> str:
    """An ISO 8601 time as it came, "" for anything else."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return ""
    try:
        datetime.fromisoformat(value[:19])
    except ValueError:
        return ""
    return value


def _text(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("is no text")
        if len(value) > longest:
            raise ValueError(f"is longer than {longest} letters")
        return value

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


def _tags(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST_TAGS * _GENEROUS:
        raise ValueError("is no list of tags")
    return tuple(dict.fromkeys(tag for tag in map(_text(LONGEST_NAME * _GENEROUS), value) if tag))


def _evidence(value: Any) -> str:
    if value not in EVIDENCE:
        raise ValueError("is no level of evidence")
    return value


def _reply(value: Any) -> str:
    if not isinstance(value, str) or (value and not ID.fullmatch(value)):
        raise ValueError("names no note")
    return value


def _moment(value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise ValueError("is no snapshot")
    return value


def _picture(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_PICTURE or not _PICTURE.fullmatch(value):
        raise ValueError("is no PNG in base64")
    return value


def _place(value: Any) -> Place:
    try:
        place = Place.from_json(value)
    except ValueError:
        raise ValueError("is no place") from None
    if len({span.coordinate for span in place.spans}) < len(place.spans):
        raise ValueError("has more than one span of a coordinate")
    if len(place.heads) > MOST_HEADS:
        raise ValueError(f"has more than {MOST_HEADS} heads")
    return place


def _spans(value: Any) -> dict[str, tuple[int, int]] | None:
    if value is None:
        return None
    try:
        spans = {name: (start, stop) for name, (start, stop) in value.items()}
        good = all(name in ("query", "key") and _counts(start) and _counts(stop) and start < stop for name, (start, stop) in spans.items())
    except (AttributeError, TypeError, ValueError):
        good = False
    if not good:
        raise ValueError("are no spans of tokens")
    return spans


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "text": _text(LONGEST_TEXT * _GENEROUS),
    "place": _place,
    "tags": _tags,
    "author": _text(LONGEST_NAME * _GENEROUS),
    "evidence": _evidence,
    "resolved": _flag,
    "reply_to": _reply,
    "ask": _text(LONGEST_TEXT * _GENEROUS),
    "moment": _moment,
    "picture": _picture,
    "removed": _flag,
}
