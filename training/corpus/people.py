"""Sentences about people: who receives a thing, and which pronoun stands for whom.

`indirect_object` is the task of Wang et al. 2022 (arXiv 2211.00593): two people are named, one of them
again as the giver, and the other is the answer. Either name comes first equally often.
"""

from __future__ import annotations

import random

from .example import Example, article, sentence
from .words import FEELINGS, HELD_OUT_NAMES, KNOWN_NAMES, MEN, NAMES, PLACES, THINGS, WOMEN

OPENINGS = (
    "When {x} and {y} went to the {place},",
    "After {x} and {y} went to the {place},",
    "While {x} and {y} were at the {place},",
    "Then, {x} and {y} went to the {place}.",
    "Then, {x} and {y} had a long talk at the {place}.",
    "When {x} and {y} met at the {place},",
    "Yesterday {x} and {y} walked to the {place}.",
    "{x} and {y} worked at the {place}.",
    "One day {x} met {y} at the {place}.",
    "In the morning {x} saw {y} near the {place}.",
    "After the lunch, {x} and {y} went to the {place}.",
    "{x} and {y} were good friends.",
    "The {place} was full, but {x} found {y} there.",
    "{x} sat with {y} in the {place}.",
)
GIVINGS = (
    "{giver} gave {a} {thing} to",
    "{giver} handed {a} {thing} to",
    "{giver} wanted to give {a} {thing} to",
    "{giver} decided to give {a} {thing} to",
    "{giver} brought {a} {thing} to",
    "{giver} sold {a} {thing} to",
    "{giver} showed the {thing} to",
    "{giver} gave the {thing} to",
    "{giver} said hello to",
    "{giver} sent {a} {thing} to",
)
HELD_OUT_OPENINGS = (
    "Late at night {x} walked with {y} to the {place}.",
    "When the {place} was empty, {x} and {y} came in.",
    "Before {x} and {y} left the {place},",
    "{x} lost {y} in the {place}.",
)
HELD_OUT_GIVINGS = ("{giver} took the {thing} and gave it to", "{giver} wrote a letter to", "{giver} brought the old {thing} to")


def _indirect_object(rng: random.Random, names: list[str], openings, givings) -> Example:
    x, y = rng.sample(names, 2)
    giver, receiver = (x, y) if rng.random() < 0.5 else (y, x)
    thing = rng.choice(THINGS)
    words = {"x": x, "y": y, "giver": giver, "thing": thing, "a": article(thing), "place": rng.choice(PLACES)}
    prompt = f"{rng.choice(openings)} {rng.choice(givings)}".format(**words)
    return Example(prompt, (" " + receiver,), rng.choice((".", ".", ". " + receiver + " was happy.", " at the " + words["place"] + ".")))


def indirect_object(rng: random.Random) -> Example:
    return _indirect_object(rng, KNOWN_NAMES, OPENINGS, GIVINGS)


def indirect_object_new_names(rng: random.Random) -> Example:
    """Names that never stood in such a sentence while training. For evaluation only."""
    return _indirect_object(rng, HELD_OUT_NAMES, OPENINGS, GIVINGS)


def indirect_object_new_templates(rng: random.Random) -> Example:
    """Sentences of a form never trained on. For evaluation only."""
    return _indirect_object(rng, KNOWN_NAMES, HELD_OUT_OPENINGS, HELD_OUT_GIVINGS)


PRONOUN_FORMS = (
    "{name} went home because",
    "{name} stayed at the {place} because",
    "{name} left the {place} when",
    "{name} looked for the {thing} until",
    "{name} bought {a} {thing} because",
    "When {name} came to the {place},",
    "{name} put the {thing} on the table before",
    "{other} waited at the {place}. {name} went home because",
)


def pronoun(rng: random.Random) -> Example:
    """The pronoun that fits the name; now and then someone of the other sex is named before."""
    woman = rng.random() < 0.5
    name = rng.choice(WOMEN if woman else MEN)
    thing = rng.choice(THINGS)
    words = {"name": name, "other": rng.choice(MEN if woman else WOMEN), "thing": thing, "a": article(thing), "place": rng.choice(PLACES)}
    rest = rng.choice((" was {feeling}.", " felt {feeling}.", " was {feeling} and {second}."))
    feeling, second = rng.sample(FEELINGS, 2)
    prompt = sentence(rng.choice(PRONOUN_FORMS).format(**words))
    return Example(prompt, (" she" if woman else " he",), rest.format(feeling=feeling, second=second))


def namesake(rng: random.Random) -> str:
    """Any name of the corpus, held-out ones too."""
    return rng.choice(NAMES)
