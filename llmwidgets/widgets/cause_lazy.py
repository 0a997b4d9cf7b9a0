"""Fields of causes that are computed at once, when they are first read.

Always true: making one computes nothing; what a failure leaves behind is nothing, so that the next read tries again; a cell that the array
has no number for, because a layer lacks the head or the model the term, is absent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..fields import ABSENT, VALUE, Axis, Cells, Reader


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


def _empty_rows(values: np.ndarray) -> np.ndarray:
    """Layers that the method gave nothing for, such as attention that cannot be told apart by heads; terms that there are not."""
    nothing = np.isnan(values)
    return nothing if values.ndim == 1 else np.broadcast_to(nothing.all(axis=1, keepdims=True), values.shape)
