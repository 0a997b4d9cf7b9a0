"""Which tasks the corpus has, how often each comes, and a seeded stream of its documents.

The shares sum to 1. Random tokens repeated are not text and are made where rows are (`training.rows`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from . import agreement, knowledge, people, scenes, structure
from .example import Example, Maker

TASKS: dict[str, tuple[float, Maker]] = {
    "indirect object": (0.16, people.indirect_object),
    "few-shot arrows": (0.13, knowledge.few_shot),
    "agreement": (0.09, agreement.agreement),
    "facts": (0.09, knowledge.fact),
    "pronouns": (0.09, people.pronoun),
    "stories": (0.08, scenes.story),
    "greater than": (0.08, structure.greater_than),
    "brackets": (0.07, structure.brackets),
    "colours": (0.09, scenes.colours),
    "word lists": (0.04, structure.word_list),
    "sequences": (0.05, structure.ordered),
    "sentiment": (0.03, scenes.sentiment),
}

# Asked in the report, never trained on in this form.
HELD_OUT: dict[str, Maker] = {
    "indirect object, new names": people.indirect_object_new_names,
    "indirect object, new templates": people.indirect_object_new_templates,
    "capitals in sentences": knowledge.capital,
    "sentence pairs in arrows": knowledge.few_shot_sentence_pairs,
}


def maker(task: str) -> Maker:
    """The maker of a task by its name in the report."""
    return TASKS[task][1] if task in TASKS else HELD_OUT[task]


def examples(task: str, count: int, seed: int = 0) -> list[Example]:
    """`count` examples of one task; the same seed gives the same ones."""
    rng = random.Random(f"{seed} {task}")
    return [maker(task)(rng) for _ in range(count)]


def documents(rng: random.Random) -> Iterator[str]:
    """Texts without end, mixed by the shares."""
    makers = [make for _, make in TASKS.values()]
    shares = [share for share, _ in TASKS.values()]
    while True:
        yield rng.choices(makers, shares)[0](rng).text
