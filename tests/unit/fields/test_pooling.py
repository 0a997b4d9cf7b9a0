"""Pooling: a coarser level keeps what is extreme, and says what is missing only where nothing is there."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from llmwidgets.fields import ABSENT, MASKED, PENDING, VALUE, pool

FIXTURE = Path(__file__).parents[2] / "contract" / "fixtures" / "pooling.json"


@st.composite
def cells(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=2, max_side=9))
    values = draw(arrays.arrays(np.float32, shape, elements=st.floats(width=32) | st.sampled_from([-1.0, 1.0, 0.0])))
    state = draw(arrays.arrays(np.uint8, shape, elements=st.sampled_from([VALUE, VALUE, MASKED, ABSENT, PENDING])))
    return np.where(state == VALUE, values, np.float32(np.nan)), state


def one_pooled(values: list[float], states: list[int], diverging: bool) -> tuple[float, int]:
    """Pooling of one cell, written out."""
    present = [value for value, state in zip(values, states, strict=True) if state == VALUE]
    if not present:
        return np.nan, min(states, key=[VALUE, PENDING, MASKED, ABSENT].index)
    if any(np.isnan(present)):
        return np.nan, VALUE
    return (max(present, key=lambda value: (abs(value), value)) if diverging else max(present)), VALUE


@given(cells(), st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_a_pooled_cell_holds_the_extreme_of_what_it_covers(
    given_cells: tuple[np.ndarray, np.ndarray], down: int, across: int, diverging: bool
) -> None:
    values, state = given_cells
    pooled, pooled_state = pool(values, state, (down, across), diverging)
    for i in range(pooled.shape[0]):
        for j in range(pooled.shape[1]):
            at = np.s_[i * down : (i + 1) * down, j * across : (j + 1) * across]
            value, where = one_pooled(values[at].ravel().tolist(), state[at].ravel().tolist(), diverging)
            assert pooled_state[i, j] == where
            assert np.array_equal(pooled[i, j], value, equal_nan=True)


@given(cells(), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_pooling_twice_is_pooling_by_the_product(
    given_cells: tuple[np.ndarray, np.ndarray], first: int, second: int, diverging: bool
) -> None:
    values, state = given_cells
    twice = pool(*pool(values, state, (first, first), diverging), (second, second), diverging)
    at_once = pool(values, state, (first * second,) * 2, diverging)
    assert np.array_equal(twice[0], at_once[0], equal_nan=True)
    assert np.array_equal(twice[1], at_once[1])


@given(cells())
def test_the_largest_value_of_a_block_is_that_of_its_coarsest_level(given_cells: tuple[np.ndarray, np.ndarray]) -> None:
    values, state = given_cells
    coarsest, _ = pool(values, state, values.shape)
    present = values[state == VALUE]
    expected = np.max(present) if present.size else np.float32(np.nan)  # np.max lets NaN win
    assert np.array_equal(coarsest[0, 0], expected, equal_nan=True)


def test_pooling_warns_of_nothing() -> None:
    values = np.array([[np.nan, np.nan], [np.inf, -np.inf]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pool(values, None, (1, 2), diverging=True)
        pool(values, np.array([[1, 2], [0, 0]], np.uint8), (1, 2), diverging=True)


def test_the_contract_between_kernel_and_page_pools_as_it_says() -> None:
    missing = {"masked": MASKED, "absent": ABSENT, "pending": PENDING}
    for case in json.loads(FIXTURE.read_text())["cases"]:

        def read(rows: list[list[float | str]]) -> tuple[np.ndarray, np.ndarray]:
            values = [[np.nan if isinstance(cell, str) else cell for cell in row] for row in rows]
            return np.array(values, np.float32), np.array([[missing.get(cell, VALUE) for cell in row] for row in rows], np.uint8)

        factors = tuple(case["pool"].get(dim, 1) for dim in case["dims"])
        values, state = pool(*read(case["values"]), factors, case["scale"] == "diverging")
        expected, expected_state = read(case["pooled"])
        assert np.array_equal(values, expected, equal_nan=True), case["what"]
        assert np.array_equal(state, expected_state), case["what"]


@pytest.mark.parametrize("diverging", [False, True])
def test_equal_magnitudes_of_both_signs_give_the_positive_one(diverging: bool) -> None:
    assert pool(np.array([-2.0, 2.0], np.float32), None, (2,), diverging)[0].tolist() == [2.0]
