"""Which keys each query of a head may look at, small enough to keep: the first and last allowed key of every row.

Always true: `Looks` agrees with `run.allowed` on every cell. Nearly every mask (causal, sliding window, full, left padding) allows an unbroken
run of keys in each row and is kept as two numbers a row; any other is kept bit by bit. Heads and layers with equal masks share one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.half import MASKED, VALUE

from .memo import once

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

_CELLS_AT_ONCE = 1 << 20


class Looks:
    """The allowed looks of one head over n tokens.

    start, stop: (query,) int32, the first allowed key and one past the last (0, 0 for a row that may look nowhere)
    count: (query,) int32, how many keys are allowed
    """

    def __init__(self, start: np.ndarray, stop: np.ndarray, count: np.ndarray, bits: np.ndarray | None) -> None:
        self.start, self.stop, self.count, self._bits = start, stop, count, bits

    @property
    def key(self) -> bytes:
        """Equal for equal looks."""
        return b"".join(part.tobytes() for part in (self.start, self.stop, self.count) + (() if self._bits is None else (self._bits,)))

    def at(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Whether query i may look at key i: bool, of the shape that the two arrays broadcast to."""
        inside = (self.start[queries] <= keys) & (keys < self.stop[queries])
        if self._bits is None:
            return inside
        return inside & ((self._bits[queries, keys >> 3] >> (7 - (keys & 7))) & 1).astype(bool)

    def state(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray | None:
        """States (VALUE or MASKED) of the cells queries × keys, (query, key) uint8; None where all are allowed."""
        if self._bits is None:
            start, stop = self.start[queries], self.stop[queries]
            if keys.min() >= start.max() and keys.max() < stop.min():
                return None
        return np.where(self.at(queries[:, None], keys[None, :]), np.uint8(VALUE), np.uint8(MASKED))

    def columns(self, queries: np.ndarray) -> tuple[int, int]:
        """The range of keys outside which none of these queries may look."""
        some = self.count[queries] > 0
        if not some.any():
            return 0, 0
        return int(self.start[queries][some].min()), int(self.stop[queries].max())


def looks_of(run: Capture, layer: int, head: int) -> Looks:
    """The allowed looks of a head, kept for the run."""
    return once(run, ("looks", layer), lambda: _of_layer(run, layer))[head]


def _of_layer(run: Capture, layer: int) -> list[Looks]:
    heads = [_of_head(run, layer, head) for head in range(run.heads_per_layer[layer])]
    return [once(run, ("equal looks", looks.key), lambda looks=looks: looks) for looks in heads]


def _of_head(run: Capture, layer: int, head: int) -> Looks:
    n = run.n_tokens
    start, stop, count = (np.zeros(n, np.int32) for _ in range(3))
    bits, unbroken = [], True
    rows = max(1, _CELLS_AT_ONCE // n)
    for top in range(0, n, rows):
        band = range(top, min(top + rows, n))
        allowed = np.asarray(run.allowed(layer, head, queries=band))  # (query, key) bool
        at = slice(band.start, band.stop)
        count[at] = allowed.sum(axis=1)
        some = count[at] > 0
        start[at] = np.where(some, allowed.argmax(axis=1), 0)
        stop[at] = np.where(some, n - allowed[:, ::-1].argmax(axis=1), 0)
        unbroken = unbroken and bool(np.array_equal(stop[at] - start[at], count[at]))
        bits.append(np.packbits(allowed, axis=1))
    return Looks(start, stop, count, None if unbroken else np.concatenate(bits))
