"""Order and form: brackets, years, sequences, lists said twice."""

from __future__ import annotations

import random

from .example import Example
from .pairs import RELATIONS
from .words import ANIMALS, COLOURS, EVENTS, PLACES, THINGS

BRACKETS = {"(": ")", "[": "]", "{": "}"}


def brackets(rng: random.Random) -> Example:
    """Opened and closed brackets; after the bar all that are open are closed, the last one first."""
    items, stack = [], []
    for _ in range(rng.randint(4, 14)):
        if stack and (len(stack) >= 5 or rng.random() < 0.42):
            items.append(BRACKETS[stack.pop()])
        else:
            stack.append(rng.choice(list(BRACKETS)))
            items.append(stack[-1])
    if not stack:
        stack.append(rng.choice(list(BRACKETS)))
        items.append(stack[-1])
    closing = [BRACKETS[mark] for mark in reversed(stack)]
    asked = rng.randrange(len(closing))
    prompt = " ".join([*items, "|", *closing[:asked]])
    return Example(prompt, (" " + closing[asked],), "".join(" " + mark for mark in closing[asked + 1 :]) + " .")


YEAR_FORMS = (
    "The {event} lasted from the year {c}{y} to the year {c}",
    "The {event} began in {c}{y} and ended in {c}",
    "The {event} went on from {c}{y} until {c}",
)


def greater_than(rng: random.Random) -> Example:
    """The end of a span of years lies after its start (Hanna et al. 2023, arXiv 2305.00586)."""
    century, start = rng.randint(11, 19), rng.randint(2, 96)
    # Ends lie near the start more often than not, as spans do, yet every later year can follow.
    end = min(99, start + 1 + int(rng.expovariate(1 / 18))) if rng.random() < 0.7 else rng.randint(start + 1, 99)
    prompt = rng.choice(YEAR_FORMS).format(event=rng.choice(EVENTS), c=century, y=f"{start:02d}")
    later = tuple(f"{year:02d}" for year in range(start + 1, 100) if year != end)
    return Example(prompt, (f"{end:02d}", *later), ".")


def word_list(rng: random.Random) -> Example:
    """A list of words, said again in the same order."""
    words = rng.sample(THINGS + PLACES + ANIMALS + COLOURS, rng.randint(3, 9))
    asked = rng.randrange(1, len(words))
    prompt = " ".join(words) + " ; " + " ".join(words[:asked])
    return Example(prompt, (" " + words[asked],), "".join(" " + word for word in words[asked + 1 :]) + " .")


_NEXT = dict(RELATIONS["next"])
LETTERS = "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
COUNT = "one two three four five six seven eight nine ten eleven twelve".split()


def ordered(rng: random.Random) -> Example:
    """Days, months, letters, number words, and numbers in equal steps."""
    kind = rng.randrange(5)
    if kind == 4:
        step = rng.choice((1, 1, 2, 5, 10))
        length = rng.randint(4, 7)
        first = rng.randint(0, 99 - step * (length - 1))
        items = [str(first + step * i) for i in range(length)]
    else:
        source = (LETTERS, DAYS, MONTHS, COUNT)[kind]
        length = rng.randint(4, min(8, len(source)))
        first = rng.randrange(len(source) - length + 1)
        items = source[first : first + length]
    asked = rng.randrange(3, length)
    return Example(" ".join(items[:asked]), (" " + items[asked],), "".join(" " + item for item in items[asked + 1 :]))
