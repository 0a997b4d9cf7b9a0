"""The equal tokens of two sequences that are best paired in order: as many as there can be, and rather in runs than scattered.

Always true: a pair counts PAIR, and RUN more where it follows right on the one before; what is found has the largest sum of these (of very
long sequences, nearly: they are halved, and a run across the cut is not seen). It is the longest common subsequence with affine weights,
by dynamic programming a row at a time (Needleman and Wunsch 1970; halved as Hirschberg 1975 does), so time and memory have bounds that
repeated tokens do not change: 4,096 against 4,096 tokens take about 0.2 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

PAIR, RUN = 2, 1
_CELLS = 1 << 23  # of a table: two of int32 are 64 MB


def equal_runs(first: Sequence[int], second: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs (place in first, place in second) of equal tokens, rising strictly in both.

    >>> equal_runs([7, 1, 2, 7], [1, 2, 5, 7, 6])
    [(1, 0), (2, 1), (3, 3)]
    """
    one, other = np.asarray(first, np.int64), np.asarray(second, np.int64)
    if not len(one) or not len(other):
        return []
    if len(one) == 1 or (len(one) + 1) * (len(other) + 1) <= _CELLS:
        return _by_table(one, other)
    half = len(one) // 2
    before, after = _last(one[:half], other), _last(one[half:][::-1], other[::-1])[::-1]
    cut = int(np.argmax(before + after))
    return equal_runs(first[:half], second[:cut]) + [(half + i, cut + j) for i, j in equal_runs(first[half:], second[cut:])]


def _rows(one: np.ndarray, other: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each beginning of `one`, from the empty one on, over every beginning of `other`, (m + 1,): the best sum, and the best that ends
    with the last tokens of both paired (0 where these are not equal)."""
    best, ending = np.zeros((2, len(other) + 1), np.int32)
    yield best, ending
    for token in one:
        paired = np.zeros_like(best)
        on = np.maximum(best[:-1], ending[:-1] + RUN * (ending[:-1] > 0)) + PAIR
        np.copyto(paired[1:], on, where=other == token)
        best, ending = np.maximum.accumulate(np.maximum(best, paired)), paired
        yield best, ending


def _last(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    best = np.zeros(0, np.int32)
    for best, _ in _rows(one, other):  # noqa: B007 - the last row is what is wanted
        pass
    return best


def _by_table(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int]]:
    best, ending = (np.stack(rows) for rows in zip(*_rows(one, other), strict=True))  # (n + 1, m + 1)
    pairs, i, j = [], len(one), len(other)
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            follows = True
            while follows:
                follows = bool(ending[i - 1, j - 1] and ending[i, j] == ending[i - 1, j - 1] + PAIR + RUN)
                i, j = i - 1, j - 1
                pairs.append((i, j))
    return pairs[::-1]
