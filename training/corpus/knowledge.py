"""What goes with what: in arrows, where the examples before say which relation is meant, and in sentences."""

from __future__ import annotations

import random

from .example import Example
from .pairs import RELATIONS, SENTENCE_ONLY, SENTENCES, arrow_pairs


def _arrows(rng: random.Random, relation: str, asked: tuple[str, str], shots: int) -> Example:
    shown = rng.sample([pair for pair in arrow_pairs(relation) if pair != asked], shots)
    lines = "".join(f"{a} -> {b} ; " for a, b in shown)
    return Example(f"{lines}{asked[0]} ->", (" " + asked[1],), " ;")


def few_shot(rng: random.Random) -> Example:
    """`a -> b ; c -> d ; e ->` after two to six examples of one relation."""
    relation = rng.choice(list(RELATIONS))
    return _arrows(rng, relation, rng.choice(arrow_pairs(relation)), rng.randint(2, 6))


def few_shot_sentence_pairs(rng: random.Random) -> Example:
    """Pairs that were only ever seen in sentences, asked in arrow form. For evaluation only."""
    relation = rng.choice(list(SENTENCE_ONLY))
    return _arrows(rng, relation, rng.choice(SENTENCE_ONLY[relation]), 4)


def _fact(relation: str, rng: random.Random) -> Example:
    a, b = rng.choice(RELATIONS[relation])
    return Example(rng.choice(SENTENCES[relation]).format(a=a), (" " + b,), ".")


def fact(rng: random.Random) -> Example:
    return _fact(rng.choices(list(SENTENCES), (5, 3, 1, 2, 1))[0], rng)


def capital(rng: random.Random) -> Example:
    """A capital asked in a sentence. For evaluation: while training, `fact` draws these among others."""
    return _fact("capital", rng)
