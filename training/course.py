"""The two courses of training: the whole one, and a short second one that goes on from its weights.

A course says, after `done` (0 to 1) of its steps: the learning rate as a share of its top, the length of rows, the share of rows
that are random tokens repeated, and how the tasks of the corpus are mixed. The second exists because "colours of objects" stayed at
chance in the first: it needs a look two tokens back joined to a match, and few of its tokens carry any signal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .corpus.mixer import TASKS

SHORT_ROWS = 0.07  # of the steps


@dataclass(frozen=True)
class Course:
    """How training goes; each function takes the share of steps that are done."""

    steps: int
    rate: Callable[[float], float]
    row_length: Callable[[float], int]
    repeat_share: Callable[[float], float]
    shares: Mapping[str, float]
    looks_by_adam: bool = False  # query and key matrices learn by AdamW; else by Muon, as the blocks' other matrices


def _rate(done: float) -> float:
    """Flat to 25 %, then linear to 2 %."""
    return min(1.0, done / 0.02 + 0.01) if done < 0.25 else 1.0 - 0.98 * (done - 0.25) / 0.75


def _row_length(done: float) -> int:
    """Short rows first: among few keys, looking back one token and copying are found many times sooner."""
    return 20 if done < SHORT_ROWS else 64 if done < 0.9 else 128


def _repeat_share(done: float) -> float:
    """Most of the short rows, then 35 %, ramped down to 10 % (an abrupt end makes a dip)."""
    return 0.75 if done < SHORT_ROWS else 0.35 - 0.25 * min(1.0, max(0.0, (done - 0.25) / 0.3))


def _with_more(more: Mapping[str, float]) -> dict[str, float]:
    """The corpus's shares with some raised and the others lowered alike."""
    rest = sum(share for task, (share, _) in TASKS.items() if task not in more)
    return {task: more.get(task, share / rest * (1 - sum(more.values()))) for task, (share, _) in TASKS.items()}


WHOLE = Course(2800, _rate, _row_length, _repeat_share, {task: share for task, (share, _) in TASKS.items()})
SECOND = Course(
    900,
    rate=lambda done: min(1.0, done / 0.03 + 0.01) * (0.6 - 0.58 * done),
    row_length=lambda done: 64 if done < 0.85 else 128,
    repeat_share=lambda done: 0.2,
    shares=_with_more({"colours": 0.35, "sequences": 0.1}),
    looks_by_adam=True,
)
