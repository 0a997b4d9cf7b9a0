"""What a user may write for a head, a query or a key, as indices: an int, a slice, a range, a list, or nothing.

What always holds: the indices are checked against the axis, negative ones count from the end, and an int
drops its dimension. Nothing here knows what is indexed.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

Index: TypeAlias = "int | slice | range | Sequence[int] | Tensor | None"


def one_index(value: Any, size: int, axis: str) -> int:
    """Return `value` as an index in 0..size-1; raises IndexError or TypeError."""
    if isinstance(value, bool):
        raise TypeError(f"{axis} is {value!r}; expected a whole number")
    try:
        index = operator.index(value)
    except TypeError:
        raise TypeError(f"{axis} is {value!r}; expected a whole number") from None
    if not -size <= index < size:
        what = f"there are {size}, 0 to {size - 1}" if size else "there are none"
        raise IndexError(f"{axis} {index} does not exist; {what} (negative ones count from the end)")
    return index % size


def indices(value: Index, size: int, axis: str) -> tuple[Tensor, bool]:
    """Return the indices, (n,) int64, and whether the dimension is dropped.

    >>> indices(slice(-2, None), 5, "query")
    (tensor([3, 4]), False)
    >>> indices(slice(1, 0), 5, "query")
    (tensor([], dtype=torch.int64), False)
    """
    if value is None:
        return torch.arange(size), False
    if isinstance(value, slice):
        return torch.tensor(range(*value.indices(size)), dtype=torch.long), False
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, (range, Sequence)) and not isinstance(value, (str, bytes)):
        return torch.tensor([one_index(item, size, axis) for item in value], dtype=torch.long), False
    if hasattr(value, "tolist") and getattr(value, "ndim", 0):  # NumPy arrays
        return indices(value.tolist(), size, axis)
    return torch.tensor([one_index(value, size, axis)]), True
