"""The positions and layers that a caller asked for, counted from 0."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as as_integer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


def positions_of(run: Capture, positions: int | Sequence[int] | None) -> tuple[int, ...]:
    """The positions as a tuple: an int, several, or None for all; negative ones count from the end. IndexError for one outside."""
    if positions is None:
        return tuple(range(run.n_tokens))
    asked = _integers(positions, "position")
    for place in asked:
        if not -run.n_tokens <= place < run.n_tokens:
            raise IndexError(f"position {place} is outside this prompt of {run.n_tokens} tokens (0 to {run.n_tokens - 1})")
    return tuple(place % run.n_tokens for place in asked)


def layers_of(run: Capture, layers: int | Sequence[int] | None) -> tuple[int, ...]:
    """The layers as a tuple, likewise."""
    if layers is None:
        return tuple(range(run.n_layers))
    asked = _integers(layers, "layer")
    for layer in asked:
        if not -run.n_layers <= layer < run.n_layers:
            raise IndexError(f"layer {layer} does not exist; this run has 0 to {run.n_layers - 1}")
    return tuple(layer % run.n_layers for layer in asked)


def _integers(given: Any, what: str) -> list[int]:
    try:
        try:
            asked = [_integer(given)]
        except TypeError:
            asked = [_integer(place) for place in given]
    except TypeError:
        raise TypeError(f"{given!r} came as {what}s; expected a whole number, several, or None for all") from None
    if not asked:
        raise ValueError(f"no {what} is asked for; give at least one, or None for all")
    return asked


def _integer(given: Any) -> int:
    if isinstance(given, bool):  # it would be read as 0 or 1
        raise TypeError
    return as_integer(given)
