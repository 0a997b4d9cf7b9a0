"""The lines of a file of notes: which hold events, and which are set aside, with their numbers and why.

Always true: no line raises, whatever it holds; nothing is changed in the file. A last line without its newline counts once it is whole:
an object of JSON is never the beginning of a longer one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from .event import Event, ForeignLineError, read_event

LONGEST_LINE = 32 * 2**20  # bytes; a longer one is set aside unread
_MARKERS = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")
_EMPTY = b" \t\r\n\x00"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Aside:
    """What was not read, or not all of it: the number of the line (from 1), why, and a digest that knows the line again."""

    line: int
    why: str
    digest: bytes


@dataclass
class Lines:
    """What a stretch of a file holds. read, count: bytes and lines up to the last newline; torn: what stands behind it and is no event."""

    events: list[Event] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    read: int = 0
    count: int = 0
    torn: Aside | None = None


def read_lines(stream: BinaryIO, before: int = 0) -> Lines:
    """The rest of a stream, of which `before` lines came earlier.

    >>> import io
    >>> lines = read_lines(io.BytesIO(b'hello\\n{"v":1,"id":"e1","clo'))
    >>> [(one.line, one.why) for one in lines.aside], lines.torn.line, lines.read
    ([(1, 'no JSON')], 2, 6)
    """
    found = Lines()
    while raw := stream.readline(LONGEST_LINE):
        length = len(raw)
        cut = length == LONGEST_LINE and not raw.endswith(b"\n")
        piece = raw
        while cut and piece and not piece.endswith(b"\n"):
            piece = stream.readline(LONGEST_LINE)
            length += len(piece)
        number = before + found.count + 1
        event, aside = (None, _aside(number, "longer than 32 MB", raw)) if cut else _read(number, raw)
        if event is not None:
            found.events.append(event)
        if not piece.endswith(b"\n"):
            if event is None:
                found.torn = aside and replace(aside, why="the last, which is torn")
            break
        found.count += 1
        found.read += length
        if aside is not None:
            found.aside.append(aside)
    return found


def _read(number: int, raw: bytes) -> tuple[Event | None, Aside | None]:
    body = raw.removeprefix(_BOM).strip(_EMPTY)
    if not body:
        return None, _aside(number, "null bytes", raw) if b"\x00" in raw else None
    if body.startswith(_MARKERS):
        return None, _aside(number, "a conflict marker of git; both sides were read", raw)
    line = body.decode("utf-8", errors="replace")
    try:
        event = read_event(line)
    except ForeignLineError as error:
        return None, _aside(number, str(error), raw)
    why = "; ".join(event.complaints) or ("bytes that are no UTF-8" if _damaged(body) else "")
    return event, _aside(number, why, raw) if why else None


def _damaged(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _aside(number: int, why: str, raw: bytes) -> Aside:
    return Aside(number, why, hashlib.blake2b(b"%d " % number + raw.rstrip(b"\r\n"), digest_size=16).digest())
