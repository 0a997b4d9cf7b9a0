"""Fields of causes that are computed at once, when they are first read.

Always true: making one computes nothing; what a failure leaves behind is nothing, so that the next read tries again; a cell that the array
has no number for, because a layer lacks the head or the model the term, is absent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...analysis.contributions.values import replaced_heads
from ...fields import ABSENT, VALUE, Axis, Cells, Reader
from ...models.errors import UndefinedHereError

if TYPE_CHECKING:
    from ...capture import Capture


class ReadOnce:
    """A reader over a small array (float64, NaN and `absent` where there is nothing), made when it is first read."""

    def __init__(self, axes: Sequence[Axis], make: Callable[[], np.ndarray], absent: np.ndarray) -> None:
        self._axes, self._make, self._absent = tuple(axes), make, absent
        self._lock = threading.Lock()
        self._made: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, index: Mapping[str, Sequence[int]]) -> Cells:
        with self._lock:
            if self._made is None:
                self._made = self._filled(self._make())
            values, state = self._made
        at = np.ix_(*(np.asarray(index[axis.coordinate], np.intp) - axis.start for axis in self._axes))
        return Cells(values[at], state[at])

    def _filled(self, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = np.full(self._absent.shape, np.nan)
        values[tuple(slice(size) for size in found.shape)] = found
        absent = self._absent | _empty_rows(values)
        values[absent] = np.nan
        return values, np.where(absent, ABSENT, VALUE).astype(np.uint8)


class MadeWhenRead:
    """The reader of a field that is made when it is first read."""

    def __init__(self, make: Callable[[], Reader]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._reader: Reader | None = None

    def __call__(self, index: Mapping[str, Sequence[int]]) -> Cells:
        with self._lock:
            if self._reader is None:
                self._reader = self._make()
        return self._reader(index)


class WhereDefined:
    """A reader over (layer, head, query, key) of a changed run: absent is what cannot be told of a head, or of a whole layer's attention,
    because the change put something else in its place."""

    def __init__(self, reader: Reader, run: Capture) -> None:
        self._reader, self._run = reader, run

    def __call__(self, index: Mapping[str, Sequence[int]]) -> Cells:
        sizes = [len(index[name]) for name in ("layer", "head", "query", "key")]
        values, state = np.full(sizes, np.nan), np.full(sizes, ABSENT, np.uint8)
        for i, layer in enumerate(index["layer"]):
            try:
                replaced = replaced_heads(self._run, layer) if self._run.heads_per_layer[layer] else frozenset()
                places = [place for place, head in enumerate(index["head"]) if head not in replaced]
                asked = {**index, "layer": (layer,), "head": tuple(index["head"][place] for place in places)}
                cells = self._reader(asked) if places else None
            except UndefinedHereError:
                continue
            if cells is not None:
                values[i, places] = cells.values[0]
                state[i, places] = VALUE if cells.state is None else cells.state[0]
        return Cells(values, state)


def _empty_rows(values: np.ndarray) -> np.ndarray:
    """Layers that the method gave nothing for, such as attention that cannot be told apart by heads; terms that there are not."""
    nothing = np.isnan(values)
    return nothing if values.ndim == 1 else np.broadcast_to(nothing.all(axis=1, keepdims=True), values.shape)
