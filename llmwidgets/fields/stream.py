"""Computes a block from a reader, a band at a time, so that a picture of everything never needs everything in memory.

Always true: a reader is asked for at most about `band` cells at once (more only where a pooled cell would be cut), each asked-for cell is
computed exactly once, and the answer does not depend on how the work was cut. Between bands the work can be called off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np

from .block import VALUE, Block, extent_of, pool, prevailing
from .request import Along

BAND = 1 << 18
"""Cells that a reader is asked for at once, where a field says nothing else: 1 MB of float32, which stays in a core's cache."""

Places = range | tuple[int, ...]


class BlockCancelled(Exception):
    """The work on a block was called off."""


@dataclass(frozen=True, eq=False)
class Cells:
    """What a reader gives: numbers for every combination of the asked-for places.

    values: float array, one dimension for each axis of the field
    state: uint8 of the same shape (VALUE, MASKED, ABSENT, PENDING), or None where every cell has a value. Elsewhere values are NaN
    texts: object array of str of the same shape, or None
    """

    values: np.ndarray
    state: np.ndarray | None = None
    texts: np.ndarray | None = None


class Reader(Protocol):
    """Computes just the asked-for cells. `index` has a range or a tuple of places for every coordinate of the field."""

    def __call__(self, index: Mapping[str, Places]) -> Cells: ...


def compute(
    reader: Reader,
    alongs: Sequence[Along],
    diverging: bool = False,
    texts: bool = False,
    cancelled: Callable[[], bool] | None = None,
    band: int = BAND,
) -> Block:
    """The block that `alongs` describe. Raises BlockCancelled once `cancelled()` is true."""
    kept = [i for i, along in enumerate(alongs) if along.kept]
    gone = tuple(i for i, along in enumerate(alongs) if not along.kept)
    gathered_axes, first_axes = _order(alongs)
    how = alongs[gathered_axes[0]].reduction if gathered_axes else None
    shape = tuple(alongs[i].cells for i in kept)
    factors = tuple(alongs[i].pool for i in kept)
    values, state = np.empty(shape, np.float32), np.zeros(shape, np.uint8)
    words = np.empty(shape, object) if texts else None
    extents: list[tuple[float, float]] = []

    sizes = _sizes(alongs, band, whole=first_axes)
    outer = [_cuts(along, size) if along.kept else [slice(None)] for along, size in zip(alongs, sizes, strict=True)]
    inner = [[slice(None)] if along.kept else _cuts(along, size) for along, size in zip(alongs, sizes, strict=True)]
    for backwards in product(*reversed(outer)):  # the first axes run fastest: heads that follow each other share a mask
        tile = backwards[::-1]
        gathered = _Gathered(how, gone)
        for part in product(*inner):
            if cancelled is not None and cancelled():
                raise BlockCancelled("the block was called off")
            index = {along.coordinate: along.wanted[tile[i] if along.kept else part[i]] for i, along in enumerate(alongs)}
            cells = reader(index)
            for axis in first_axes:
                cells = _reduced(cells, axis, alongs[axis].reduction)
            gathered.add(cells)
        numbers, states, tile_texts = gathered.result()
        extent = extent_of(numbers)
        if extent is not None:
            extents.append(extent)
        numbers, states = pool(numbers, states, factors, diverging)
        target = tuple(_pooled(tile[i], alongs[i]) for i in kept)
        values[target] = numbers
        if states is not None:
            state[target] = states
        if words is not None:
            words[target] = "" if tile_texts is None else tile_texts
    extent = (min(low for low, _ in extents), max(high for _, high in extents)) if extents else None
    return Block(tuple(alongs[i].coordinate for i in kept), values, state if state.any() else None, words, extent)


class _Gathered:
    """The cells of one tile while its parts come in; reduced as they come where a coordinate is to go."""

    def __init__(self, how: str | None, gone: tuple[int, ...]) -> None:
        self._how, self._gone = how, gone
        self._cells: Cells | None = None
        self._total = self._count = self._high = self._low = self._state = None

    def add(self, cells: Cells) -> None:
        if self._how is None:
            self._cells = cells
            return
        # Places that are one integer wide take part in the sum without changing it, so all that goes is reduced at once.
        gone, values = self._gone, np.asarray(cells.values)
        valued = True if cells.state is None else cells.state == VALUE
        state = np.zeros((), np.uint8) if cells.state is None else prevailing(cells.state, lambda states: states.min(axis=gone))
        if self._state is not None:
            state = prevailing(np.stack(np.broadcast_arrays(self._state, state)), lambda states: states.min(axis=0))
        self._state = state
        if self._how in ("mean", "sum"):
            with np.errstate(invalid="ignore"):
                total = np.sum(values, axis=gone, dtype=np.float64, where=valued)
                self._total = total if self._total is None else self._total + total
            count = np.sum(np.broadcast_to(valued, values.shape), axis=gone)
            self._count = count if self._count is None else self._count + count
            return
        high = np.max(values, axis=gone, where=valued, initial=-np.inf)
        low = np.min(values, axis=gone, where=valued, initial=np.inf)
        self._high = high if self._high is None else np.maximum(self._high, high)
        self._low = low if self._low is None else np.minimum(self._low, low)

    def result(self) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Values with NaN where there is none, states or None, texts or None, without the coordinates that go."""
        if self._how is None:
            cells, gone = self._cells, self._gone
            state = None if cells.state is None else np.squeeze(cells.state, axis=gone)
            values = np.squeeze(np.asarray(cells.values), axis=gone).astype(np.float32, copy=False)
            texts = None if cells.texts is None else np.squeeze(cells.texts, axis=gone)
        else:
            if self._how == "sum":
                values = self._total
            elif self._how == "mean":
                values = self._total / np.maximum(self._count, 1)
            elif self._how == "max":
                values = self._high
            else:
                values = np.where(self._high < -self._low, self._low, self._high)
            with np.errstate(over="ignore"):
                values = np.asarray(values, np.float32)
            state, texts = np.broadcast_to(self._state, values.shape), None
            values = np.where(state == VALUE, values, np.float32(np.nan))
        return values, state, texts


def _order(alongs: Sequence[Along]) -> tuple[list[int], list[int]]:
    """The reduced axes: those gathered part by part, and those that go before them, in the order in which they go.

    The last axis goes first. Axes that are reduced alike can be gathered together, as far as nothing else is between them.
    """
    reduced = [i for i, along in enumerate(alongs) if along.reduction]
    alike = 0
    while alike < len(reduced) and alongs[reduced[alike]].reduction == alongs[reduced[0]].reduction:
        alike += 1
    return reduced[:alike], reduced[alike:][::-1]


def _reduced(cells: Cells, axis: int, how: str) -> Cells:
    """The cells with one axis reduced to a single place."""
    gathered = _Gathered(how, (axis,))
    gathered.add(cells)
    values, state, _ = gathered.result()
    return Cells(np.expand_dims(values, axis), np.expand_dims(state, axis))


def _sizes(alongs: Sequence[Along], band: int, whole: Sequence[int] = ()) -> list[int]:
    """How many places of each axis a reader is asked for at once: all of the last ones and of `whole`, few of the first."""
    left, sizes = band, []
    for i, along in reversed(list(enumerate(alongs))):
        size = len(along.wanted)
        if size > left and i not in whole:
            size = min(size, max(along.pool, left // along.pool * along.pool))
        sizes.append(size)
        left = max(1, left // size)
    return sizes[::-1]


def _cuts(along: Along, size: int) -> list[slice]:
    return [slice(start, min(start + size, len(along.wanted))) for start in range(0, len(along.wanted), size)]


def _pooled(cut: slice, along: Along) -> slice:
    return slice(cut.start // along.pool, -(-cut.stop // along.pool))
