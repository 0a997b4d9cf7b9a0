"""The difference of two fields is the difference of their cells, at the places that belong together, and says where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmwidgets as lw
from llmwidgets.fields import ABSENT, MASKED, PENDING, VALUE, Axis, BlockRequest, CellExtra, Cells, Field, Reduction, Scale
from llmwidgets.fields.difference import BY_CHANGE, BY_RUN, difference, names_of, word_of_both
from llmwidgets.fields.stream import Places

L, T, OTHER_T = 3, 7, 9
LABEL = "changed − clean"
WHOLE = {"layer": range(L), "query": range(T), "key": range(T)}


class Table:
    """A causal (layer, query, key) reader that keeps what it was asked; layer 2 has cells of every state."""

    def __init__(self, tokens: int, seed: int, states: int | None = None) -> None:
        self.values = np.random.default_rng(seed).normal(size=(L, tokens, tokens)).astype(np.float32)
        self.state = np.zeros(self.values.shape, np.uint8)
        self.state[:, ~np.tri(tokens, dtype=bool)] = MASKED
        if states is not None:
            self.state[2] = np.random.default_rng(states).integers(VALUE, PENDING + 1, (tokens, tokens))
        self.words = np.where(self.values > 0, "up", "down").astype(object)
        self.values[self.state != VALUE] = np.nan
        self.asked: list[dict[str, tuple[int, ...]]] = []

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        self.asked.append({name: tuple(places) for name, places in index.items()})
        at = np.ix_(*(np.asarray(index[name]) for name in ("layer", "query", "key")))
        return Cells(self.values[at], self.state[at], self.words[at])


def field(table: Table, texts: bool = False, **given: object) -> Field:
    tokens = table.values.shape[1]
    axes = (Axis("layer", L), Axis("query", tokens, labels=tuple("abcdefghi"[:tokens])), Axis("key", tokens))
    described = {"unit": "share", "scale": Scale("sequential", 0.0, 1.0, power=0.5), "evidence": "observation", "method": "counted"}
    return Field("looks", "looks", axes, reader=table, texts=texts, **{**described, **given})  # type: ignore[arg-type]


def expected(after: Table, before: Table, pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Cell by cell."""
    to, n = dict(pairs), before.values.shape[1]
    values, state = np.full(before.values.shape, np.nan), np.zeros(before.values.shape, np.uint8)
    for layer, query, key in np.ndindex(L, n, n):
        one = before.state[layer, query, key]
        aligned = query in to and key in to
        other = after.state[layer, to[query], to[key]] if aligned else ABSENT
        if one == other:
            state[layer, query, key] = one
        else:
            state[layer, query, key] = PENDING if PENDING in (one, other) else ABSENT
        if one == other == VALUE:
            new, old = after.values[layer, to[query], to[key]], before.values[layer, query, key]
            values[layer, query, key] = np.float64(new) - np.float64(old)
    return values, state


rising = st.lists(st.integers(0, T - 1), unique=True, min_size=1).flatmap(
    lambda own: st.lists(st.integers(0, OTHER_T - 1), unique=True, min_size=len(own), max_size=len(own)).map(
        lambda there: list(zip(sorted(own), sorted(there), strict=True))
    )
)


@given(rising)
def test_every_cell_is_after_less_before_at_the_places_that_belong_together(pairs: list[tuple[int, int]]) -> None:
    after, before = Table(OTHER_T, 1, states=3), Table(T, 2, states=4)
    found = difference(field(after), field(before), label=LABEL, pairs=pairs).block(BlockRequest("looks", WHOLE))
    values, state = expected(after, before, pairs)
    assert np.array_equal(found.state, state)
    assert np.allclose(found.values, values, rtol=1e-6, atol=1e-7, equal_nan=True)


@pytest.mark.parametrize("texts", [False, True])
def test_without_pairs_places_are_the_same_and_each_reader_is_asked_for_just_these(texts: bool) -> None:
    after, before = Table(T, 1, states=3), Table(T, 2)
    both = difference(field(after, texts), field(before, texts), label=LABEL)
    found = both.read(layer=[2, 0], query=range(3, 6), key=4)
    values, _ = expected(after, before, [(i, i) for i in range(T)])
    assert np.allclose(found.values, values[[2, 0], 3:6, 4], rtol=1e-6, equal_nan=True)
    for table in (after, before):
        assert table.asked == [{"layer": (2, 0), "query": (3, 4, 5), "key": (4,)}]


def test_the_other_prompts_reader_is_asked_for_partners_only() -> None:
    after, before = Table(OTHER_T, 1), Table(T, 2)
    both = difference(field(after), field(before), label=LABEL, pairs=[(0, 0), (2, 4), (3, 5)])
    both.read(layer=1, query=range(1, 4), key=2)
    assert after.asked == [{"layer": (1,), "query": (4, 5), "key": (4,)}]
    both.read(layer=1, query=1)
    assert len(after.asked) == 1  # query 1 has no partner
    outside = difference(field(after), field(before), label=LABEL, pairs=[(0, 0), (1, OTHER_T)])
    assert outside.cell(layer=0, query=1, key=0)["state"] == "absent"


def test_cut_into_bands_pooled_and_reduced_it_is_that_of_a_diverging_field() -> None:
    after, before = Table(T, 1), Table(T, 2)
    small = difference(field(after, band=5), field(before), label=LABEL)
    assert small.band == 5
    values, _ = expected(after, before, [(i, i) for i in range(T)])
    pooled = small.block(BlockRequest("looks", {"layer": 1, "query": range(T), "key": range(T)}, pool={"query": 4, "key": 7}))
    for row, part in enumerate((values[1, :4], values[1, 4:])):
        assert pooled.values[row, 0] == pytest.approx(max(part[~np.isnan(part)], key=abs), rel=1e-6)
    mean = small.block(BlockRequest("looks", {"layer": 1, "query": 6, "key": Reduction("mean")}))
    assert float(mean.values) == pytest.approx(values[1, 6].mean(), rel=1e-6)


def test_it_says_what_it_is() -> None:
    both = difference(field(Table(T, 1)), field(Table(T, 2)), label=LABEL)
    told = both.meta()
    assert (told["name"], told["title"], told["unit"], told["evidence"]) == ("looks", "looks, changed − clean", "share", "intervention")
    assert told["scale"] == {"kind": "diverging", "low": 0.0, "high": None, "power": 0.5} and told["reference"] is None
    assert both.caveat == BY_CHANGE and both.method == "counted; changed − clean"
    seen = difference(field(Table(T, 1)), field(Table(T, 2)), label="second − first", evidence="observation")
    assert seen.caveat == BY_RUN and seen.evidence == "observation"


@pytest.mark.parametrize("kind", ["observation", "attribution", "intervention", "unstated"])
def test_two_runs_side_by_side_leave_a_field_its_kind_of_evidence(kind: str) -> None:
    after, before = (field(Table(T, seed), evidence=kind) for seed in (1, 2))
    seen = difference(after, before, label="second − first", evidence="observation")
    assert (seen.evidence, seen.caveat) == (kind, BY_RUN)


def test_a_word_that_differs_is_shown_as_old_and_new() -> None:
    after, before = Table(T, 1), Table(T, 2)
    both = difference(field(after, True), field(before, True), label=LABEL)
    words = both.block(BlockRequest("looks", WHOLE, texts=True)).texts
    for at in np.ndindex(words.shape):
        if before.state[at] == VALUE:
            old, new = before.words[at], after.words[at]
            assert words[at] == (old if old == new else f"{old} → {new}")
        else:
            assert words[at] == ""
    assert not difference(field(after, True), field(before), label=LABEL).texts
    assert (word_of_both("a", "a"), word_of_both("b", "a")) == ("a", "a → b")


def test_a_cell_tells_both_exact_values_and_what_each_can_tell() -> None:
    after, before = Table(OTHER_T, 1), Table(T, 2)

    def extra(index: Mapping[str, int]) -> CellExtra:
        return CellExtra(more=(("query squared", index["query"] ** 2, "steps"),))

    both = difference(field(after, True, cell_reader=extra), field(before, True), label=LABEL, pairs=[(1, 1), (4, 6)])
    cell = both.cell(layer=1, query=4, key=1)
    new, old = after.values[1, 6, 1], before.values[1, 4, 1]
    assert cell["value"] == float(new - old)
    assert cell["text"] == word_of_both(after.words[1, 6, 1], before.words[1, 4, 1])
    assert cell["more"] == [
        {"label": f"changed, {after.words[1, 6, 1]!r}", "value": float(new), "unit": "share"},
        {"label": "query squared, changed", "value": 36.0, "unit": "steps"},
        {"label": f"clean, {before.words[1, 4, 1]!r}", "value": float(old), "unit": "share"},
    ]
    assert names_of("by how much") == ("after", "before")


def test_a_models_own_nan_and_infinity_stay_visible() -> None:
    after, before = Table(T, 1), Table(T, 2)
    after.values[0, 3, 1], before.values[0, 3, 2], after.values[0, 4, 4] = np.nan, np.inf, np.inf
    before.values[0, 4, 4] = np.inf
    both = difference(field(after), field(before), label=LABEL)
    assert [both.cell(layer=0, query=query, key=key)["state"] for query, key in ((3, 1), (3, 2), (4, 4))] == ["nan", "-inf", "nan"]


@pytest.mark.parametrize(
    "axes",
    [
        (Axis("layer", L), Axis("query", OTHER_T), Axis("key", OTHER_T)),
        (Axis("layer", L + 1), Axis("query", T), Axis("key", T)),
        (Axis("layer", L, start=-1), Axis("query", T), Axis("key", T)),
        (Axis("layer", L, labels=("a", "b", "c")), Axis("query", T), Axis("key", T)),
        (Axis("layer", L), Axis("query", T)),
        (Axis("layer", L), Axis("key", T), Axis("query", T)),
    ],
)
def test_fields_whose_axes_do_not_fit_have_no_difference(axes: tuple[Axis, ...]) -> None:
    other = Field("looks", "looks", axes, "share", Table(T, 1))
    assert difference(other, field(Table(T, 2)), label=LABEL) is None
    assert difference(Field("looks", "looks", field(Table(T, 1)).axes, "nats", Table(T, 1)), field(Table(T, 2)), label=LABEL) is None


def test_a_look_that_is_cut_loses_all_that_stood_on_it():
    run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    changed = lw.intervene(run, lw.Intervention("scores", layer=1, position=13, key=3))
    both = difference(changed.field("attention"), run.field("attention"), label="changed − clean")
    assert float(both.read(layer=1, head=0, query=13, key=3)) == -float(run.pattern(1, 0)[13, 3])
    assert np.isnan(both.read(layer=1, head=0, query=3, key=13)), "what the model's own mask forbids is no difference"
