"""Which slice of a field a view shows under a cursor: the coordinates that it draws come whole, the cursor fixes the others.

Always true: the answer has one entry for each of the field's coordinates. `position` follows the cursor's `query`. A coordinate that the
cursor leaves open is averaged over, and so are those named in `averaged` (the head grid shows each head's mean over the queries).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .field import Field
from .request import Index, Reduction


def cursor_coordinate(coordinate: str) -> str:
    """The name under which a cursor holds a coordinate.

    >>> cursor_coordinate("position")
    'query'
    """
    return "query" if coordinate == "position" else coordinate


def slice_for(field: Field, drawn: Collection[str], cursor: Mapping[str, int | None], averaged: Collection[str] = ()) -> dict[str, Index]:
    """The index of a block request for a view that draws `drawn`. A cursor outside the field's axis is held at its nearest end."""
    index: dict[str, Index] = {}
    for axis in field.axes:
        name = axis.coordinate
        place = cursor.get(cursor_coordinate(name))
        if name in drawn:
            index[name] = axis.range
        elif name in averaged or place is None:
            index[name] = Reduction("mean")
        else:
            index[name] = min(max(int(place), axis.start), axis.start + axis.size - 1)
    return index
