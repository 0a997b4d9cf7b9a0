"""Rollout multiplies, layer after layer, the mean pattern that stays half in place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llmwidgets.analysis.contributions import rollout as module
from llmwidgets.analysis.contributions.rollout import rollout
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import CAUSES, WITH_ATTENTION
from tests.unit.analysis.contributions.runs import IDS, N, captured, model

pytestmark = pytest.mark.usefixtures("floats_stay_double")


@pytest.mark.parametrize("name", CAUSES)
def test_it_is_the_product_of_the_model_s_own_mean_patterns_half_in_place(name: str) -> None:
    with torch.no_grad():
        patterns = model(name)(IDS[None], output_attentions=True).attentions
    state = np.eye(N)
    for layer, pattern in enumerate(patterns):
        state = (pattern[0].mean(0).numpy() + np.eye(N)) / 2 @ state
        np.testing.assert_allclose(rollout(captured(name))[layer], state, atol=1e-12)


@pytest.mark.parametrize("name", [*WITH_ATTENTION, "lfm2", "bert", "openai-gpt"])
def test_every_row_sums_to_1(name: str) -> None:
    shares = rollout(captured(name))
    np.testing.assert_allclose(shares.sum("key"), 1, atol=1e-12)
    assert shares.dims == ("layer", "query", "key")
    assert shares.attrs["renormalised"] is (name == "gpt_oss")


def test_a_block_without_attention_moves_nothing() -> None:
    shares = rollout(captured("lfm2"))
    assert np.array_equal(shares.sel(layer=0), np.eye(N))
    assert np.array_equal(shares.sel(layer=2), shares.sel(layer=1))


def test_what_goes_to_a_sink_is_shared_out_over_the_row() -> None:
    run = captured("gpt_oss")
    mean = run.pattern(0).mean(0)
    expected = (mean / mean.sum(-1, keepdim=True) + torch.eye(N)) / 2
    assert float(mean.sum(-1).max()) < 0.999
    np.testing.assert_allclose(rollout(run, layers=0)[0], expected, atol=1e-12)


def test_some_layers_and_queries_are_rows_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rollout(captured("gpt2"))
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 5)
    some = rollout(captured("gpt2"), layers=[-1, 0], queries=[3, -1])
    np.testing.assert_allclose(some, whole.sel(layer=[2, 0], query=[3, N - 1]), atol=1e-12)
    assert some.layer.values.tolist() == [2, 0]


def test_more_than_the_memory_allows_is_refused_with_what_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    run = captured("gpt2")
    cell = 8
    monkeypatch.setattr(module, "MOST_BYTES", 2 * N * N * cell)
    with pytest.raises(MemoryError, match=r"a rollout of 3 layers and 12 queries over 12 tokens .* ask for at most 2 layers at once"):
        rollout(run)
    assert rollout(run, layers=[1, 2]).shape == (2, N, N)
    monkeypatch.setattr(module, "MOST_BYTES", N * N * cell - 1)
    with pytest.raises(MemoryError, match="ask for layers=-1 and at most 11 queries"):
        rollout(run, layers=-1)
    with pytest.raises(MemoryError, match=r"needs a matrix of .* to work on"):
        rollout(run, layers=-1, queries=[2])


@pytest.mark.parametrize(
    ("options", "sentence"), [({"layers": 3}, "layer 3 is outside this run, which has 3"), ({"queries": [N]}, "position 12 is outside")]
)
def test_what_does_not_exist_is_refused(options: dict, sentence: str) -> None:
    with pytest.raises(IndexError, match=sentence):
        rollout(captured("gpt2"), **options)


def test_a_model_without_attention_has_nothing_to_roll_out() -> None:
    with pytest.raises(UndefinedHereError, match="no block of this model has attention"):
        rollout(captured("mamba"))
