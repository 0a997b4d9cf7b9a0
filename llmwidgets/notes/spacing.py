"""Which tokens stand apart from the one before, where the tokens do not say so themselves (tokenizers that cut at white space: word level,
WordPiece).

Always true: pure, and linear in the length of the prompt. Kinds of tokens that carry their white space stay as they are. Of the others a
token of kind "text" becomes "word" where a space stands before it, and "rest" where it goes on with a word after its "##".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

_SPACE = re.compile(r"\s")
_WINDOW = 256  # letters of the prompt in which a token is looked for: between may be what the tokenizer has no token for
_CLOSES, _OPENS = re.compile(r"[.,;:!?%)\]}]"), re.compile(r"[(\[{]")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Letters of scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""


def spaced(tokens: Sequence[str], kinds: Sequence[str], prompt: str | None) -> tuple[str, ...]:
    """The kinds of the tokens, with what stands apart and what does not told; prompt: its text, where that is known.

    >>> spaced(("[CLS]", "the", "cat", "play", "##ed", "."), ("special", *["text"] * 5), "The cat played.")
    ('special', 'text', 'word', 'word', 'rest', 'text')
    >>> spaced(("the", " cat"), ("text", "text"), "the cat")
    ('text', 'text')
    """
    texts = [token for token, kind in zip(tokens, kinds, strict=True) if kind == "text"]
    if "byte" in kinds or any(map(_SPACE.search, texts)):
        return tuple(kinds)
    if not any(map(_goes_on, texts)) and not (_words_meet(texts) if prompt is None else len(prompt.split()) > 1):
        return tuple(kinds)
    return _by_letters(tokens, kinds) if prompt is None else _by_prompt(tokens, kinds, prompt)


def _by_prompt(tokens: Sequence[str], kinds: Sequence[str], prompt: str) -> tuple[str, ...]:
    text, at, told = _folded(prompt), 0, []
    for token, kind in zip(tokens, kinds, strict=True):
        if kind != "text":
            told.append(kind)
            continue
        word = _folded(token)
        found = text.find(word, at, at + _WINDOW + len(word))
        if _goes_on(token) and (found < 0 or text[at:found].strip()):
            told.append("rest")
            at += len(word) - 2 if text.startswith(word[2:], at) else 0
            continue
        told.append("word" if found < 0 or _SPACE.search(text, at, found) else "text")
        at = at if found < 0 else found + len(word)
    return tuple(told)


def _by_letters(tokens: Sequence[str], kinds: Sequence[str]) -> tuple[str, ...]:
    told, before = [], ""
    for token, kind in zip(tokens, kinds, strict=True):
        if kind != "text" or not token:
            told.append(kind)
            continue
        apart = not before or not (_CLOSES.match(token) or _OPENS.match(before) or (UNSPACED.match(before) and UNSPACED.match(token)))
        told.append("rest" if _goes_on(token) else "word" if apart else "text")
        before = token[-1]
    return tuple(told)


def _goes_on(token: str) -> bool:
    return len(token) > 2 and token.startswith("##")


def _words_meet(texts: Sequence[str]) -> bool:
    """Whether a token ends with a letter, and the next begins with one, of a script that puts spaces between words."""
    letters = ((a[-1:], b[:1]) for a, b in pairwise(texts))
    return any(a.isalnum() and b.isalnum() and not UNSPACED.match(a) and not UNSPACED.match(b) for a, b in letters)


def _folded(text: str) -> str:
    """Without large letters and accents, as many tokenizers of words make it."""
    return "".join(letter for letter in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(letter) != "Mn")
