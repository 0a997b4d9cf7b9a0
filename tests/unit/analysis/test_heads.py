"""Entropy and shares of attention are what plain loops over the model's own eager weights give, beside what chance would."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch

from llmwidgets.analysis import attention_entropy, attention_shares, attention_to_first
from llmwidgets.capture import Capture, capture
from llmwidgets.fields import BlockRequest, Reduction
from tests.architectures import build
from tests.unit.analysis import reference

IDS = [7, 9, 7, 9, 9, 11, 7, 9, 12, 13, 7, 14, 15, 7, 9, 16, 11, 7]  # copies, also side by side, and tokens that occur once
MODELS = ("gpt2", "llama", "gemma2", "gpt_oss")  # plain, grouped, windowed, windowed with sinks


@cache
def captured(name: str) -> Capture:
    return capture(build(name), IDS)


@cache
def model_and_patterns(name: str) -> tuple[torch.nn.Module, list[torch.Tensor]]:
    model = reference.double(name)
    # gpt_oss drops the sink's column, so rows sum to less than 1
    return model, reference.eager_patterns(model, IDS)


@pytest.mark.parametrize("name", MODELS)
def test_entropy_is_that_of_the_eager_weights(name: str) -> None:
    found = attention_entropy(captured(name))
    for layer, pattern in enumerate(model_and_patterns(name)[1]):
        assert np.allclose(found.sel(layer=layer), reference.entropy(pattern), atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_uniform_entropy_is_the_logarithm_of_the_number_of_keys(name: str) -> None:
    model, _ = model_and_patterns(name)
    uniform = attention_entropy(captured(name)).uniform
    for layer in range(3):
        counts = [sum(reference.may_look(model, layer, query, key) for key in range(len(IDS))) for query in range(len(IDS))]
        assert np.allclose(uniform.sel(layer=layer), np.log(counts), atol=1e-6)


@pytest.mark.parametrize("measure", ["first", "previous", "self", "duplicate", "after_duplicate"])
@pytest.mark.parametrize("name", MODELS)
def test_a_share_and_its_chance_are_sums_over_the_target_keys(name: str, measure: str) -> None:
    run, (model, patterns) = captured(name), model_and_patterns(name)
    if measure == "first":
        found = attention_to_first(run)
        uniform = found.uniform
    else:
        shares = attention_shares(run)
        found, uniform = shares[f"to_{measure}"], shares[f"to_{measure}_uniform"]
    assert found.dims == ("layer", "head", "query")
    for layer, pattern in enumerate(patterns):
        expected, expected_uniform = reference.share(model, pattern, IDS, layer, measure)
        assert np.allclose(found.sel(layer=layer), expected, atol=2e-6, equal_nan=True)
        assert np.allclose(uniform.sel(layer=layer), expected_uniform, atol=1e-6, equal_nan=True)


def test_a_head_that_spreads_evenly_has_the_chance_level_of_everything() -> None:
    model = build("gpt2")
    with torch.no_grad():
        for block in model.transformer.h:
            block.attn.c_attn.weight.zero_()  # queries and keys alike everywhere: every allowed key gets the same weight
            block.attn.c_attn.bias.zero_()
    run = capture(model, IDS)
    entropy = attention_entropy(run)
    assert np.allclose(entropy, entropy.uniform, atol=1e-5)
    assert np.allclose(entropy.sel(query=9), math.log(10), atol=1e-5)
    shares = attention_shares(run)
    for name in ("to_previous", "to_self", "to_duplicate", "to_after_duplicate"):
        assert np.allclose(shares[name], shares[f"{name}_uniform"], atol=1e-6, equal_nan=True)
        value = run.field(name).meta()["reference"]["value"]
        assert value == pytest.approx(float(shares[name].mean()), abs=1e-6)
    assert run.field("to_previous").meta()["reference"]["value"] == pytest.approx(
        np.mean([1 / n for n in range(2, len(IDS) + 1)]), abs=1e-6
    )


def test_the_head_grid_shows_the_mean_over_the_queries_where_a_share_is_defined() -> None:
    run = captured("gpt2")
    grid = run.field("to_duplicate").block(BlockRequest("to_duplicate", {"layer": range(3), "head": range(4), "query": Reduction("mean")}))
    assert grid.dims == ("layer", "head")
    assert np.allclose(grid.values, attention_shares(run).to_duplicate.mean("query"), atol=1e-6)


def test_a_share_is_absent_where_there_is_nothing_to_choose() -> None:
    run = captured("gpt2")
    for name, query, state in [
        ("attention_to_first", 0, "absent"), ("to_self", 0, "absent"), ("to_previous", 0, "absent"), ("to_previous", 1, "value"),
        ("to_duplicate", 5, "absent"), ("to_duplicate", 4, "value"), ("to_after_duplicate", 5, "absent"), ("attention_entropy", 0, "value"),
    ]:  # fmt: skip
        assert run.field(name).cell(layer=0, head=0, query=query)["state"] == state, (name, query)


def test_a_prompt_without_copies_has_no_duplicate_share_and_no_chance_level() -> None:
    run = capture(build("gpt2"), [5, 6, 7, 8])
    assert attention_shares(run).to_duplicate.isnull().all()
    assert run.field("to_duplicate").meta()["reference"] is None


def test_a_prompt_of_one_token_has_entropy_zero_and_no_shares() -> None:
    run = capture(build("gpt2"), [5])
    assert np.array_equal(attention_entropy(run), np.zeros((3, 4, 1)))
    assert attention_to_first(run).isnull().all()
    run.field("attention_entropy").block(BlockRequest("attention_entropy", {"layer": 0, "head": 0, "query": range(1)}))


def test_a_block_without_attention_is_absent_and_takes_no_part_in_means() -> None:
    run = capture(build("lfm2"), IDS)  # convolution, attention, convolution
    assert run.heads_per_layer[0] == run.heads_per_layer[2] == 0
    for name in ("attention_entropy", "to_previous"):
        block = run.field(name).block(BlockRequest(name, {"layer": range(3), "head": 0, "query": Reduction("mean")}))
        assert block.state.tolist() == [2, 0, 2]
    assert attention_entropy(run).sel(layer=[0, 2]).isnull().all()
    assert run.field("attention").cell(layer=0, head=0, query=3, key=1)["state"] == "absent"


def test_a_model_without_attention_offers_no_attention_fields() -> None:
    run = capture(build("mamba"), IDS)
    assert not {"attention", "attention_entropy", "to_previous"} & set(run.fields)
    assert "logit_lens" in run.fields


def test_nan_in_the_weights_is_nan_and_not_absent() -> None:
    model = build("gpt2")
    with torch.no_grad():
        model.transformer.h[1].attn.c_attn.weight[0, 0] = math.nan
    run = capture(model, IDS)
    assert run.field("attention_entropy").cell(layer=0, head=0, query=3)["state"] == "value"
    for name in ("attention_entropy", "to_self"):
        assert run.field(name).cell(layer=2, head=0, query=3)["state"] == "nan"
    assert run.field("attention").cell(layer=2, head=0, query=3, key=1)["state"] == "nan"
    assert run.field("attention").cell(layer=2, head=0, query=1, key=3)["state"] == "masked"
    assert run.field("residual_norm").cell(layer=2, position=3)["state"] == "nan"
