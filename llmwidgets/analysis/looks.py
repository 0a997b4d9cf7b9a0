"""Which keys each query of a head may look at, small enough to keep: the first and last allowed key of every row.

Always true: `Looks` agrees with `run.allowed` on every cell. Nearly every mask (causal, sliding window, full, left padding) allows an
unbroken run of keys in each row and is kept as two numbers a row; any other is kept bit by bit. Heads and layers with equal masks share
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.half import MASKED, VALUE
from llmwidgets.fields.stream import Places

from .memo import once

if TYPE_CHECKING:
    from llmwidgets.capture import Capture
    from llmwidgets.capture.mask import Mask

_CELLS_AT_ONCE = 1 << 20


class Looks:
    """The allowed looks of one head over n tokens.

    start, stop: (query,) int32, the first allowed key and one past the last (0, 0 for a row that may look nowhere)
    count: (query,) int32, how many keys are allowed
    """

    def __init__(self, start: np.ndarray, stop: np.ndarray, count: np.ndarray, bits: np.ndarray | None) -> None:
        self.start, self.stop, self.count, self._bits = start, stop, count, bits
        self._last: tuple[Places, Places, np.ndarray] | None = None

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

    def state(self, queries: Places, keys: Places) -> np.ndarray:
        """States (VALUE or MASKED) of the cells queries × keys, (query, key) uint8, not to be written to.

        The last answer is kept: head after head is asked for the same band.
        """
        last = self._last
        if last is None or last[:2] != (queries, keys):
            last = self._last = (queries, keys, self._state(queries, keys))
        return last[2]

    def _state(self, queries: Places, keys: Places) -> np.ndarray:
        rows, columns = places_array(queries), places_array(keys)
        state = np.full((len(rows), len(columns)), MASKED, np.uint8)
        if not isinstance(keys, range):
            state[self.at(rows[:, None], columns[None, :])] = VALUE
            return state
        first, last = within(keys, *self.columns(rows))
        inner_first, inner_last = within(range(keys.start + first, keys.start + last), *self.inner_columns(rows))
        inner_first, inner_last = inner_first + first, inner_last + first
        state[:, inner_first:inner_last] = VALUE
        for edge in (slice(first, inner_first), slice(inner_last, last)):
            state[:, edge][self.at(rows[:, None], columns[None, edge])] = VALUE
        return state

    def inner_columns(self, queries: np.ndarray) -> tuple[int, int]:
        """A range of keys at which all of these queries may look (it may be empty)."""
        if self._bits is not None:
            return 0, 0
        first, last = int(self.start[queries].max()), int(self.stop[queries].min())
        return (first, last) if first < last else (0, 0)

    def columns(self, queries: np.ndarray) -> tuple[int, int]:
        """The range of keys outside which none of these queries may look."""
        some = self.count[queries] > 0
        if not some.any():
            return 0, 0
        return int(self.start[queries][some].min()), int(self.stop[queries].max())


def within(keys: range, first: int, last: int) -> tuple[int, int]:
    """Where the keys from `first` to `last` (excluded) stand in `keys`: a slice's ends, equal where none does.

    >>> within(range(4, 10), 0, 6), within(range(4, 10), 0, 2)
    ((0, 2), (0, 0))
    """
    start = min(max(first - keys.start, 0), len(keys))
    return start, max(start, min(last - keys.start, len(keys)))


def places_array(places: Places) -> np.ndarray:
    """The places as an integer array."""
    return np.arange(places.start, places.stop, dtype=np.int32) if isinstance(places, range) else np.asarray(places, np.int32)


def looks_of(run: Capture, layer: int, head: int) -> Looks:
    """The allowed looks of a head, kept for the run."""
    return once(run, ("looks", layer), lambda: _of_layer(run, layer))[head]


def _of_layer(run: Capture, layer: int) -> list[Looks]:
    n_heads = run.heads_per_layer[layer]
    mask = run.mask(layer)
    if mask.explicit is None:
        heads = [_closed(mask, run.n_tokens)] * n_heads
    elif mask.explicit.shape[0] == 1:  # (1, query, key): one mask for all heads
        heads = [_of_head(run, layer, 0)] * n_heads
    else:
        heads = [_of_head(run, layer, head) for head in range(n_heads)]
    return [once(run, ("equal looks", looks.key), lambda looks=looks: looks) for looks in heads]


def _closed(mask: Mask, n_tokens: int) -> Looks:
    """From a mask that is causal, windowed or full, for all heads alike."""
    queries = np.arange(n_tokens, dtype=np.int32)
    stop = np.minimum(queries + 1, mask.n_keys) if mask.causal else np.full_like(queries, mask.n_keys)
    start = np.zeros_like(queries) if mask.window is None else np.maximum(queries - mask.window + 1, 0)
    return Looks(start, stop, stop - start, None)


def _of_head(run: Capture, layer: int, head: int) -> Looks:
    n = run.n_tokens
    start, stop, count = (np.zeros(n, np.int32) for _ in range(3))
    bits, unbroken = [], True
    rows = max(1, _CELLS_AT_ONCE // n)
    for top in range(0, n, rows):
        band = range(top, min(top + rows, n))
        allowed = run.allowed(layer, head, queries=slice(band.start, band.stop)).numpy()  # (query, key) bool
        at = slice(band.start, band.stop)
        count[at] = allowed.sum(axis=1)
        some = count[at] > 0
        start[at] = np.where(some, allowed.argmax(axis=1), 0)
        stop[at] = np.where(some, n - allowed[:, ::-1].argmax(axis=1), 0)
        unbroken = unbroken and bool(np.array_equal(stop[at] - start[at], count[at]))
        bits.append(np.packbits(allowed, axis=1))
    return Looks(start, stop, count, None if unbroken else np.concatenate(bits))
