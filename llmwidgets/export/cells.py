"""Cells as pixels: numbers and their states become rows of a palette, as the page's light theme has it.

Always true: a masked cell is grey, NaN has a colour that no value has and is never hidden, what is absent stays paper. A diverging palette
has two hues that meet in paper at 0. What is drawn where is decided by whoever paints (overview.py, notes/picture.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BLUES = ((0xFF, 0xFF, 0xFF), (0x9D, 0xB6, 0xEA), (0x2F, 0x5F, 0xD0), (0x12, 0x26, 0x68))
_BOTH = (
    (0x12, 0x26, 0x68), (0x2F, 0x5F, 0xD0), (0xA9, 0xBF, 0xF0), (0xFF, 0xFF, 0xFF),
    (0xF2, 0xB9, 0x8C), (0xC2, 0x57, 0x0C), (0x5E, 0x26, 0x03),
)  # fmt: skip
_PAPER, _LINE, _MASKED = (0xFF, 0xFF, 0xFF), (0xDF, 0xE3, 0xE8), (0xF5, 0xF6, 0xF8)
_INK, _MARK = (0x0B, 0x57, 0xD0), (0xD6, 0x24, 0x5C)
_NAN, _NAN_OF_BOTH = (0xF2, 0x8A, 0x2E), (0x2E, 0x9E, 0x5B)


@dataclass(frozen=True, eq=False)
class Cells:
    """Numbers and the state of each (0 value, 1 masked, 2 absent, 3 pending), same shape."""

    values: np.ndarray
    state: np.ndarray


@dataclass(frozen=True)
class Shades:
    """`colours` steps for values, then paper, line, the selection's outline, NaN, masked, and the mark round a finding.

    diverging: two hues; `colours` is then odd, for a step of its own for 0
    """

    colours: int
    diverging: bool = False

    @property
    def paper(self) -> int:
        return self.colours

    @property
    def line(self) -> int:
        return self.colours + 1

    @property
    def ink(self) -> int:
        return self.colours + 2

    @property
    def nan(self) -> int:
        return self.colours + 3

    @property
    def masked(self) -> int:
        return self.colours + 4

    @property
    def mark(self) -> int:
        return self.colours + 5

    def palette(self) -> np.ndarray:
        """(colours + 6, 3) uint8."""
        stops = np.array(_BOTH if self.diverging else _BLUES, np.float64)
        places = np.linspace(0, len(stops) - 1, self.colours)
        low = np.minimum(places.astype(int), len(stops) - 2)
        share = (places - low)[:, None]
        shades = np.rint(stops[low] * (1 - share) + stops[low + 1] * share)
        nan = _NAN_OF_BOTH if self.diverging else _NAN
        return np.vstack([shades, [_PAPER, _LINE, _INK, nan, _MASKED, _MARK]]).astype(np.uint8)

    def levels(self, cells: Cells, high: float, low: float = 0.0, power: float = 1.0) -> np.ndarray:
        """The palette row of each cell, uint8. Values spread from low to high, or, diverging, from -high over 0 to high."""
        values, state = cells.values, cells.state
        finite = np.isfinite(values) & (state == 0)
        above = np.where(finite, values, 0.0).astype(np.float64)
        if self.diverging:
            bent = np.sign(above) * np.clip(np.abs(above) / (high or 1.0), 0.0, 1.0) ** power
            place = (bent + 1) / 2
        else:
            place = np.where(finite, np.clip((above - low) / ((high - low) or 1.0), 0.0, 1.0), 0.0) ** power
        levels = np.rint(place * (self.colours - 1)).astype(np.uint8)
        levels[(values == np.inf) & (state == 0)] = self.colours - 1
        levels[(values == -np.inf) & (state == 0)] = 0
        levels[np.isnan(values) & (state == 0)] = self.nan
        levels[state == 1] = self.masked
        levels[state == 2] = self.paper
        levels[state == 3] = self.line
        return levels


def grown(levels: np.ndarray, down: int, across: int) -> np.ndarray:
    """Each cell as `down` by `across` pixels."""
    return np.repeat(np.repeat(levels, down, axis=0), across, axis=1)
