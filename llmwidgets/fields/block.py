"""A block: the numbers of one slice of a field at one level, with the state of each cell and, where it has them, its words.

Always true: `values` is float32; where `state` is not VALUE the value is NaN. Pooling keeps extremes, so that a lone strong cell
never vanishes: the largest value, or on a diverging field the value of largest magnitude (of +a and -a, +a). NaN beats every value, since a
NaN hidden by a maximum would be a lie. A pooled cell has no value only where nothing that it covers has one;
it is then pending where some of that is, else masked where some is. Pooling by 6 is pooling by 3 and then by 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .half import ABSENT, MASKED, PENDING, VALUE, encode

__all__ = ["ABSENT", "MASKED", "PENDING", "VALUE", "Block", "extent_of", "pool", "prevailing"]


@dataclass(frozen=True, eq=False)
class Block:
    """Numbers over `dims`, row-major.

    values: float32, one dimension for each name in dims
    state: uint8 of the same shape (VALUE, MASKED, ABSENT, PENDING), or None where every cell has a value
    texts: object array of str of the same shape, or None
    extent: least and largest finite value before pooling, None where there is none
    """

    dims: tuple[str, ...]
    values: np.ndarray
    state: np.ndarray | None = None
    texts: np.ndarray | None = None
    extent: tuple[float, float] | None = field(default=None)

    def __post_init__(self) -> None:
        for name, array in (("values", self.values), ("state", self.state), ("texts", self.texts)):
            if array is not None and (array.ndim != len(self.dims) or array.shape != self.values.shape):
                raise ValueError(f"{name} of shape {array.shape} came for the dims {self.dims}; expected {self.values.shape}")

    def encode(self) -> tuple[dict[str, Any], bytes]:
        """Header and buffer as docs/protocol.md has them."""
        bits, exponent = encode(self.values, self.state)
        header = {
            "dims": list(self.dims),
            "shape": list(self.values.shape),
            "exponent": exponent,
            "extent": None if self.extent is None else [float(self.extent[0]), float(self.extent[1])],
            "texts": None if self.texts is None else [str(text) for text in self.texts.ravel()],
        }
        return header, bits.tobytes()


def pool(
    values: np.ndarray, state: np.ndarray | None, factors: tuple[int, ...], diverging: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """One cell of so many along each dimension; the last cell of a dimension may cover fewer.

    values must be NaN where state is not VALUE, as a Block's are.

    >>> pool(np.array([[1., 5., 2.]], np.float32), None, (1, 2))[0].tolist()
    [[5.0, 2.0]]
    >>> pool(np.array([1., -5.], np.float32), None, (2,), diverging=True)[0].tolist()
    [-5.0]
    """
    if all(factor == 1 for factor in factors):
        return values, state
    pooled = _along(np.fmax, values, factors)  # passes over NaN, so over cells without a value
    if diverging:
        low = _along(np.fmin, values, factors)
        pooled = np.where(pooled < -low, low, pooled)
    nan = np.isnan(values)
    if np.count_nonzero(nan) > (0 if state is None else np.count_nonzero(state != VALUE)):
        own = nan if state is None else nan & (state == VALUE)
        pooled = np.where(_along(np.maximum, own, factors), np.asarray(np.nan, pooled.dtype), pooled)
    return pooled, None if state is None else prevailing(state, lambda ranks: _along(np.minimum, ranks, factors))


_RANK = np.array([VALUE, 2, 3, 1], np.uint8)  # of VALUE, MASKED, ABSENT, PENDING: the least wins
_OF_RANK = np.array([VALUE, PENDING, MASKED, ABSENT], np.uint8)


def prevailing(state: np.ndarray, least: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The state of several cells taken as one: a value wins over pending, this over masked, this over absent.

    least: takes the minimum of the cells that belong together

    >>> int(prevailing(np.array([ABSENT, PENDING, MASKED], np.uint8), np.min)) == PENDING
    True
    """
    if state.max(initial=VALUE) < PENDING:  # the common case, in which the states stand in order by themselves
        return least(state)
    return _OF_RANK[least(_RANK[state])]


def extent_of(values: np.ndarray, state: np.ndarray | None = None) -> tuple[float, float] | None:
    """Least and largest finite value among the cells that have one.

    >>> extent_of(np.array([1., np.inf, np.nan, -2.], np.float32))
    (-2.0, 1.0)
    """
    if values.size == 0:
        return None
    low, high = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)  # these pass over NaN, so over empty cells too
    if np.isfinite(low) and np.isfinite(high):
        return float(low), float(high)
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


_FEW = 16


def _along(extreme: np.ufunc, array: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    for axis, factor in enumerate(factors):
        size = array.shape[axis]
        if factor == 1:
            continue
        whole = size // factor * factor
        head, tail = np.split(array, [whole], axis=axis) if whole != size else (array, None)
        parts = []
        if whole:
            shape = (*array.shape[:axis], whole // factor, factor, *array.shape[axis + 1 :])
            cells = np.moveaxis(head.reshape(shape), axis + 1, 0)
            if factor <= _FEW and axis == array.ndim - 1:
                # NumPy reduces a last axis of a few places cell by cell; place by place it takes whole vectors.
                extremes = extreme(cells[0], cells[1])
                for place in cells[2:]:
                    extreme(extremes, place, out=extremes)
            else:
                extremes = extreme.reduce(cells, axis=0)
            parts.append(extremes)
        if tail is not None:
            parts.append(extreme.reduce(tail, axis=axis, keepdims=True))
        array = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)
    return array
