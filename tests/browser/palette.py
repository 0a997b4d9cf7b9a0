"""The colours that a value has to have on the screen, computed here a second time, from the design and not from the front end's code.

The blue palette runs from the page's own background through three blues, and a value of attention stands on it at its square root.
"""

from __future__ import annotations

import numpy as np

BLUES = {
    "light": [(0x9D, 0xB6, 0xEA), (0x2F, 0x5F, 0xD0), (0x12, 0x26, 0x68)],
    "dark": [(0x1D, 0x34, 0x68), (0x3A, 0x64, 0xB8), (0x86, 0xAE, 0xFC), (0xDF, 0xE9, 0xFF)],
}


DIVERGING = {
    "low": [(0x12, 0x26, 0x68), (0x2F, 0x5F, 0xD0), (0xA9, 0xBF, 0xF0)],
    "high": [(0xF2, 0xB9, 0x8C), (0xC2, 0x57, 0x0C), (0x5E, 0x26, 0x03)],
}

Colour = tuple[int, int, int]


def through(stops: list[Colour], places: np.ndarray) -> np.ndarray:
    """The colours at places between 0 and 1 of a palette of evenly spaced stops. (..., RGB) float"""
    table, at = np.array(stops, dtype=float), np.clip(places, 0, 1) * (len(stops) - 1)
    return np.stack([np.interp(at, np.arange(len(table)), table[:, channel]) for channel in range(3)], axis=-1)


def attention_colours(values: np.ndarray, ground: Colour, mode: str = "light") -> np.ndarray:
    """The colours of shares between 0 and 1. (..., RGB) float"""
    return through([ground, *BLUES[mode]], np.sqrt(np.clip(np.asarray(values, dtype=float), 0, 1)))


def probability_colours(values: np.ndarray, ground: Colour) -> np.ndarray:
    """The colours of probabilities, which stand on the palette as they are; in the light. (..., RGB) float"""
    return through([ground, *BLUES["light"]], np.asarray(values, dtype=float))


def signed_colours(values: np.ndarray, ground: Colour) -> np.ndarray:
    """The colours of numbers of both signs, from minus to plus the largest magnitude among them; in the light. (..., RGB) float"""
    values = np.asarray(values, dtype=float)
    return through([*DIVERGING["low"], ground, *DIVERGING["high"]], 0.5 + 0.5 * values / np.abs(values).max())
