"""Subject and verb agree in number across a noun that stands between them.

"The keys to the cabinet are": the verb follows "keys", not the nearer "cabinet". Any verb form of the
right number counts as an answer.
"""

from __future__ import annotations

import random

from .example import Example
from .words import NOUNS, PREPOSITIONS, STATES

# (singular, plural), the likeliest first.
VERBS = ((" is", " are"), (" was", " were"), (" has", " have"), (" seems", " seem"))
WEIGHTS = (0.62, 0.24, 0.06, 0.08)


def agreement(rng: random.Random) -> Example:
    subject, distractor = rng.sample(NOUNS, 2)
    number = rng.randrange(2)
    other = 1 - number if rng.random() < 0.6 else number
    prompt = f"The {subject[number]} {rng.choice(PREPOSITIONS)} the {distractor[other]}"
    verb = rng.choices(VERBS, WEIGHTS)[0][number]
    right = tuple(pair[number] for pair in VERBS)
    state = rng.choice(STATES)
    rest = f" been {state}." if verb in (" has", " have") else f" {state}."
    if rng.random() < 0.3:
        again = "it" if number == 0 else "they"
        rest += f" I like {'it' if number == 0 else 'them'} because {again}{VERBS[0][number]} {rng.choice(STATES)}."
    return Example(prompt, (verb, *(v for v in right if v != verb)), rest)
