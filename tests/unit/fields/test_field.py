"""A field gives just what is asked, exactly, however the work is cut, and says what is missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmwidgets.fields import (
    ABSENT,
    MASKED,
    VALUE,
    Axis,
    BlockCancelled,
    BlockRequest,
    BlockRequestError,
    CellExtra,
    Cells,
    Field,
    Place,
    Reduction,
    Reference,
    Scale,
    Span,
    UnknownFieldError,
    make,
    names,
    register,
    registry,
    slice_for,
)  # fmt: skip
from llmwidgets.fields.stream import Places

L, H, T = 3, 2, 7
RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(L, H, T, T)).astype(np.float32)
VALUES[0, 0, 5, 2], VALUES[1, 1, 6, 3], VALUES[2, 0, 4, 4] = np.nan, np.inf, -np.inf
STATE = np.zeros(VALUES.shape, np.uint8)
STATE[:, :, np.triu_indices(T, 1)[0], np.triu_indices(T, 1)[1]] = MASKED  # causal
STATE[2, 1] = ABSENT  # layer 2 has one head
VALUES[STATE != VALUE] = np.nan
AXES = (Axis("layer", L), Axis("head", H), Axis("query", T, labels=tuple("abcdefg")), Axis("key", T))


class Counting:
    """A reader over VALUES that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.seen = np.zeros(VALUES.shape, int)

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        at = np.ix_(*(np.asarray(index[axis.coordinate]) for axis in AXES))
        self.seen[at] += 1
        self.asked.append(VALUES[at].size)
        return Cells(VALUES[at], STATE[at])


def field(band: int = 1 << 18, kind: str = "sequential", reader: Counting | None = None) -> Field:
    return Field("toy", "toy", AXES, "units", reader or Counting(), Scale(kind), band=band)


WHOLE = {"layer": range(L), "head": range(H), "query": range(T), "key": range(T)}


@given(st.integers(1, 400), st.sampled_from(["sequential", "diverging"]), st.integers(1, 4), st.integers(1, 7))
def test_the_answer_does_not_depend_on_how_the_work_is_cut(band: int, kind: str, down: int, across: int) -> None:
    request = BlockRequest("toy", WHOLE, pool={"query": down, "key": across})
    reader = Counting()
    cut, whole = field(band, kind, reader).block(request), field(kind=kind).block(request)
    assert np.array_equal(cut.values, whole.values, equal_nan=True)
    assert np.array_equal(cut.state, whole.state)
    assert cut.extent == whole.extent
    assert np.all(reader.seen == 1)
    assert max(reader.asked) <= max(band, across) * down  # a pooled cell is never cut


def test_extent_is_of_finite_values_before_pooling() -> None:
    finite = VALUES[np.isfinite(VALUES)]
    block = field().block(BlockRequest("toy", WHOLE, pool={"query": 7, "key": 7}))
    assert block.extent == (float(finite.min()), float(finite.max()))


@pytest.mark.parametrize("band", [1, 10, 1 << 18])
@pytest.mark.parametrize("how", ["mean", "max", "sum", "absmax"])
def test_a_reduction_covers_only_cells_that_have_a_value(how: str, band: int) -> None:
    block = field(band).block(BlockRequest("toy", {**WHOLE, "query": Reduction(how), "head": Reduction(how)}))
    assert block.dims == ("layer", "key")
    for layer in range(L):
        for key in range(T):
            present = VALUES[layer, :, :, key][STATE[layer, :, :, key] == VALUE].astype(np.float64)
            expected = {"mean": np.mean, "sum": np.sum, "max": np.max, "absmax": lambda v: v[np.argmax(np.abs(v))]}[how](present)
            assert np.allclose(block.values[layer, key], expected, rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize("band", [1, 10, 1 << 18])
def test_different_reductions_go_from_the_last_axis_to_the_first(band: int) -> None:
    block = field(band).block(BlockRequest("toy", {**WHOLE, "head": Reduction("sum"), "query": Reduction("mean"), "key": Reduction("max")}))
    for layer in range(L):
        total = 0.0
        for head in range(H):
            present = STATE[layer, head] == VALUE
            of_queries = [VALUES[layer, head, query][present[query]].max() for query in range(T) if present[query].any()]
            total += np.mean(of_queries, dtype=np.float64) if of_queries else 0.0
        assert np.allclose(block.values[layer], total, rtol=1e-5, equal_nan=True)


def test_what_is_absent_everywhere_stays_absent_under_a_reduction() -> None:
    block = field().block(BlockRequest("toy", {"layer": 2, "head": range(H), "query": Reduction("mean"), "key": 0}))
    assert block.state.tolist() == [VALUE, ABSENT]
    assert np.isnan(block.values[1])


def test_read_gives_labelled_numbers() -> None:
    array = field().read(layer=1, head=0, query=[2, 5], key="max")
    assert array.dims == ("query",)
    assert array["query"].values.tolist() == [2, 5]
    assert array.query_token.values.tolist() == ["c", "f"]
    assert array.attrs["reduced"] == "max over key"
    assert array.attrs["evidence"] == "unstated"
    assert np.array_equal(array.values, np.nanmax(VALUES[1, 0][[2, 5]], axis=1))


def test_read_refuses_a_coordinate_that_is_not_there() -> None:
    with pytest.raises(BlockRequestError, match="no coordinate 'neuron'; it has layer, head, query, key"):
        field().read(neuron=3)


@pytest.mark.parametrize(
    ("place", "state", "value"),
    [
        ((0, 0, 3, 1), "value", float(VALUES[0, 0, 3, 1])),
        ((0, 0, 5, 2), "nan", None),
        ((1, 1, 6, 3), "inf", None),
        ((2, 0, 4, 4), "-inf", None),
        ((0, 0, 1, 4), "masked", None),
        ((2, 1, 3, 0), "absent", None),
    ],
)
def test_a_cell_has_its_exact_value_and_its_state(place: tuple[int, ...], state: str, value: float | None) -> None:
    cell = field().cell(**dict(zip(("layer", "head", "query", "key"), place, strict=True)))
    assert (cell["state"], cell["value"]) == (state, value)
    assert value is None or np.float32(cell["value"]) == VALUES[place]


def test_a_cell_is_one_place_of_every_coordinate() -> None:
    with pytest.raises(BlockRequestError, match="query=range"):
        field().cell(layer=0, head=0, query=range(2), key=0)
    with pytest.raises(BlockRequestError, match="nothing is asked along key"):
        field().cell(layer=0, head=0, query=0)


def test_a_cell_tells_what_its_field_adds() -> None:
    def extra(index: Mapping[str, int]) -> CellExtra:
        return CellExtra(" Mary", ((" Mary", 0.9), (" John", float("nan"))), (("entropy", 1.5, "nats"),))

    toy = Field("toy", "toy", (Axis("layer", 2),), "", lambda index: Cells(np.zeros(len(index["layer"]), np.float32)), cell_reader=extra)
    cell = toy.cell(layer=1)
    assert cell["text"] == " Mary"
    assert cell["detail"] == [{"text": " Mary", "value": 0.9}, {"text": " John", "value": None}]
    assert cell["more"] == [{"label": "entropy", "value": 1.5, "unit": "nats"}]


def test_work_can_be_called_off_between_bands() -> None:
    calls = iter([False, False, True])
    with pytest.raises(BlockCancelled):
        field(band=T).block(BlockRequest("toy", WHOLE), cancelled=lambda: next(calls))


def test_words_come_where_they_are_asked_and_the_field_has_them() -> None:
    def reader(index: Mapping[str, Places]) -> Cells:
        layers = np.asarray(index["layer"])
        return Cells(layers.astype(np.float32), texts=np.array([f"<b>{layer}" for layer in layers], object))

    toy = Field("toy", "toy", (Axis("layer", 3, start=-1),), "", reader, texts=True, band=1)
    header, data = toy.block(BlockRequest("toy", {"layer": range(-1, 2)}, texts=True)).encode()
    assert header["texts"] == ["<b>-1", "<b>0", "<b>1"]
    assert len(data) == 6
    assert toy.block(BlockRequest("toy", {"layer": range(-1, 2)})).encode()[0]["texts"] is None


def test_a_description_repeats_no_tokens() -> None:
    meta = Field("toy", "toy", AXES, "units", Counting(), evidence="correlation", reference=lambda: Reference(0.5, "chance")).meta()
    assert [axis["labels"] for axis in meta["axes"]] == [None] * 4
    assert meta["reference"] == {"value": 0.5, "label": "chance"}
    assert meta["scale"] == {"kind": "sequential", "low": 0.0, "high": None, "power": 1.0}


def test_evidence_must_be_a_known_kind() -> None:
    with pytest.raises(ValueError, match="'proof' is no kind of evidence; expected one of observation, attribution"):
        Field("toy", "toy", AXES, "", Counting(), evidence="proof")


def test_a_view_draws_its_own_coordinates_and_the_cursor_fixes_the_others() -> None:
    cursor = {"layer": 1, "head": 0, "query": 99, "key": None}
    assert slice_for(field(), ("query", "key"), cursor) == {"layer": 1, "head": 0, "query": range(T), "key": range(T)}
    index = slice_for(field(), ("layer", "head"), cursor, fixed={"query": Reduction("mean")})
    assert index == {"layer": range(L), "head": range(H), "query": Reduction("mean"), "key": Reduction("max")}


def test_where_the_cursor_is_silent_stand_the_last_layer_and_token_and_the_mean_over_heads() -> None:
    expected = {"layer": L - 1, "head": Reduction("mean"), "query": T - 1, "key": range(T)}
    assert slice_for(field(), ("key",), {"layer": None}) == expected
    assert slice_for(field(), ("key",), {"layer": 99, "query": -1}) == expected


def test_positions_follow_the_cursor_of_queries() -> None:
    lens = Field("lens", "lens", (Axis("layer", 3, start=-1), Axis("position", 5)), "", Counting())
    assert slice_for(lens, ("layer",), {"layer": 0, "query": 4}) == {"layer": range(-1, 2), "position": 4}


def test_a_place_is_json_and_back() -> None:
    place = Place(
        "attention", {"layer": 1}, (Span("query", 2, 4, " a b", "x", "y", 3),), ((1, 2),), {"site": "z"}, "tiny", "ab", "cd", "9f3c"
    )
    assert Place.from_json(place.to_json()) == place
    assert place.span("query").quote == " a b" and place.span("key") is None
    for wrong in (
        None,
        [],
        {"cursor": 3},
        {"cursor": {"layer": "3"}},
        {"spans": [{"coordinate": "row", "start": 0, "stop": 1}]},
        {"field": 1},
    ):
        with pytest.raises(ValueError, match="is no place"):
            Place.from_json(wrong)


def test_an_unknown_field_names_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_MAKERS", {})
    register("toy of this test", lambda run: field(), available=lambda run: run == "mine")
    assert "toy of this test" in names("mine")
    assert make("toy of this test", "mine").name == "toy"
    with pytest.raises(UnknownFieldError, match="there is no field 'atention' here; this run has toy of this test") as caught:
        make("atention", "mine")
    assert isinstance(caught.value, KeyError)
    with pytest.raises(KeyError):
        make("toy of this test", "yours")
