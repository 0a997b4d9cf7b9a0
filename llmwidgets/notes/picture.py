"""The small picture of a finding: a head's pattern, the grid of heads, or the stream around a token, with what the note is about outlined.

Always true: a PNG of at most 3 kB, of a bounded block that is read pooled, so that a lone strong cell stays; nothing is drawn where reading
would take millions of cells. Rows run as in the page: queries downwards, the last layer on top. Colours are export/cells.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from ..export.cells import Cells, Shades, grown
from ..export.png import png
from ..fields import Axis, Block, BlockRequest, Field, Reduction, slice_for

Span = tuple[int, int]

MOST_BYTES = 3_000
MOST_READ = 4_000_000  # cells
_SIDE = 64  # cells along each side
_STREAM = 32  # positions of the stream: a cell of the logit lens is a whole vocabulary
_AVERAGED = ("query", "position")  # where a place leaves them open, as in the page's head grid
_PIXELS = 128  # about, along the longer side
_DRAWN = (("query", "key"), ("layer", "head"), ("layer", "position"), ("layer", "query"), ("query",), ("position",), ("layer",), ("head",))


def picture_of(
    field: Field, *, layer: int | None = None, head: int | None = None, query: Span | None = None, key: Span | None = None
) -> bytes | None:
    """A PNG of `field` around a place, or None where there is nothing to draw or reading it would be long.

    query (or position), key: spans, stop excluded, which are outlined; a query without a key is a whole row of a pattern

    >>> from llmwidgets.fields import Axis, from_array
    >>> axes = {"layer": Axis("layer", 2), "head": Axis("head", 3)}
    >>> picture_of(from_array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.5]], axes, name="mine"), layer=1, head=0)[:4]
    b'\\x89PNG'
    """
    marks = {"layer": _one(layer), "head": _one(head), "query": query, "position": query, "key": key}
    drawn = next((names for names in _DRAWN if _fits(field, names, marks)), None)
    if drawn is None or not ("key" in drawn or any(marks[name] for name in drawn)):
        return None
    if not all(_lies(axis, marks.get(axis.coordinate)) for axis in field.axes):
        return None
    cursor = {name: None if mark is None else mark[0] for name, mark in marks.items() if name != "position"}
    left = {name: Reduction("mean") for name in _AVERAGED if name in field.coordinates and query is None}
    for side, colours in ((_SIDE, 33), (_SIDE, 9), (_SIDE // 2, 17), (_SIDE // 2, 5), (_SIDE // 4, 5)):
        windows = _windows({name: field.axis(name) for name in drawn}, marks, side)
        index = slice_for(field, drawn, cursor, left) | {name: range(start, stop) for name, (start, stop, _) in windows.items()}
        pools = {name: pool for name, (_, _, pool) in windows.items() if pool > 1}
        asked = BlockRequest(field.name, index, pool=pools)
        if prod(len(along.wanted) for along in asked.resolve(field.axes, most_cells=None)) > MOST_READ:
            return None
        picture = _painted(field, field.block(asked), drawn, windows, marks, colours)
        if picture is None or len(picture) <= MOST_BYTES:
            return picture
    return None


def _fits(field: Field, drawn: tuple[str, ...], marks: Mapping[str, Span | None]) -> bool:
    """Whether the field has these coordinates, and it is clear which place is meant along those that are not drawn."""
    open_ones = [axis for axis in field.axes if axis.coordinate not in drawn and axis.size > 1 and marks.get(axis.coordinate) is None]
    return set(drawn) <= set(field.coordinates) and all(axis.coordinate in _AVERAGED for axis in open_ones)


def _lies(axis: Axis, mark: Span | None) -> bool:
    return mark is None or axis.start <= mark[0] < mark[1] <= axis.start + axis.size


def _one(place: int | None) -> Span | None:
    return None if place is None else (place, place + 1)


def _whole(axis: Axis, side: int) -> tuple[int, int, int]:
    """All of an axis: start, stop and how many places make a cell."""
    return axis.start, axis.start + axis.size, -(-axis.size // side)


def _windows(axes: Mapping[str, Axis], marks: Mapping[str, Span | None], side: int) -> dict[str, tuple[int, int, int]]:
    """What is read along each axis that is drawn: start, stop and how many places make a cell."""
    if "key" not in axes:
        return {name: _window(axis, marks[name], min(side, _STREAM)) for name, axis in axes.items()}
    if prod(axis.size for axis in axes.values()) <= MOST_READ:
        return {name: _whole(axis, side) for name, axis in axes.items()}
    return {name: _window(axis, marks[name] or marks["query"] or marks["key"], side) for name, axis in axes.items()}


def _window(axis: Axis, mark: Span | None, side: int) -> tuple[int, int, int]:
    """So much of an axis that `mark` is in its middle; all of it where layers or heads run along it, or nothing is marked."""
    if mark is None or axis.coordinate in ("layer", "head") or axis.size <= side:
        return _whole(axis, _SIDE if axis.coordinate in ("layer", "head") else side)
    pool = -(-(mark[1] - mark[0]) // side)
    wide = (side if pool == 1 else side + 2) * pool  # a span may begin and end within a cell
    last = max(0, -(-(axis.size - wide) // pool) * pool)
    middle = (mark[0] + mark[1]) // 2 - axis.start
    start = min(max(0, middle - wide // 2) // pool * pool, last)  # ranges begin with a whole cell
    return axis.start + start, axis.start + min(start + wide, axis.size), pool


def _painted(
    field: Field,
    block: Block,
    drawn: tuple[str, ...],
    windows: dict[str, tuple[int, int, int]],
    marks: dict[str, Span | None],
    colours: int,
) -> bytes | None:
    order = [block.dims.index(name) for name in drawn]
    values = block.values.transpose(order)
    state = np.zeros(values.shape, np.uint8) if block.state is None else block.state.transpose(order)
    if not (state != 2).any():
        return None
    if len(drawn) == 1:
        values, state = values[None], state[None]  # one row
    cells = Cells(values, state)  # (row, column)
    shades = Shades(colours, field.scale.diverging)
    levels = shades.levels(cells, *_ends(field, block), power=field.scale.power)
    boxes = [_cells(marks[name], windows[name]) for name in drawn]
    rows, columns = boxes if len(drawn) == 2 else (None, boxes[0])
    if "layer" in drawn and len(drawn) == 2:  # the last layer is on top
        levels = levels[::-1]
        rows = None if rows is None else (len(levels) - rows[1], len(levels) - rows[0])
    down = max(1, _PIXELS // max(levels.shape))  # pixels of a cell, also across
    pixels = np.pad(grown(levels, down, down), 2, constant_values=shades.paper)
    pixels[1:-1, 1:-1] = np.pad(pixels[2:-2, 2:-2], 1, constant_values=shades.line)
    if rows is not None or columns is not None:
        (top, bottom), (left, right) = rows or (0, levels.shape[0]), columns or (0, levels.shape[1])
        thickness = 1 if down < 6 else 2
        _outline(pixels, (top * down + 2, bottom * down + 2), (left * down + 2, right * down + 2), shades.mark, thickness)
    return png(pixels, shades.palette())


def _ends(field: Field, block: Block) -> tuple[float, float]:
    """What the scale ends with, high and low; where it leaves this to the numbers, theirs."""
    scale, (low, high) = field.scale, block.extent or (0.0, 1.0)
    if scale.diverging:
        return (max(abs(low), abs(high)) if scale.high is None else scale.high), 0.0
    return (high if scale.high is None else scale.high), min(scale.low, low) if scale.high is None else scale.low


def _cells(mark: Span | None, window: tuple[int, int, int]) -> Span | None:
    """The cells of a window that a span lies in."""
    start, _, pool = window
    return None if mark is None else ((mark[0] - start) // pool, -(-(mark[1] - start) // pool))


def _outline(pixels: np.ndarray, rows: Span, columns: Span, colour: int, thickness: int) -> None:
    """A line just outside these pixels."""
    for by in range(1, thickness + 1):
        top, bottom, left, right = rows[0] - by, rows[1] + by - 1, columns[0] - by, columns[1] + by - 1
        pixels[top, left : right + 1] = pixels[bottom, left : right + 1] = colour
        pixels[top : bottom + 1, left] = pixels[top : bottom + 1, right] = colour
