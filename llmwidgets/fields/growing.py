"""Numbers that come one by one: an array over axes whose cells are pending until they are put.

Always true: it may be read on any thread while another puts; a cell that was put is never pending again, so the pending ones only grow
fewer; a cell that does not exist stays absent. Who computes the numbers, and tells that there are new ones, stands elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .axis import Axis
from .half import ABSENT, PENDING, VALUE
from .stream import Cells, Places


class Growing:
    """The cells over `axes`; it is itself the reader for a Field over the same axes.

    absent: bool array of the axes' sizes, true where a cell does not exist (a head that a layer lacks); None where all do

    >>> effect = Growing((Axis("layer", 2), Axis("head", 2)))
    >>> effect.put({"layer": 1, "head": 0}, -0.5)
    >>> effect.done, effect.total, next(effect.missing())
    (1, 4, {'layer': 0, 'head': 0})
    """

    def __init__(self, axes: Sequence[Axis], absent: np.ndarray | None = None) -> None:
        self.axes = tuple(axes)
        shape = tuple(axis.size for axis in self.axes)
        absent = np.zeros(shape, bool) if absent is None else np.asarray(absent, bool)
        if absent.shape != shape:
            raise ValueError(f"absent has the shape {absent.shape}; the axes have the sizes {shape}")
        self._lock = threading.Lock()
        self._values = np.full(shape, np.nan)
        self._state = np.where(absent, ABSENT, PENDING).astype(np.uint8)
        self.total = int((~absent).sum())
        self.done = 0

    def put(self, place: Mapping[str, int], value: float) -> None:
        """The value of one cell, NaN and infinity too. IndexError for a place outside, ValueError for a cell that does not exist."""
        at = self._at(place)
        with self._lock:
            if self._state[at] == ABSENT:
                raise ValueError(f"{_spoken(place)} does not exist here, so it has no value")
            self.done += int(self._state[at] == PENDING)
            self._values[at], self._state[at] = value, VALUE

    def missing(self) -> Iterator[dict[str, int]]:
        """The places that are pending at this moment, in order."""
        with self._lock:
            pending = np.argwhere(self._state == PENDING)
        for at in pending:
            yield {axis.coordinate: axis.start + int(i) for axis, i in zip(self.axes, at, strict=True)}

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        at = np.ix_(*(np.asarray(index[axis.coordinate], np.intp) - axis.start for axis in self.axes))
        with self._lock:
            return Cells(self._values[at], self._state[at])

    def _at(self, place: Mapping[str, int]) -> tuple[int, ...]:
        for axis in self.axes:
            if place.get(axis.coordinate) not in axis.range:
                raise IndexError(f"{_spoken(place)} is no place of {', '.join(f'{a.coordinate} {a.range}' for a in self.axes)}")
        return tuple(place[axis.coordinate] - axis.start for axis in self.axes)


def _spoken(place: Mapping[str, int]) -> str:
    return " ".join(f"{name} {at}" for name, at in place.items())
