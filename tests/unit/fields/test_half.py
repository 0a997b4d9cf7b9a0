"""Halves: what is sent is what was computed, within the bound that the codec states."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from llmwidgets.fields.half import ABSENT, HALF_ABSENT, HALF_MASKED, HALF_NAN, MASKED, PENDING, decode, encode, exponent_for

FIXTURE = Path(__file__).parents[2] / "contract" / "fixtures" / "halves.json"

floats = arrays.arrays(np.float32, arrays.array_shapes(max_dims=3, max_side=6), elements=st.floats(width=32))


@given(floats)
def test_a_decoded_value_is_within_the_stated_bound(values: np.ndarray) -> None:
    bits, exponent = encode(values)
    decoded, state = decode(bits, exponent)
    finite = np.isfinite(values)
    exact, found = values[finite].astype(np.float64), decoded[finite].astype(np.float64)
    bound = np.maximum(np.abs(exact) * 2.0**-11, 2.0 ** (exponent - 25))
    assert np.all(np.abs(found - exact) <= bound + 2.0**-150)  # float32 itself cannot tell less apart
    assert np.array_equal(np.isnan(values), np.isnan(decoded))
    infinite = np.isinf(values)
    assert np.array_equal(values[infinite], decoded[infinite])
    assert not state.any()


@given(st.floats(min_value=1e-38, max_value=3.4e38))
def test_the_largest_value_fits_and_the_smallest_step_is_far_below_it(magnitude: float) -> None:
    exponent = exponent_for(magnitude)
    assert magnitude * 2.0**-exponent <= 65504
    assert 2.0 ** (exponent - 25) < magnitude * 2.0**-32


@given(st.floats(min_value=0.0079, max_value=1.99))
def test_blocks_of_one_field_share_an_exponent(magnitude: float) -> None:
    assert exponent_for(magnitude) == -15


def test_a_tiny_share_beside_a_large_one_is_not_lost() -> None:
    values = np.array([1.0, 1e-7, 3e-9], np.float32)
    decoded, _ = decode(*encode(values))
    assert np.allclose(decoded, values, rtol=2**-9, atol=0)


def test_states_travel_as_payloads_of_nan() -> None:
    bits, exponent = encode(np.array([np.nan, 0.5, np.nan, np.nan], np.float32), np.array([0, 0, MASKED, ABSENT], np.uint8))
    assert [bits[i] for i in (0, 2, 3)] == [HALF_NAN, HALF_MASKED, HALF_ABSENT]
    values, state = decode(bits.tobytes(), exponent)
    assert state.tolist() == [0, 0, MASKED, ABSENT]
    assert values[1] == 0.5
    assert np.isnan(values[[0, 2, 3]]).all()


def test_a_block_without_finite_values_has_exponent_zero() -> None:
    for values in ([np.nan, np.inf, -np.inf], [0.0, -0.0]):
        assert encode(np.array(values, np.float32))[1] == 0


def test_the_contract_between_kernel_and_page_decodes_as_it_says() -> None:
    named = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "masked": np.nan, "absent": np.nan, "pending": np.nan}
    for case in json.loads(FIXTURE.read_text())["cases"]:
        values, state = decode(np.array(case["bits"], np.uint16), case["exponent"])
        expected = np.array([named.get(value, value) for value in case["values"]], np.float32)
        assert np.array_equal(values, expected, equal_nan=True)
        assert state.tolist() == [{"masked": MASKED, "absent": ABSENT, "pending": PENDING}.get(value, 0) for value in case["values"]]
