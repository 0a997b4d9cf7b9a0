"""Several sentences that belong together: small stories, coloured things, a verdict."""

from __future__ import annotations

import random

from .example import Example, article
from .words import ANIMALS, BAD, COLOURS, FEELINGS, GOOD, MEN, PLACES, SHOWN, THINGS, TRAITS, WOMEN

TURNS = (
    "{Pro} was {feeling}.",
    "{name} went to the {place}.",
    "{friend} was a friend of {name}.",
    "{Pro} liked the {thing} very much.",
    "Every day {name} played with {friend}.",
    "It was {article_trait} {trait} {animal}.",
)
ENDINGS = (
    ("At last {name} took the", "{thing}", " home."),
    ("In the end {friend} gave the {thing} back to", "{name}", "."),
    ("That night the {animal} slept in the", "{place}", "."),
    ("So {friend} and", "{name}", " were happy."),
)


def story(rng: random.Random) -> Example:
    """A named animal, a place, a thing and a friend; the last sentence asks for one of them."""
    woman = rng.random() < 0.5
    name = rng.choice(WOMEN if woman else MEN)
    friend = rng.choice(MEN if woman else WOMEN)
    thing, trait = rng.choice(THINGS), rng.choice(TRAITS)
    words = {
        "name": name,
        "friend": friend,
        "thing": thing,
        "a": article(thing),
        "place": rng.choice(PLACES),
        "animal": rng.choice(ANIMALS),
        "trait": trait,
        "article_trait": article(trait),
        "feeling": rng.choice(FEELINGS),
        "Pro": "She" if woman else "He",
    }
    lines = [
        "Once there was {article_trait} {trait} {animal} named {name} who lived in the {place}.",
        "One day {name} found {a} {thing} and showed it to {friend}.",
        *rng.sample(TURNS, rng.randint(0, 2)),
    ]
    start, answer, rest = rng.choice(ENDINGS)
    prompt = " ".join([*lines, start]).format(**words)
    return Example(prompt, (" " + answer.format(**words),), rest)


def colours(rng: random.Random) -> Example:
    """Which colour a thing has, two to five things after they were told."""
    count = rng.randint(2, 5)
    things, shades = rng.sample(THINGS, count), rng.sample(COLOURS, count)
    told = " ".join(f"The {thing} is {shade}." for thing, shade in zip(things, shades, strict=True))
    asked = rng.randrange(count)
    question = rng.choice(("The color of the {} is", "So the {} is", "What color is the {}? It is")).format(things[asked])
    return Example(f"{told} {question}", (" " + shades[asked],), ".")


def sentiment(rng: random.Random) -> Example:
    """A verdict that follows from the adjectives before it."""
    good = rng.random() < 0.5
    first, second = rng.sample(GOOD if good else BAD, 2)
    shown = rng.choice(SHOWN)
    prompt = rng.choice(("The {s} was {a} and {b}. I", "What {art} {a} {s}! It was {b}. I", "We saw a {s}. It was {a} and {b}. We")).format(
        s=shown, a=first, b=second, art=article(first)
    )
    return Example(prompt, (" loved" if good else " hated",), f" the {shown}.")
