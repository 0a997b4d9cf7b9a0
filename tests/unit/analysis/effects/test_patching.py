"""Patching: every site and direction against plain hooks; ratios only where the prompts differ; bad pairs refused in words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from llmwidgets.analysis.effects.patching import patch, patched_values
from llmwidgets.analysis.effects.separation import LEAST, separation
from llmwidgets.capture import capture
from llmwidgets.experiments.metric import QUANTITIES, Metric
from llmwidgets.models.errors import PromptError, TokenError, UndefinedHereError
from tests.architectures import build, prompt_ids
from tests.unit.analysis.effects.pairs import IDS, OTHER, apart, clean, corrupted
from tests.unit.experiments import plain
from tests.unit.experiments.plain import KV_HEADS, N

SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z", "q", "k", "v", "pattern")
NO_MIDDLE = ("gpt_neox", "bert")
pytestmark = pytest.mark.usefixtures("floats_stay_double")


def difference(logits: Tensor, metric: Metric) -> float:
    return float(logits[-1, metric.target] - logits[-1, metric.foil])


@pytest.mark.parametrize("name, direction", [(name, way) for name in ("llama", "gemma2", "bert") for way in ("denoise", "noise")])
def test_each_patch_is_what_plain_hooks_give(name: str, direction: str) -> None:
    model, metric = plain.model(name), apart(name)
    base, donor = (OTHER, IDS) if direction == "denoise" else (IDS, OTHER)
    whole, none = (difference(plain.logits(model, ids), metric) for ids in (IDS, OTHER))
    for site in SITES:
        if site == "resid_mid" and name in NO_MIDDLE:
            continue
        found = patch(clean(name), corrupted(name), metric, site=site, direction=direction, layers=[1])
        inner = "position" if found.effect.dims == ("layer", "position") else found.effect.dims[1]
        assert inner == {"z": "head", "q": "head", "pattern": "head", "k": "kv_head", "v": "kv_head"}.get(site, "position")
        assert found.sizes[inner] == {"position": N, "head": 4, "kv_head": KV_HEADS.get(name, 4)}[inner]
        assert found.attrs["before"]["logit_difference"] == pytest.approx(none if direction == "denoise" else whole, abs=1e-10)
        for at in (5, N - 1) if inner == "position" else (found.sizes[inner] - 1,):
            where: dict[str, Any] = {"position" if inner == "position" else "head": [at]}
            hooks = plain.hooks_for(name, model, site, 1, other=donor, **where)
            after = difference(plain.logits(model, base, hooks), metric)
            assert float(found.logit_difference[0, at]) == pytest.approx(after, abs=1e-9), (site, at)
            assert float(found.recovery[0, at]) == pytest.approx((after - none) / (whole - none), abs=1e-8), (site, at)
            before = none if direction == "denoise" else whole
            assert float(found.effect[0, at]) == pytest.approx(after - before, abs=1e-9)


@pytest.mark.parametrize("site, head, position", [("z", "head", "position"), ("v", "kv_head", "position"), ("pattern", "head", "query")])
def test_heads_can_be_taken_apart_by_position(site: str, head: str, position: str) -> None:
    name, model, metric = "llama", plain.model("llama"), apart("llama")
    found = patch(clean(name), corrupted(name), metric, site=site, by_position=True, positions=[5, -1])
    assert found.effect.dims == ("layer", head, position)
    assert found[position].values.tolist() == [5, 11]
    for at, place in enumerate((5, 11)):
        hooks = plain.hooks_for(name, model, site, 2, other=IDS, head=[1], position=[place])
        after = difference(plain.logits(model, OTHER, hooks), metric)
        assert float(found.logit_difference[2, 1, at]) == pytest.approx(after, abs=1e-9)


def test_heads_and_neurons_can_be_patched_at_some_positions_together() -> None:
    name, model, metric = "llama", plain.model("llama"), apart("llama")
    for site, options, where in (("z", {}, {"head": [3]}), ("mlp_post", {"neurons": [4, 9]}, {"neuron": [9]})):
        found = patch(clean(name), corrupted(name), metric, site=site, positions=[5, -1], **options)
        hooks = plain.hooks_for(name, model, site, 1, other=IDS, position=[5, 11], **where)
        wanted = difference(plain.logits(model, OTHER, hooks), metric)
        assert float(found.logit_difference[1, -1]) == pytest.approx(wanted, abs=1e-9)
    assert found.effect.dims == ("layer", "neuron") and found.neuron.values.tolist() == [4, 9]


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_recovery_is_0_as_corrupted_and_1_as_clean_in_every_quantity(direction: str, quantity: str) -> None:
    clean_run, corrupted_run = clean("gpt2"), corrupted("gpt2")
    metric = Metric(apart("gpt2").target, apart("gpt2").foil, quantity=quantity)
    everything = patch(clean_run, corrupted_run, metric, by_position=False, direction=direction)
    nothing = patch(clean_run, corrupted_run, metric, positions=[0], direction=direction)
    wanted = (1, 0) if direction == "denoise" else (0, 1)
    for found, recovery in zip((everything, nothing), wanted, strict=True):
        assert found.attrs["quantity"] == quantity
        gap = found.attrs["clean"][quantity] - found.attrs["corrupted"][quantity]
        if abs(gap) >= LEAST[quantity]:
            assert np.abs(found.recovery.values - recovery).max() < 1e-9
        assert np.abs(found[quantity].values - found.attrs["clean" if recovery else "corrupted"][quantity]).max() < 1e-9
        assert np.isfinite(found.effect.values).all()


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_kl_is_always_from_the_clean_runs_distribution(direction: str) -> None:
    found = patch(clean("gpt2"), corrupted("gpt2"), apart("gpt2"), by_position=False, direction=direction)
    own, other = (plain.logits(plain.model("gpt2"), ids)[-1].log_softmax(-1) for ids in (IDS, OTHER))
    kl = float((own.exp() * (own - other)).sum())
    assert found.attrs["clean"]["kl"] == pytest.approx(0, abs=1e-12)
    assert found.attrs["corrupted"]["kl"] == pytest.approx(kl, abs=1e-9)
    assert found.attrs["before"]["kl"] == pytest.approx(kl if direction == "denoise" else 0, abs=1e-9)
    assert found.kl.values == pytest.approx([0 if direction == "denoise" else kl] * 3, abs=1e-9)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_where_the_prompts_hardly_differ_there_is_no_ratio_and_the_result_says_so(quantity: str) -> None:
    run = clean("gpt2")
    found = patch(run, run.again(IDS), Metric(10, 20, quantity=quantity))
    assert "recovery" not in found
    assert found.attrs["no_ratio"].startswith("The two prompts hardly differ in ")
    assert "no share of the difference is given" in found.attrs["no_ratio"]
    assert np.isfinite(found.effect.values).all()


def test_how_far_prompts_are_apart_is_judged_in_the_quantitys_own_unit() -> None:
    run, other = clean("gpt2"), corrupted("gpt2")
    for quantity, least in LEAST.items():
        metric = Metric(apart("gpt2").target, apart("gpt2").foil, quantity=quantity)
        found = separation(run, other, metric)
        gap = found.clean[quantity] - found.corrupted[quantity]
        assert found.gap == (gap if abs(gap) >= least else None)
        assert (found.no_ratio is None) == (found.gap is not None)
    late = Metric(10, 20, position=3)  # before the changed token
    assert separation(run, other, late).gap is None


def test_what_was_done_stands_beside_the_numbers() -> None:
    found = patch(clean("llama"), corrupted("llama"), apart("llama"), positions=[5])
    assert found.attrs["direction"] == "denoise" and found.attrs["site"] == "resid_pre" and found.attrs["positions"] == [5]
    assert "denoising" in found.attrs["method"] and found.attrs["evidence"] == "intervention"
    assert set(found.attrs["clean"]) == set(found.attrs["corrupted"]) == set(QUANTITIES)
    noised = patch(clean("llama"), corrupted("llama"), apart("llama"), positions=[5], direction="noise")
    assert noised.attrs["caveat"] != found.attrs["caveat"]
    for each in (found, noised):
        json.dumps(each.attrs)
        assert {variable.dtype for variable in each.data_vars.values()} == {np.dtype("float64")}
    assert list(found.token.values) == [str(int(OTHER[5]))]


def test_single_places_give_what_the_table_gives() -> None:
    run, other, metric = clean("llama"), corrupted("llama"), apart("llama")
    table = patch(run, other, metric, site="v", by_position=True)
    places = [{"layer": 2, "kv_head": 1, "position": 5}, {"layer": 0, "kv_head": 0, "position": 5}]
    found = dict(patched_values(other, run, metric, "v", places))
    assert sorted(found) == [0, 1]
    for index, values in found.items():
        assert values["logit_difference"] == pytest.approx(float(table.logit_difference.sel(places[index])), abs=1e-10)


def test_several_pairs_give_the_mean_of_their_effects() -> None:
    run, other, metric = clean("llama"), corrupted("llama"), apart("llama")
    third = run.again(prompt_ids(N, seed=8))
    found = patch([run, run], [other, third], metric, site="z")
    alone = [patch(run, each, metric, site="z").effect.values for each in (other, third)]
    assert np.abs(found.effect.values - np.mean(alone, axis=0)).max() < 1e-12


def test_prompts_that_do_not_fit_together_are_refused() -> None:
    run = clean("llama")
    with pytest.raises(PromptError, match=r"the prompts have 12 and 10 tokens; .* Reword one of them \(run.tokens shows the tokens\)"):
        patch(run, run.again(IDS[:10]), Metric(10, 20))
    with pytest.raises(PromptError, match="two runs of different models came"):
        patch(run, capture(build("llama", torch.float64), OTHER), Metric(10, 20))
    with pytest.raises(TypeError):
        patch(run, "a text", Metric(10, 20))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong, kind, words",
    [
        ({"direction": "both"}, ValueError, "direction='both' came; expected one of denoise, noise"),
        ({"site": "embed"}, ValueError, "site='embed' came; expected one of resid_pre, "),
        ({"site": "scores"}, ValueError, "site='scores' came"),
        ({"site": "mlp_post"}, ValueError, r"name those that are wanted \(neurons=\)"),
        ({"site": "mlp_post", "neurons": [128]}, IndexError, "neuron 128 is outside"),
        ({"layers": [-4]}, IndexError, "layer -4 is outside this run"),
        ({"positions": [0, 12]}, IndexError, "position 12 is outside this run"),
        ({"positions": [-13]}, IndexError, "position -13 is outside this run"),
        ({"site": "z", "positions": [12]}, IndexError, "position 12 is outside this run"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_words(wrong: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        patch(clean("llama"), corrupted("llama"), Metric(10, 20), **wrong)


def test_a_metric_that_cannot_be_asked_is_refused() -> None:
    with pytest.raises(IndexError, match="position 12 is outside"):
        patch(clean("llama"), corrupted("llama"), Metric(10, 20, 12))
    with pytest.raises(TokenError):
        patch(clean("llama"), corrupted("llama"), Metric(10, 200))


@pytest.mark.parametrize("name, site", [("gpt_neox", "resid_mid"), ("bert", "resid_mid"), ("gptj", "v"), ("mixtral", "mlp_post")])
@pytest.mark.parametrize("layers", [None, [1]])
def test_a_site_that_the_architecture_lacks_is_undefined(name: str, site: str, layers: Any) -> None:
    options: dict[str, Any] = {"neurons": [0]} if site == "mlp_post" else {}
    with pytest.raises(UndefinedHereError, match=site):
        patch(clean(name), corrupted(name), Metric(10, 20), site=site, layers=layers, **options)
