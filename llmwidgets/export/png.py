"""Writes a PNG of palette colours: 40 lines instead of a dependency.

Always true: the file is a valid PNG (colour type 3, eight bits a pixel, no interlace, filter 0), and the same picture gives the same bytes.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np


def png(indices: np.ndarray, palette: np.ndarray) -> bytes:
    """The bytes of a PNG file.

    indices: (height, width) uint8, each the row of its colour
    palette: (colours, 3) uint8, at most 256 rows
    """
    if indices.ndim != 2 or indices.dtype != np.uint8:
        raise TypeError(f"pixels of shape {indices.shape} and dtype {indices.dtype} came; expected (height, width) of uint8")
    if palette.ndim != 2 or palette.shape[1] != 3 or not 1 <= len(palette) <= 256 or palette.dtype != np.uint8:
        raise TypeError(f"a palette of shape {palette.shape} and dtype {palette.dtype} came; expected (1 to 256, 3) of uint8")
    if indices.size and int(indices.max()) >= len(palette):
        raise ValueError(f"pixel {int(indices.max())} has no colour; the palette has {len(palette)}")
    height, width = indices.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter, 0
    rows[:, 1:] = indices
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
