"""Which slice of a field a view shows under a cursor: the coordinates that it draws come whole, the cursor fixes the others.

Always true: the answer has one entry for each of the field's coordinates, inside its axes. `position` follows the cursor's `query`. Where
the cursor is silent, or outside the axis: the last token and layer (what the model ends on), the largest over keys, the mean over heads
and the rest. The page does the same (js/src/slice.ts).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .axis import Axis
from .field import Field
from .request import Index, Reduction


def cursor_coordinate(coordinate: str) -> str:
    """The name under which a cursor holds a coordinate.

    >>> cursor_coordinate("position")
    'query'
    """
    return "query" if coordinate == "position" else coordinate


def slice_for(
    field: Field, drawn: Collection[str], cursor: Mapping[str, int | None], fixed: Mapping[str, Index] | None = None
) -> dict[str, Index]:
    """The index of a block request for a view that draws `drawn`.

    fixed: for coordinates that are not drawn, in place of the cursor: the head grid takes the mean over queries wherever the cursor is.
    """
    index: dict[str, Index] = {}
    for axis in field.axes:
        name = axis.coordinate
        place = cursor.get(cursor_coordinate(name))
        if name in drawn:
            index[name] = axis.range
        elif fixed is not None and name in fixed:
            index[name] = fixed[name]
        elif place is not None and place in axis.range:
            index[name] = int(place)
        else:
            index[name] = _rest(axis)
    return index


def _rest(axis: Axis) -> Index:
    if cursor_coordinate(axis.coordinate) in ("layer", "query", "step", "prompt"):
        return axis.range[-1]
    return Reduction("max" if axis.coordinate == "key" else "mean")
