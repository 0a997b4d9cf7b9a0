"""The positions and layers that a caller asked for, counted from 0; one that comes twice is given twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmwidgets.experiments.places import listed, within

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


def positions_of(run: Capture, positions: int | Sequence[int] | None, name: str = "positions") -> tuple[int, ...]:
    """The positions as a tuple: an int, several, or None for all; negative ones count from the end. IndexError for one outside.

    name: what the caller calls them, for the errors.
    """
    return _places(positions, run.n_tokens, name, "position")


def layers_of(run: Capture, layers: int | Sequence[int] | None) -> tuple[int, ...]:
    """The layers as a tuple, likewise."""
    return _places(layers, run.n_layers, "layers", "layer")


def _places(given: int | Sequence[int] | None, size: int, name: str, noun: str) -> tuple[int, ...]:
    return tuple(range(size) if given is None else within(listed(given, name), size, noun))
