"""Places as a caller gives them: whole numbers of any kind of integer, one or several, found within a run.

Always true: a bool is no whole number here (of a mask, it would be read as 0 or 1); what `within` returns counts from 0. Which place a
number stands for (a layer, a head, a position) is for the caller to say, as the `name` in the errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index as as_integer
from typing import Any, TypeAlias

Places: TypeAlias = "int | tuple[int, ...] | None"


def whole_number(given: Any, name: str, expected: str = "a whole number") -> int:
    """`given` as an int; TypeError for what is no integer.

    >>> whole_number(True, "seed")
    Traceback (most recent call last):
        ...
    TypeError: seed=True came; expected a whole number
    """
    try:
        return _whole(given)
    except TypeError:
        raise TypeError(f"{name}={given!r} came; expected {expected}") from None


def places_of(given: Any, name: str) -> Places:
    """None, one whole number, or several as a tuple. TypeError for anything else, ValueError for none at all.

    >>> places_of(range(3), "head"), places_of(-1, "position")
    ((0, 1, 2), -1)
    """
    if given is None:
        return None
    try:
        try:
            return _whole(given)
        except TypeError:
            each = tuple(_whole(place) for place in given)
    except TypeError:
        raise TypeError(f"{name}={given!r} came; expected None, a whole number, or several") from None
    if not each:
        raise ValueError(f"{name} is empty; give at least one, or None for all")
    return each


def listed(given: Any, name: str) -> list[int]:
    """One whole number or several as a list. TypeError for anything else, ValueError for none."""
    return list(several(places_of([] if given is None else given, name)))


def several(places: Places) -> tuple[int, ...]:
    """The places as a tuple; of None (everywhere) nothing."""
    return (places,) if isinstance(places, int) else places or ()


def within(asked: Iterable[int], size: int, name: str) -> list[int]:
    """The places asked for, from -size to size - 1, counted from 0. IndexError for one outside.

    >>> within([0, -1], 12, "position")
    [0, 11]
    """
    asked = list(asked)
    for place in asked:
        if not -size <= place < size:
            raise IndexError(f"{name} {place} is outside this run, which has {size} (0 to {size - 1})")
    return [place % size for place in asked]


def _whole(place: Any) -> int:
    if isinstance(place, bool) or str(getattr(place, "dtype", "")).endswith("bool"):
        raise TypeError
    return as_integer(place)
