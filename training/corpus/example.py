"""One document of the corpus, cut at the place where its answer stands.

`prompt + answers[0] + rest` is the text that is trained on. `answers` are all next words that count as
right after `prompt`; the generator knows them because it wrote the document. This module knows nothing
of tokens.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Example:
    """A prompt, the words that may follow it (each with its leading space), and how the text goes on."""

    prompt: str
    answers: tuple[str, ...]
    rest: str = ""

    @property
    def text(self) -> str:
        return self.prompt + self.answers[0] + self.rest


class Maker(Protocol):
    """What a task is: it draws one example from a seeded generator."""

    def __call__(self, rng: random.Random) -> Example: ...


def article(word: str) -> str:
    """The indefinite article that goes before `word`.

    >>> article("apple"), article("drink")
    ('an', 'a')
    """
    return "an" if word[0] in "aeiou" else "a"


def sentence(text: str) -> str:
    """`text` with its first letter a capital."""
    return text[0].upper() + text[1:]
