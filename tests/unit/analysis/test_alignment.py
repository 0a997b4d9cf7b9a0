"""Positions that belong together: rising, the same both ways round, ends with ends; pairs given by hand are checked in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmwidgets.analysis.alignment import align, checked_pairs
from llmwidgets.analysis.equal_runs import PAIR, RUN, equal_runs

ids = st.lists(st.integers(0, 4), min_size=1, max_size=12)


@given(ids, ids)
def test_pairs_rise_in_both_prompts(first: list[int], second: list[int]) -> None:
    found = align(first, second).pairs
    assert found and checked_pairs(found, len(first), len(second)) == found


@given(ids, ids)
def test_the_other_way_round_the_pairs_are_the_same(first: list[int], second: list[int]) -> None:
    one, other = align(first, second), align(second, first)
    assert other.pairs == tuple((b, a) for a, b in one.pairs) and one.how == other.how


@given(ids, st.randoms(use_true_random=False))
def test_prompts_of_equal_length_are_paired_by_position(first: list[int], random: Any) -> None:
    second = random.sample(first, len(first))
    for other in (first, second):
        found = align(first, other)
        assert found.pairs == tuple((i, i) for i in range(len(first))) and found.how == "position"


@given(ids, ids, ids, ids)
def test_equal_tokens_at_both_ends_are_paired(start: list[int], end: list[int], first: list[int], second: list[int]) -> None:
    one, other = start + first + end, start + second + end
    pairs = align(one, other).pairs
    assert {(i, i) for i in range(len(start))} <= set(pairs) and (len(one) - 1, len(other) - 1) in pairs


@given(ids, ids)
def test_the_last_positions_are_paired_unless_one_of_them_has_a_partner_already(first: list[int], second: list[int]) -> None:
    found = align(first, second)
    last = (len(first) - 1, len(second) - 1)
    taken = {a for a, _ in found.pairs} & {last[0]} or {b for _, b in found.pairs} & {last[1]}
    assert last in found.pairs or taken


@given(st.lists(st.integers(0, 300_000), min_size=1, max_size=30, unique=True), st.data())
def test_a_prompt_with_words_put_in_keeps_all_its_own_pairs(first: list[int], data: Any) -> None:
    """Independent of any matching: what was put in is known."""
    second: list[int] = []
    wanted = []
    for place, token in enumerate(first):
        wanted.append((place, len(second)))
        second.append(token)
        if place < len(first) - 1:
            second += [max(first) + 1 + len(second)] * data.draw(st.integers(0, 2))
    assert align(first, second).pairs == tuple(wanted)


def test_changed_stretches_are_paired_one_to_one_where_they_are_as_long_and_else_at_their_ends() -> None:
    same = align([1, 2, 50, 51, 3, 4, 9], [1, 2, 60, 61, 3, 7, 4, 9])
    assert same.pairs == ((0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 7)) and same.how == "likeness"
    assert align([1, 50, 2], [1, 60, 61, 62, 2]).pairs == ((0, 0), (1, 3), (2, 4))
    assert align([1, 2], [1, 2, 2, 2]).pairs == ((0, 0), (1, 3))
    assert align([1], [2, 3]).pairs == ((0, 1),)
    assert align([], [2, 3]).pairs == ()


def test_tensors_of_ids_are_aligned_too() -> None:
    assert align(torch.tensor([1, 2, 3]), torch.tensor([1, 5, 2, 3])).pairs == ((0, 0), (1, 2), (2, 3))


def scored(pairs: Sequence[tuple[int, int]]) -> int:
    return PAIR * len(pairs) + RUN * sum((a + 1, b + 1) == following for (a, b), following in pairwise(pairs))


def every_pairing(first: list[int], second: list[int]) -> list[tuple[tuple[int, int], ...]]:
    equal = [(i, j) for i in range(len(first)) for j in range(len(second)) if first[i] == second[j]]
    return [
        chosen
        for n in range(min(len(first), len(second)) + 1)
        for chosen in combinations(equal, n)
        if all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(chosen))
    ]


@given(st.lists(st.integers(0, 3), max_size=5), st.lists(st.integers(0, 3), max_size=4))
def test_of_all_ways_to_pair_equal_tokens_in_order_none_counts_more(first: list[int], second: list[int]) -> None:
    found = tuple(equal_runs(first, second))
    assert found in every_pairing(first, second)
    assert scored(found) == max(map(scored, every_pairing(first, second)))


def test_halved_for_want_of_memory_it_finds_the_same_number_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmwidgets.analysis.equal_runs.RUN", 0)
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randint(0, 6, (n,), generator=generator).tolist() for n in (90, 70))
    whole = equal_runs(first, second)
    monkeypatch.setattr("llmwidgets.analysis.equal_runs._CELLS", 300)
    halved = equal_runs(first, second)
    assert len(halved) == len(whole) and all(first[i] == second[j] for i, j in halved)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(halved))


def test_long_prompts_in_which_a_few_tokens_return_on_and_on_are_aligned_too() -> None:
    first = [token for i in range(500) for token in (0, 1, 0, 100 + i)]
    second = [token for i in range(498) for token in (0, 1, 0, 10_000 + i)]
    found = align(first, second).pairs
    assert checked_pairs(found, 2000, 1992) == found and len(found) == 1992


@pytest.mark.parametrize(
    "pairs, words",
    [
        ([], "no pairs came"),
        (None, "pairs=None came; expected a list of"),
        ("ab", "pairs='ab' came"),
        ([[0]], r"pairs=\[\[0\]\] came"),
        ([[0, 1.5]], "came; expected a list of"),
        ([[True, 0]], "came; expected a list of"),
        ([[0, 3]], r"the pair \[0, 3\] names position 3 of the second prompt, which has 3 \(0 to 2\)"),
        ([[4, 0]], r"names position 4 of the first prompt, which has 4"),
        ([[-1, 0]], "names position -1 of the first prompt"),
        ([[0, 1], [1, 1]], r"the pair \[1, 1\] comes after \[0, 1\]; pairs must rise in both"),
        ([[1, 0], [0, 1]], "pairs must rise"),
    ],
)
def test_pairs_that_are_none_are_refused_in_words(pairs: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked_pairs(pairs, 4, 3)


def test_pairs_from_a_message_come_back_as_pairs() -> None:
    assert checked_pairs([[0, 0], [3, 2]], 4, 3) == ((0, 0), (3, 2))
