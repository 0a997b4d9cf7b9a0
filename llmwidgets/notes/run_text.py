"""The text of a run out of its tokens, and which characters each token covers.

Always true: pure, and linear in the number of tokens. Special tokens take no part in the text; before bare ids (of a run without a
tokenizer) and before words that stand apart there is a space; tokens that are bytes count as the characters that they make together, and a
byte that makes none as it is written. Where a piece of the text stands again is anchor.py's.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache

_BYTES = re.compile(r"(?:<0x[0-9A-Fa-f]{2}>)+")


@dataclass(frozen=True)
class RunText:
    """The text of a run, and for each token the characters [starts[i], stops[i]) that it covers: none for a special one.

    Tokens that make one character together all cover it.
    """

    text: str
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    tokens: tuple[str, ...]
    kinds: tuple[str, ...]

    def characters(self, start: int, stop: int) -> tuple[int, int]:
        """The characters that tokens start to stop (excluded) cover."""
        return self.starts[start], max(self.starts[start], self.stops[stop - 1])

    def covering(self, begin: int, end: int) -> tuple[int, int]:
        """The tokens that the characters begin to end (excluded, at least one) lie in."""
        return bisect_right(self.stops, begin), bisect_left(self.starts, end)

    def special(self, start: int, stop: int) -> bool:
        """Whether these tokens are special ones, all of them."""
        return all(kind == "special" for kind in self.kinds[start:stop])


@lru_cache(maxsize=8)
def text_of(tokens: tuple[str, ...], kinds: tuple[str, ...]) -> RunText:
    """The text of a run out of its tokens, whose kinds are those of a Ground.

    >>> text_of(("<s>", "it", "<0xE2><0x80>", "<0x99>", "s"), ("special", "text", "byte", "byte", "text")).text
    'it’s'
    >>> text_of(("the", "play", "##er", "."), ("word", "word", "rest", "text")).text
    'the player.'
    """
    pieces: list[str] = []
    starts, stops = [0] * len(tokens), [0] * len(tokens)
    at = i = 0
    while i < len(tokens):
        starts[i] = stops[i] = at
        if kinds[i] == "byte" and _BYTES.fullmatch(tokens[i]):
            i, at = _bytes(tokens, kinds, i, at, pieces, starts, stops)
            continue
        if kinds[i] in ("id", "word") and pieces:
            pieces.append(" ")
            at += 1
            starts[i] = at
        if kinds[i] != "special":
            pieces.append(tokens[i][2:] if kinds[i] == "rest" else tokens[i])
            at += len(pieces[-1])
            stops[i] = at
        i += 1
    return RunText("".join(pieces), tuple(starts), tuple(stops), tokens, kinds)


def _bytes(
    tokens: tuple[str, ...], kinds: tuple[str, ...], first: int, at: int, pieces: list[str], starts: list[int], stops: list[int]
) -> tuple[int, int]:
    """Read the byte tokens from `first` on as UTF-8; the token and the character after them."""
    raw = bytearray()
    owner: list[int] = []
    last = first
    while last < len(tokens) and kinds[last] == "byte" and _BYTES.fullmatch(tokens[last]):
        own = bytes.fromhex(tokens[last].replace("<0x", "").replace(">", ""))
        raw += own
        owner += [last] * len(own)
        last += 1
    seen = 0
    for i in range(len(raw)):
        if i < seen:
            continue
        letter, seen = _character(raw, i)
        for part in range(i, seen):
            token = owner[part]
            if part == 0 or owner[part - 1] != token:
                starts[token] = at
            stops[token] = at + len(letter)
        pieces.append(letter)
        at += len(letter)
    return last, at


def _character(raw: bytearray, i: int) -> tuple[str, int]:
    """The character that begins at byte i, and where it ends; a byte that makes none stands as it is written."""
    for length in (1, 2, 3, 4):
        try:
            return raw[i : i + length].decode("utf-8"), i + length
        except UnicodeDecodeError:
            continue
    return f"<0x{raw[i]:02X}>", i + 1
