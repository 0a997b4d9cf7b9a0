"""Token ids as readable strings, with the spaces that stand in the text.

What always holds: one string and one kind ("text", "special" or "byte") per id; without a tokenizer the
string is the id itself. Marks for spaces and newlines are the front end's business: here a space is a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

_BYTE_PIECE = re.compile(r"<0x[0-9A-Fa-f]{2}>")
_SENTENCEPIECE_SPACE = "\u2581"
_REPLACEMENT = "\ufffd"


def token_names(tokenizer: Any, ids: Iterable[int]) -> list[str]:
    """Return the decoded string of each id, on its own: ``[" the", " cat", "\\n", "<0xE2>"]``."""
    return [name for name, _ in _named(tokenizer, ids)]


def token_kinds(tokenizer: Any, ids: Iterable[int]) -> list[str]:
    """Return "text", "special" or "byte" (a part of a character that is no text by itself) for each id."""
    return [kind for _, kind in _named(tokenizer, ids)]


def _named(tokenizer: Any, ids: Iterable[int]) -> list[tuple[str, str]]:
    ids = [int(i) for i in ids]
    if tokenizer is None:
        return [(str(i), "text") for i in ids]
    special = set(getattr(tokenizer, "all_special_ids", ()))
    return [_name_one(tokenizer, i, i in special) for i in ids]


def _name_one(tokenizer: Any, token_id: int, is_special: bool) -> tuple[str, str]:
    try:
        piece = tokenizer.convert_ids_to_tokens(token_id)
    except (IndexError, KeyError, OverflowError):
        piece = None
    if piece is None:  # a model's vocabulary is often padded beyond its tokenizer's
        return f"<{token_id}>", "special"
    if is_special:
        return piece, "special"
    if _BYTE_PIECE.fullmatch(piece):
        return piece, "byte"
    if _SENTENCEPIECE_SPACE in piece:
        return piece.replace(_SENTENCEPIECE_SPACE, " "), "text"
    text = tokenizer.decode([token_id], skip_special_tokens=False, clean_up_tokenization_spaces=False)
    if _REPLACEMENT in text and _REPLACEMENT not in piece:
        alphabet = _byte_alphabet()
        if all(letter in alphabet for letter in piece):
            if bytes(alphabet[letter] for letter in piece).decode("utf-8", "replace").encode() != text.encode():
                return text, "byte"
            return "".join(f"<0x{alphabet[letter]:02X}>" for letter in piece), "byte"
        return text, "byte"
    return (text or piece), "text"


@lru_cache(maxsize=1)
def _byte_alphabet() -> dict[str, int]:
    """The letters by which byte-level tokenizers write bytes: printable ones stand for themselves, the
    others follow from U+0100 on (GPT-2's byte-level BPE, Radford et al. 2019)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(b): b for b in printable} | {chr(0x100 + n): b for n, b in enumerate(others)}
