"""The picture of a view in a saved output: every head small at the left, the selected pattern large at the right.

Always true: at most 60 kB for any model and prompt (colours get coarser first, then the picture smaller); masked cells are
grey, NaN is orange and never hidden, absent heads stay empty; the last layer is on top, as in the page, whose light colours these are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .cells import Cells, Shades, grown
from .png import png

MOST_BYTES = 60_000
SIDE = 448  # pixels that each half may take
GAP = 16

_POWER = 0.5  # spreads weak cells, as the page does


def overview(
    thumbnails: Mapping[int, Cells], n_layers: int, pattern: Cells | None, selected: tuple[int | None, int | None]
) -> bytes | None:
    """A PNG, or None where there is nothing to draw.

    thumbnails: by layer, cells of (head, query, key)
    pattern: cells of (query, key), or of (layer, position) for a model without attention
    selected: (layer, head) that gets an outline
    """
    for colours, side in ((64, SIDE), (16, SIDE), (8, SIDE // 2), (4, SIDE // 4)):
        shades = Shades(colours)
        both = (_heads(thumbnails, n_layers, selected, shades, side), _large(pattern, shades, side))
        parts = [part for part in both if part is not None]
        if not parts:
            return None
        picture = png(_beside(parts, shades), shades.palette())
        if len(picture) <= MOST_BYTES:
            return picture
    return None


def _heads(
    thumbnails: Mapping[int, Cells], n_layers: int, selected: tuple[int | None, int | None], shades: Shades, side: int
) -> np.ndarray | None:
    if not thumbnails:
        return None
    some = next(iter(thumbnails.values())).values  # (head, query, key)
    n_heads, rows, columns = some.shape
    scale = max(1, min((side // n_heads - 5) // columns, (side // n_layers - 5) // rows))
    high, wide = rows * scale + 4, columns * scale + 4  # with a frame of two pixels, thin but for the selected one
    grid = np.full((n_layers * (high + 1) - 1, n_heads * (wide + 1) - 1), shades.paper, np.uint8)
    for layer, cells in thumbnails.items():
        for head in range(n_heads):
            if (cells.state[head] == 2).all():
                continue
            top, left = (n_layers - 1 - layer) * (high + 1), head * (wide + 1)
            if (layer, head) == selected:
                grid[top : top + high, left : left + wide] = shades.ink
            else:
                grid[top + 1 : top + high - 1, left + 1 : left + wide - 1] = shades.line
            inner = _levels(Cells(cells.values[head], cells.state[head]), shades)
            grid[top + 2 : top + high - 2, left + 2 : left + wide - 2] = grown(inner, scale, scale)
    return grid


def _large(pattern: Cells | None, shades: Shades, side: int) -> np.ndarray | None:
    if pattern is None or pattern.values.size == 0:
        return None
    rows, columns = pattern.values.shape
    scale = max(1, side // max(rows, columns))
    inner = grown(_levels(pattern, shades), scale, scale)
    return np.pad(inner, 1, constant_values=shades.line)


def _levels(cells: Cells, shades: Shades) -> np.ndarray:
    """Magnitudes, spread over the block's own range from 0 where that goes past 1."""
    finite = np.isfinite(cells.values) & (cells.state == 0)
    top = float(np.max(np.abs(cells.values), where=finite, initial=0.0))
    return shades.levels(Cells(np.abs(cells.values), cells.state), max(top, 1.0), power=_POWER)


def _beside(parts: list[np.ndarray], shades: Shades) -> np.ndarray:
    height = max(part.shape[0] for part in parts)
    padded = [np.pad(part, ((0, height - part.shape[0]), (0, 0)), constant_values=shades.paper) for part in parts]
    gap = np.full((height, GAP), shades.paper, np.uint8)
    row = padded[0] if len(padded) == 1 else np.concatenate([padded[0], gap, padded[1]], axis=1)
    return np.pad(row, GAP // 2, constant_values=shades.paper)
