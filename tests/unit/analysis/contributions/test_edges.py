"""A look's contribution is its attention times what its value does to the logits directly; a row sums to the head's share."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from llmwidgets.analysis.contributions.decompose import decompose
from llmwidgets.analysis.contributions.direct import direct_logit_attribution
from llmwidgets.analysis.contributions.edges import edge_contribution
from llmwidgets.analysis.contributions.values import values_of
from llmwidgets.capture import capture
from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import REPLAYED, WITH_ATTENTION, build, prompt_ids
from tests.unit.analysis.contributions.runs import IDS, N, captured, model

pytestmark = pytest.mark.usefixtures("floats_stay_double")

METRIC = Metric(17, foil=101, position=7)


def exact(name: str, queries: range = range(N)) -> np.ndarray:
    """(layer, head, query, key) float64, as the reader gives it."""
    run = captured(name)
    field = edge_contribution(run, METRIC)
    return field.reader({"layer": range(run.n_layers), "head": range(4), "query": queries, "key": range(N)}).values


@pytest.mark.parametrize("query", [0, 3, 7, N - 1])
@pytest.mark.parametrize("name", [name for name in WITH_ATTENTION if name not in REPLAYED])
def test_a_row_sums_to_the_head_s_share_at_that_query(name: str, query: int) -> None:
    row = np.nansum(exact(name, range(query, query + 1)), axis=-1)[..., 0]  # (layer, head)
    np.testing.assert_allclose(row, direct_logit_attribution(captured(name), replace(METRIC, position=query)).heads, atol=1e-10)


def test_a_cell_is_the_pattern_times_the_value_through_output_weights_norm_and_unembedding() -> None:
    run, own = captured("gpt2"), model("gpt2")
    stream = run["resid_post", -1]
    sigma = (stream.var(-1, unbiased=False) + own.transformer.ln_f.eps).sqrt()  # (query,)
    direction = own.transformer.ln_f.weight * (own.lm_head.weight[17] - own.lm_head.weight[101])
    for layer in range(3):
        weight = own.transformer.h[layer].attn.c_proj.weight.reshape(4, 16, 64)
        moved = torch.einsum("hsv,hvd->hsd", run["v", layer], weight)
        centred = moved - moved.mean(-1, keepdim=True)
        expected = run.pattern(layer) * (centred @ direction)[:, None] / sigma[:, None]  # (head, query, key)
        expected = expected.masked_fill(~run.allowed(layer), torch.nan).detach()
        np.testing.assert_allclose(exact("gpt2")[layer], expected, atol=1e-12)


def test_a_forbidden_look_is_masked_and_a_missing_head_absent() -> None:
    cell = edge_contribution(captured("mistral"), METRIC).cell(layer=0, head=0, query=3, key=4)
    assert (cell["state"], cell["value"]) == ("masked", None)
    field = edge_contribution(captured("lfm2"), METRIC)
    assert field.cell(layer=0, head=0, query=3, key=2)["state"] == "absent"
    assert field.cell(layer=1, head=0, query=3, key=2)["state"] == "value"
    assert field.read(layer=2).isnull().all()


def test_scattered_places_are_cells_of_the_whole() -> None:
    some = edge_contribution(captured("gemma2"), METRIC).read(layer=[0, 2], head=[3, 1], query=[11, 2, 5], key=[0, 2])
    whole = exact("gemma2")[np.ix_([0, 2], [3, 1], [11, 2, 5], [0, 2])]
    np.testing.assert_allclose(some, whole, rtol=1e-6)


def test_the_field_says_what_it_is() -> None:
    field = edge_contribution(captured("gemma2"), METRIC)
    assert (field.evidence, field.unit, field.scale.kind) == ("attribution", "logits", "diverging")
    assert field.caveat == "What this look added to target minus foil directly. Later layers can undo it."
    assert field.title == "direct contribution to logit('17') - logit('101')"
    assert field.method.endswith("before the soft cap")
    assert not edge_contribution(captured("gpt2"), METRIC).method.endswith("cap")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("bert", "between the final residual stream and the unembedding stands more than one norm"),
        ("gptj", "the attention of layer 0 does not use the attention interface, so its values are not seen"),
        ("mamba", "no block of this model has attention"),
    ],
)
def test_where_a_look_has_no_direct_contribution_it_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(UndefinedHereError, match=sentence):
        edge_contribution(captured(name), METRIC)


@pytest.mark.parametrize("name", ["gpt2", "gemma2"])
def test_a_prompt_too_long_to_keep_its_terms_has_the_same_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmwidgets.analysis.contributions.terms.KEPT_BYTES", 0)
    run = capture(model(name), IDS)
    cells = edge_contribution(run, METRIC).reader({"layer": range(3), "head": range(4), "query": range(N), "key": range(N)})
    np.testing.assert_allclose(cells.values, exact(name), atol=1e-12)
    np.testing.assert_allclose(decompose(run, [2, 7]), decompose(captured(name), [2, 7]), atol=1e-12)
    one, other = (direct_logit_attribution(each, METRIC, by="neuron") for each in (run, captured(name)))
    np.testing.assert_allclose(one.neurons, other.neurons, atol=1e-12)


class Largest(TorchDispatchMode):
    """Notes the most numbers that any operation gave at once."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.numbers = max([self.numbers, *(leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor))])
        return result


def test_one_row_of_a_long_prompt_builds_nothing_that_grows_with_all_pairs() -> None:
    n = 600
    run = capture(build("llama", torch.float64, max_position_embeddings=1024), prompt_ids(n))
    field = edge_contribution(run, Metric(17, foil=101))
    field.read(layer=0, head=0, query=0, key=0)  # what is read once a run: the unembedding, the norms
    with Largest() as largest:
        row = field.read(layer=2, head=3, query=n - 1)
    assert row.shape == (n,) and row.notnull().all()
    assert largest.numbers <= 4 * n * 64
    assert float(row.sum()) == pytest.approx(float(direct_logit_attribution(run, Metric(17, foil=101)).heads[2, 3]), abs=1e-7)


def test_values_are_given_also_while_another_thread_works_with_the_twin():
    """Who works with it may be waiting for these very values."""
    run = capture(build("gpt2"), prompt_ids(8))
    given = []
    thread = threading.Thread(target=lambda: given.append(values_of(run, 1)))
    with run.bench("a test").twin.ready():
        thread.start()
        thread.join(30)
    assert len(given) == 1
