"""The positions that a caller asked for, counted from 0."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as as_integer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


def positions_of(run: Capture, positions: int | Sequence[int] | None) -> tuple[int, ...]:
    """The positions as a tuple: an int, several, or None for all; negative ones count from the end. IndexError for one outside."""
    if positions is None:
        return tuple(range(run.n_tokens))
    try:
        asked = [as_integer(positions)]
    except TypeError:
        asked = [as_integer(place) for place in positions]
    if not asked:
        raise ValueError("no position is asked for; give at least one")
    for place in asked:
        if not -run.n_tokens <= place < run.n_tokens:
            raise IndexError(f"position {place} is outside this prompt of {run.n_tokens} tokens (0 to {run.n_tokens - 1})")
    return tuple(place % run.n_tokens for place in asked)
