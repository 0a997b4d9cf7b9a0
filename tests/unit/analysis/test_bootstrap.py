"""The bootstrap interval covers what it should, moves with the values, and does not depend on their order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from llmwidgets.analysis.bootstrap import interval, mean

NUMBERS = st.floats(-1e3, 1e3, allow_subnormal=False)
VALUES = arrays.arrays(np.float64, st.integers(2, 9), elements=NUMBERS)
QUICK = settings(max_examples=40, deadline=None)


def test_about_95_of_100_intervals_hold_the_true_mean_of_normal_data():
    samples = np.random.default_rng(0).normal(3.0, 2.0, size=(40, 2000))  # (value, sample)
    low, high = interval(samples)
    covered = np.mean((low <= 3.0) & (high >= 3.0))
    # The percentile interval ends at 1.96 times the spread with n in place of n - 1: P(|t of 39| < 1.96 sqrt(39 / 40)) = 0.940.
    assert abs(covered - 0.940) < 4 * math.sqrt(0.940 * 0.060 / 2000)


def test_the_width_is_that_of_the_normal_law():
    values = np.random.default_rng(1).normal(size=400)
    low, high = interval(values, resamples=10_000, confidence=0.9)
    half = 1.6449 * values.std() / math.sqrt(len(values))
    assert np.isclose(low, values.mean() - half, atol=0.05 * half)
    assert np.isclose(high, values.mean() + half, atol=0.05 * half)


def test_two_values_have_the_closed_form():
    # Means of two draws: a and b with probability 1/4 each, so 95 % reaches both.
    assert interval([1.0, 5.0]) == (1.0, 5.0)
    # A fifth is less than the middle's half: the interval is the mean itself.
    assert interval([1.0, 5.0], confidence=0.2) == (3.0, 3.0)


@QUICK
@given(VALUES)
def test_the_interval_holds_the_mean_and_stays_among_the_values(values):
    low, high = interval(values, confidence=0.999)
    slack = 1e-9 * (1 + np.ptp(values))
    assert values.min() - slack <= low <= mean(values) + slack
    assert mean(values) - slack <= high <= values.max() + slack


@QUICK
@given(VALUES, NUMBERS, st.floats(0.01, 100))
def test_moving_or_stretching_the_values_does_the_same_to_the_interval(values, shift, stretch):
    plain, moved = interval(values), interval(values * stretch + shift)
    assert np.allclose(moved, np.array(plain) * stretch + shift, rtol=1e-9, atol=1e-6)


@QUICK
@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_of_values_changes_nothing(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert mean(shuffled) == mean(values)
    assert interval(shuffled) == interval(values)


@QUICK
@given(NUMBERS, st.integers(2, 9))
def test_equal_values_have_an_interval_of_no_width(value, n):
    assert interval([value] * n) == (value, value)
    assert mean([value] * n) == value


@QUICK
@given(VALUES)
def test_what_is_nan_takes_no_part(values):
    with_gaps = np.concatenate([[np.nan], values, [np.nan]])
    assert interval(with_gaps) == interval(values)
    assert np.isclose(mean(with_gaps), mean(values), rtol=1e-12, atol=1e-9)  # sums of another length round otherwise


@QUICK
@given(arrays.arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 4), st.integers(1, 3)), elements=NUMBERS))
def test_every_place_is_as_if_it_were_alone(values):
    low, high = interval(np.moveaxis(values, 0, -1), axis=-1)
    assert low.shape == values.shape[1:]
    for place in np.ndindex(low.shape):
        assert np.allclose((low[place], high[place]), interval(values[(slice(None), *place)]), rtol=1e-12, atol=1e-9)
    assert np.allclose(mean(values), values.mean(0), rtol=1e-12, atol=1e-9)


def test_many_places_are_done_in_parts_that_agree(monkeypatch):
    values = np.random.default_rng(2).normal(size=(5, 7))
    whole = interval(values)
    monkeypatch.setattr("llmwidgets.analysis.bootstrap._AT_ONCE", 4000)
    assert np.allclose(interval(values), whole, atol=1e-12)


def test_one_value_gives_no_interval():
    assert np.isnan(interval([4.0])).all()
    assert np.isnan(interval([4.0, np.nan])).all()
    assert mean([4.0, np.nan]) == 4.0


def test_nothing_gives_nothing():
    assert np.isnan(mean([np.nan, np.nan]))
    assert np.isnan(mean(np.empty((0, 3)))).all()
    assert np.isnan(interval(np.empty((0, 3)))).all()


def test_an_infinite_value_leaves_the_interval_undefined():
    assert np.isnan(interval([1.0, np.inf, 2.0])).all()
    assert mean([1.0, np.inf]) == np.inf
    assert mean([1.0, -np.inf]) == -np.inf
    assert np.isnan(mean([-np.inf, np.inf]))


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.random.default_rng(3).normal(size=20)
    assert interval(values) == interval(values)
    assert interval(values, seed=1) != interval(values)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5])
def test_a_confidence_outside_0_to_1_is_refused(confidence):
    with pytest.raises(ValueError, match=r"above 0 and below 1, such as 0\.95"):
        interval([1.0, 2.0], confidence=confidence)


def test_no_resamples_or_a_single_number_are_refused():
    with pytest.raises(ValueError, match="resamples=0 came"):
        interval([1.0, 2.0], resamples=0)
    with pytest.raises(ValueError, match="values along an axis"):
        interval(1.0)
