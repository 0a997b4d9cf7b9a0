"""The picture of a view in a saved output: every head small at the left, the selected pattern large at the right.

Always true: at most 60 kB for any model and prompt (colours get coarser first, then the picture smaller); masked cells are
grey, NaN is orange and never hidden, absent heads stay empty; the last layer is on top, as in the page, whose light colours these are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .png import png

MOST_BYTES = 60_000
SIDE = 448  # pixels that each half may take
GAP = 16

_BLUES = ((0xFF, 0xFF, 0xFF), (0x9D, 0xB6, 0xEA), (0x2F, 0x5F, 0xD0), (0x12, 0x26, 0x68))
_PAPER, _LINE, _MASKED = (0xFF, 0xFF, 0xFF), (0xDF, 0xE3, 0xE8), (0xF5, 0xF6, 0xF8)
_INK, _NAN = (0x0B, 0x57, 0xD0), (0xF2, 0x8A, 0x2E)
_POWER = 0.5  # spreads weak cells, as the page does


@dataclass(frozen=True, eq=False)
class Cells:
    """Numbers and the state of each (0 value, 1 masked, 2 absent), same shape."""

    values: np.ndarray
    state: np.ndarray


def overview(
    thumbnails: Mapping[int, Cells], n_layers: int, pattern: Cells | None, selected: tuple[int | None, int | None]
) -> bytes | None:
    """A PNG, or None where there is nothing to draw.

    thumbnails: by layer, cells of (head, query, key)
    pattern: cells of (query, key), or of (layer, position) for a model without attention
    selected: (layer, head) that gets an outline
    """
    for colours, side in ((64, SIDE), (16, SIDE), (8, SIDE // 2), (4, SIDE // 4)):
        both = (_heads(thumbnails, n_layers, selected, colours, side), _large(pattern, colours, side))
        parts = [part for part in both if part is not None]
        if not parts:
            return None
        picture = png(_beside(parts, colours), _palette(colours))
        if len(picture) <= MOST_BYTES:
            return picture
    return None


def _heads(
    thumbnails: Mapping[int, Cells], n_layers: int, selected: tuple[int | None, int | None], colours: int, side: int
) -> np.ndarray | None:
    if not thumbnails:
        return None
    some = next(iter(thumbnails.values())).values  # (head, query, key)
    n_heads, rows, columns = some.shape
    scale = max(1, min((side // n_heads - 5) // columns, (side // n_layers - 5) // rows))
    high, wide = rows * scale + 4, columns * scale + 4  # with a frame of two pixels, thin but for the selected one
    grid = np.full((n_layers * (high + 1) - 1, n_heads * (wide + 1) - 1), _paper(colours), np.uint8)
    for layer, cells in thumbnails.items():
        for head in range(n_heads):
            if (cells.state[head] == 2).all():
                continue
            top, left = (n_layers - 1 - layer) * (high + 1), head * (wide + 1)
            if (layer, head) == selected:
                grid[top : top + high, left : left + wide] = _ink(colours)
            else:
                grid[top + 1 : top + high - 1, left + 1 : left + wide - 1] = _line(colours)
            inner = _levels(cells.values[head], cells.state[head], colours)
            grid[top + 2 : top + high - 2, left + 2 : left + wide - 2] = _grown(inner, scale, scale)
    return grid


def _large(pattern: Cells | None, colours: int, side: int) -> np.ndarray | None:
    if pattern is None or pattern.values.size == 0:
        return None
    rows, columns = pattern.values.shape
    scale = max(1, side // max(rows, columns))
    inner = _grown(_levels(pattern.values, pattern.state, colours), scale, scale)
    return np.pad(inner, 1, constant_values=_line(colours))


def _levels(values: np.ndarray, state: np.ndarray, colours: int) -> np.ndarray:
    """The palette row of each cell: 0 to colours - 1 for values, spread over the block's own range from 0."""
    finite = np.isfinite(values) & (state == 0)
    top = float(np.max(np.abs(values), where=finite, initial=0.0)) or 1.0
    place = np.where(finite, np.abs(np.where(finite, values, 0.0)) / max(top, 1.0 if top <= 1.0 else top), 0.0) ** _POWER
    levels = np.rint(place * (colours - 1)).astype(np.uint8)
    levels[np.isinf(values) & (state == 0)] = colours - 1
    levels[np.isnan(values) & (state == 0)] = _nan(colours)
    levels[state == 1] = _masked(colours)
    levels[state == 2] = _paper(colours)
    return levels


def _grown(cells: np.ndarray, down: int, across: int) -> np.ndarray:
    return np.repeat(np.repeat(cells, down, axis=0), across, axis=1)


def _beside(parts: list[np.ndarray], colours: int) -> np.ndarray:
    height = max(part.shape[0] for part in parts)
    padded = [np.pad(part, ((0, height - part.shape[0]), (0, 0)), constant_values=_paper(colours)) for part in parts]
    gap = np.full((height, GAP), _paper(colours), np.uint8)
    row = padded[0] if len(padded) == 1 else np.concatenate([padded[0], gap, padded[1]], axis=1)
    return np.pad(row, GAP // 2, constant_values=_paper(colours))


# After the colours of values stand paper, line, outline, NaN, masked.
def _paper(colours: int) -> int:
    return colours


def _line(colours: int) -> int:
    return colours + 1


def _ink(colours: int) -> int:
    return colours + 2


def _nan(colours: int) -> int:
    return colours + 3


def _masked(colours: int) -> int:
    return colours + 4


def _palette(colours: int) -> np.ndarray:
    places = np.linspace(0, len(_BLUES) - 1, colours)
    stops = np.array(_BLUES, np.float64)
    low = np.minimum(places.astype(int), len(_BLUES) - 2)
    share = (places - low)[:, None]
    blues = np.rint(stops[low] * (1 - share) + stops[low + 1] * share)
    return np.vstack([blues, [_PAPER, _LINE, _INK, _NAN, _MASKED]]).astype(np.uint8)  # (colours + 5, 3)
