"""Which positions of two prompts belong together.

Always true: pairs (first's position, second's) rise strictly in both, so that a causal mask means the same on both sides; the same two
prompts given the other way round get the same pairs the other way round; equal tokens at both ends are paired, and so are the last
positions wherever order allows it, for a metric is mostly asked there. What is done with pairs is left to others (patching, differences).

Prompts of equal length are paired by position. Others by likeness: runs of equal tokens (equal_runs.py); between them, stretches of equal
length one to one, and of unequal stretches the last positions only: what a causal model knows of a phrase stands at its end, and the rest
has no partner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from llmwidgets.experiments.places import whole_number

from .equal_runs import equal_runs

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Alignment:
    """Pairs of positions, and how they were found: "position" or "likeness"."""

    pairs: Pairs
    how: str


def align(first_ids: Iterable[int], second_ids: Iterable[int]) -> Alignment:
    """Pair the positions of two prompts, given as token ids.

    >>> align([5, 1, 2, 9], [5, 1, 7, 8, 2, 9])
    Alignment(pairs=((0, 0), (1, 1), (2, 4), (3, 5)), how='likeness')
    >>> align([5, 1, 9], [5, 2, 9]).how
    'position'
    """
    first, second = [int(token) for token in first_ids], [int(token) for token in second_ids]
    if len(first) == len(second):
        return Alignment(tuple((i, i) for i in range(len(first))), "position")
    is_swapped = (len(first), first) > (len(second), second)  # one order for both ways round: the matching is not symmetric by itself
    if is_swapped:
        pairs = tuple((one, other) for other, one in _by_likeness(second, first))
    else:
        pairs = tuple(_by_likeness(first, second))
    return Alignment(pairs, "likeness")


def checked_pairs(pairs: Any, n_first: int, n_second: int) -> Pairs:
    """`pairs` as a tuple of (first's position, second's).

    ValueError unless they are whole numbers within prompts of `n_first` and `n_second` tokens and rise strictly in both.

    >>> checked_pairs([[0, 0], [1, 2]], 2, 3)
    ((0, 0), (1, 2))
    """
    try:
        found = tuple((whole_number(first, "position"), whole_number(second, "position")) for first, second in pairs)
    except (TypeError, ValueError):
        raise ValueError(f"pairs={_seen(pairs)} came; expected a list of [position in the first prompt, position in the second]") from None
    if not found:
        raise ValueError("no pairs came; pair at least one position of the first prompt with one of the second")
    for pair in found:
        for place, size, which in zip(pair, (n_first, n_second), ("first", "second"), strict=True):
            if not 0 <= place < size:
                raise ValueError(f"the pair {list(pair)} names position {place} of the {which} prompt, which has {size} (0 to {size - 1})")
    for one, next_one in pairwise(found):
        if not (one[0] < next_one[0] and one[1] < next_one[1]):
            raise ValueError(
                f"the pair {list(next_one)} comes after {list(one)}; pairs must rise in both prompts, each position in one pair at most"
            )
    return found


def _by_likeness(first: Sequence[int], second: Sequence[int]) -> list[tuple[int, int]]:
    n, m = len(first), len(second)
    if not n or not m:
        return []
    ends = int(first[-1] == second[-1])  # before the rest: with tokens repeated, the beginning would take the last one's partner
    start = _alike(first, second, min(n, m) - ends)
    ends += _alike(first[start : n - ends][::-1], second[start : m - ends][::-1], min(n, m) - start - ends)
    pairs = [(i, i) for i in range(start)]
    equal = equal_runs(first[start : n - ends], second[start : m - ends])
    one, other = start, start  # where the stretch between runs of equal tokens begins
    for stop, other_stop in [*((start + i, start + j) for i, j in equal), (n - ends, m - ends)]:
        pairs += _between(one, stop, other, other_stop)
        if stop < n - ends:
            pairs.append((stop, other_stop))
        one, other = stop + 1, other_stop + 1
    return pairs + [(n - i, m - i) for i in range(ends, 0, -1)]


def _between(one: int, stop: int, other: int, other_stop: int) -> list[tuple[int, int]]:
    """The pairs of a stretch in which no tokens are equal."""
    if stop - one == other_stop - other:
        return [(one + i, other + i) for i in range(stop - one)]
    return [(stop - 1, other_stop - 1)] if stop > one and other_stop > other else []


def _alike(one: Sequence[int], other: Sequence[int], most: int) -> int:
    """How many tokens are equal from the beginning on, `most` at most."""
    return next((i for i in range(most) if one[i] != other[i]), most)


def _seen(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
