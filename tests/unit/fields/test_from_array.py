"""A user's own array becomes a field by the names of its dimensions, or by their sizes where only one reading fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray

from llmwidgets.fields import Axis, BlockRequest, Field, from_array

L, H, T = 3, 4, 6
AXES = {
    "layer": Axis("layer", L),
    "head": Axis("head", H),
    "query": Axis("query", T, labels=tuple("abcdef")),
    "key": Axis("key", T, labels=tuple("abcdef")),
    "position": Axis("position", T, labels=tuple("abcdef")),
}
RNG = np.random.default_rng(0)


def all_of(field: Field) -> np.ndarray:
    return field.block(BlockRequest(field.name, {axis.coordinate: axis.range for axis in field.axes})).values


@pytest.mark.parametrize(
    ("shape", "coordinates"),
    [
        ((L,), ("layer",)),
        ((T,), ("position",)),
        ((L, H), ("layer", "head")),
        ((L, T), ("layer", "position")),
        ((T, T), ("query", "key")),
        ((L, H, T), ("layer", "head", "query")),
        ((L, H, T, T), ("layer", "head", "query", "key")),
    ],
)
def test_sizes_that_allow_one_reading_name_the_dimensions(shape: tuple[int, ...], coordinates: tuple[str, ...]) -> None:
    array = RNG.normal(size=shape)
    field = from_array(array, AXES)
    assert field.coordinates == coordinates
    assert np.array_equal(all_of(field), array.astype(np.float32))


def test_sizes_that_allow_two_readings_are_refused_with_both() -> None:
    square = {name: Axis(name, 4) for name in AXES}
    with pytest.raises(ValueError, match=r"could be \('layer', 'head'\) or \('layer', 'position'\)"):
        from_array(np.zeros((4, 4)), square)
    assert from_array(np.zeros((4, 4)), square, dims=("layer", "head")).coordinates == ("layer", "head")


def test_sizes_that_fit_nothing_are_refused_with_what_would() -> None:
    with pytest.raises(ValueError, match=r"shape \(5, 9\) came; nothing of this run has these sizes \(layer 3, head 4"):
        from_array(np.zeros((5, 9)), AXES)


def test_named_dimensions_must_have_the_runs_sizes() -> None:
    with pytest.raises(ValueError, match="'head' has size 3; this run's head has 4"):
        from_array(np.zeros((3, 3)), AXES, dims=("layer", "head"))
    with pytest.raises(ValueError, match="name 1 dimensions; the array has 2"):
        from_array(np.zeros((3, 3)), AXES, dims="layer")


@pytest.mark.parametrize(
    "array",
    [
        torch.arange(12.0, requires_grad=True).reshape(L, H),
        torch.arange(12, dtype=torch.bfloat16).reshape(L, H),
        np.arange(12, dtype=">f8").reshape(L, H)[::1],
        np.arange(12).reshape(H, L).T.copy(order="F").T.reshape(L, H),
        [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]],
        xarray.DataArray(np.arange(12).reshape(L, H), dims=("layer", "head")),
    ],
    ids=["torch", "bfloat16", "big-endian", "integers", "lists", "xarray"],
)
def test_any_kind_of_array_gives_the_same_field(array: object) -> None:
    field = from_array(array, AXES, name="mine", unit="logits")
    assert field.coordinates == ("layer", "head")
    assert np.array_equal(all_of(field), np.arange(12, dtype=np.float32).reshape(L, H))
    assert (field.name, field.unit, field.evidence) == ("mine", "logits", "unstated")


def test_xarray_names_decide_and_may_bring_their_own() -> None:
    square = {name: Axis(name, 4) for name in AXES}
    array = xarray.DataArray(np.zeros((4, 4, 2)), dims=("head", "layer", "task"), coords={"task": ["easy", "hard"]}, name="probe")
    field = from_array(array, square)
    assert (field.name, field.coordinates) == ("probe", ("head", "layer", "task"))
    assert field.axis("task").labels == ("easy", "hard")


def test_the_embeddings_row_of_an_analysis_keeps_its_place() -> None:
    array = xarray.DataArray(RNG.normal(size=(L + 1, T)), dims=("layer", "position"), coords={"layer": range(-1, L)})
    field = from_array(array, AXES)
    assert field.axis("layer").range == range(-1, L)
    assert field.cell(layer=-1, position=2)["value"] == float(np.float32(array.values[0, 2]))
    part = from_array(array.sel(layer=[1, 2]), AXES)
    assert part.axis("layer").range == range(1, 3)


@pytest.mark.parametrize(("layers", "words"), [([0, 2], "skips or repeats"), ([2, 3], "runs from 2 to 3"), ([1, 0], "skips or repeats")])
def test_coordinates_that_do_not_fit_the_run_are_refused(layers: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_array(xarray.DataArray(np.zeros(2), dims="layer", coords={"layer": layers}), AXES)


def test_attributes_count_only_with_evidence_given() -> None:
    attrs = {"evidence": "intervention", "unit": "nats", "caveat": "only once"}
    array = xarray.DataArray(np.zeros((L, H)), dims=("layer", "head"), attrs=attrs)
    silent = from_array(array, AXES)
    assert (silent.evidence, silent.unit, silent.caveat) == ("unstated", "", "")
    said = from_array(array, AXES, evidence="intervention")
    assert (said.evidence, said.unit, said.caveat) == ("intervention", "nats", "only once")


def test_numbers_of_both_signs_diverge_and_shares_do_not() -> None:
    assert from_array([-1.0, 0.0, 2.0], AXES).scale.kind == "diverging"
    assert from_array([0.0, np.nan, np.inf], AXES).scale.kind == "sequential"
    assert from_array([0.0, np.nan, -np.inf], AXES).scale.kind == "sequential"


def test_nan_infinity_and_masked_places_stay_what_they_are() -> None:
    field = from_array(np.ma.MaskedArray([np.nan, np.inf, 5.0], [False, False, True]), AXES)
    assert [field.cell(layer=layer)["state"] for layer in range(3)] == ["nan", "inf", "absent"]


def test_a_later_change_of_the_array_does_not_move_the_field() -> None:
    array = np.zeros(L, np.float32)
    field = from_array(array, AXES)
    array[:] = 1
    assert field.cell(layer=0)["value"] == 0


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(3, complex), "complex128"),
        (["a", "b", "c"], "expected real numbers"),
        ([[1, 2], [3]], "the same length"),
        (xarray.Dataset({"kl": ("layer", np.zeros(3))}), r"dataset\['kl'\]"),
    ],
)
def test_what_is_no_array_of_numbers_is_a_type_error(array: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        from_array(array, AXES)


@pytest.mark.parametrize("array", [3.0, np.zeros((0, 4))])
def test_an_array_needs_a_dimension_and_a_number(array: object) -> None:
    with pytest.raises(ValueError, match="at least one dimension and one number"):
        from_array(array, AXES)
