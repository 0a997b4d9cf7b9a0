"""The colours that a value has to have on the screen, computed here a second time, from the design and not from the front end's code.

The blue palette runs from the page's own background through three blues, and a value of attention stands on it at its square root.
"""

from __future__ import annotations

import numpy as np

BLUES = {
    "light": [(0x9D, 0xB6, 0xEA), (0x2F, 0x5F, 0xD0), (0x12, 0x26, 0x68)],
    "dark": [(0x1D, 0x34, 0x68), (0x3A, 0x64, 0xB8), (0x86, 0xAE, 0xFC), (0xDF, 0xE9, 0xFF)],
}


def attention_colours(values: np.ndarray, ground: tuple[int, int, int], mode: str = "light") -> np.ndarray:
    """The colours of shares between 0 and 1. (..., RGB) float"""
    stops = np.array([ground, *BLUES[mode]], dtype=float)
    places = np.sqrt(np.clip(np.asarray(values, dtype=float), 0, 1)) * (len(stops) - 1)
    return np.stack([np.interp(places, np.arange(len(stops)), stops[:, channel]) for channel in range(3)], axis=-1)
