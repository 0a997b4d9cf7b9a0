"""How a note stands on a run: on the very place, moved with its quote, to be chosen, carried over from another model, or detached.

Always true: pure; a note is never dropped, and one that is not found says why. Spans are found by anchor.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .ground import Ground
from .note import Note

Spans = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Standing:
    """kind: "here", "moved", "choose", "carried" or "detached"; spans: where its tokens are on this run, by coordinate ("query", "key");
    why: one sentence, "" for here; choices: for "choose", every place that it may mean, likeliest first."""

    kind: str
    spans: Spans = field(default_factory=dict)
    why: str = ""
    choices: tuple[Spans, ...] = ()


def standing(note: Note, ground: Ground) -> Standing:
    """How `note` stands on the run of `ground`."""
    raise NotImplementedError
