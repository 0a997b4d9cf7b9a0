"""Every site, changed by the engine, gives the logits that plain hooks on the user's own model give."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.donors import Donors
from llmwidgets.experiments.edits import edits_of, sites_of
from llmwidgets.experiments.intervention import COORDINATES, STREAM_SITES, Intervention, Interventions
from llmwidgets.experiments.passes import TOKENS_AT_ONCE, passes
from llmwidgets.experiments.replacement import OWN, ZERO, Replacement
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import CAUSES, prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import N

NAMES = (*CAUSES, "bloom", "gpt_bigcode", "opt", "gptj", "mixtral", "gpt_oss", "cohere", "mistral")
IDS, OTHER = prompt_ids(N), prompt_ids(N, seed=5)
WITHOUT_INTERFACE = ("bloom", "gptj")
NO_MIDDLE = ("gpt_neox", "gptj", "cohere", "bert")
EXPERTS = ("mixtral", "gpt_oss")
#: What each site is changed at, beside everywhere: the coordinates of an Intervention.
PLACES: dict[str, list[dict[str, Any]]] = {
    **{site: [{"position": [3]}, {"position": [-1, 0, 7]}] for site in STREAM_SITES},
    **{site: [{"head": [2]}, {"head": [0, 3], "position": [11, 4]}] for site in ("z", "q", "pattern")},
    **{site: [{"head": [0]}, {"head": [0], "position": [3, 4]}] for site in ("k", "v")},
    "mlp_post": [{"neuron": [5]}, {"neuron": [0, 127], "position": [11, 2]}],
}


@cache
def run_of(name: str) -> Capture:
    return capture(plain.model(name), IDS)


@cache
def other_of(name: str) -> Capture:
    return run_of(name).again(OTHER)


def after(run: Capture, changes: Sequence[Any], known: Sequence[Capture] = (), at_once: int = TOKENS_AT_ONCE) -> list[Tensor]:
    """The logits (position, vocab) after each of `changes`, by the engine."""
    donors = Donors(run, known)
    experiments = [edits_of(run, Interventions.of(change), donors) for change in changes]
    found = dict(passes(run, experiments, range(run.n_tokens), tokens_at_once=at_once))
    return [found[index] for index in range(len(changes))]


def expected_sites(name: str) -> set[str]:
    lacking = {"scores"}
    lacking |= {"q", "k", "v", "pattern"} if name in WITHOUT_INTERFACE else set()
    lacking |= {"resid_mid"} if name in NO_MIDDLE else set()
    lacking |= {"mlp_post"} if name in EXPERTS else set()
    return set(COORDINATES) - lacking


def assert_same(found: Tensor, wanted: Tensor) -> None:
    assert float((found - wanted).abs().max() / wanted.abs().max()) < 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_a_model_has_the_sites_that_its_architecture_has(name: str) -> None:
    for layer in range(3):
        assert set(sites_of(run_of(name), layer)) - {"scores"} == expected_sites(name)
        assert ("scores" in sites_of(run_of(name), layer)) == (name not in WITHOUT_INTERFACE)


@pytest.mark.parametrize("how", ["zero", "other"])
@pytest.mark.parametrize("name", NAMES)
def test_a_changed_site_gives_the_logits_of_plain_hooks(name: str, how: str) -> None:
    model, run = plain.model(name), run_of(name)
    replacement = ZERO if how == "zero" else Replacement.other(other_of(name))
    donated = None if how == "zero" else OTHER
    changes, wanted, what = [], [], []
    for site in sorted(expected_sites(name)):
        for layer, where in ((1, {}), (0, PLACES[site][0]), (2, PLACES[site][1])):
            changes.append(Intervention(site, layer, **where, replacement=replacement))
            wanted.append(plain.logits(model, IDS, plain.hooks_for(name, model, site, layer, other=donated, **where)))
            what.append(changes[-1])
    for change, found, logits in zip(what, after(run, changes, [other_of(name)]), wanted, strict=True):
        difference = float((found - logits).abs().max())  # a stream of zeros gives logits of zero
        assert difference <= 1e-10 * float(logits.abs().max()), f"{change}: {difference}"


@pytest.mark.parametrize("name", NAMES)
def test_several_changes_are_made_together(name: str) -> None:
    model, run = plain.model(name), run_of(name)
    put = Replacement.other(other_of(name))
    together = (
        Intervention("z", 0, head=[1], position=[2, 9])
        + Intervention("mlp_out", 1, position=[5], replacement=put)
        + Intervention("z", 1, head=[3])
        + Intervention("attn_out", 2, position=[4], replacement=put)
        + Intervention("resid_post", 1, position=[11], replacement=put)
    )
    hooks = [
        *plain.hooks_for(name, model, "z", 0, head=[1], position=[2, 9]),
        *plain.hooks_for(name, model, "mlp_out", 1, position=[5], other=OTHER),
        *plain.hooks_for(name, model, "z", 1, head=[3]),
        *plain.hooks_for(name, model, "attn_out", 2, position=[4], other=OTHER),
        *plain.hooks_for(name, model, "resid_post", 1, position=[11], other=OTHER),
    ]
    (found,) = after(run, [together], [other_of(name)])
    assert_same(found, plain.logits(model, IDS, hooks))


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_share_a_pass_are_what_they_are_alone(name: str) -> None:
    run, put = run_of(name), Replacement.other(other_of(name))
    changes: list[Any] = [
        Intervention("resid_pre", 2, position=[0], replacement=put),
        Intervention("z", 0, head=[0]),
        Intervention("mlp_out", 1) + Intervention("z", 2, head=[1]),
        Intervention("z", 2, head=[1]),
        Intervention("resid_pre", 0, position=[3], replacement=put),
        Interventions(),
    ]
    if name not in WITHOUT_INTERFACE:
        changes += [Intervention("q", 2, head=[0], replacement=put), Intervention("scores", 1, position=[6], key=[2])]
    alone = after(run, changes, [other_of(name)], at_once=1)
    for found, wanted in zip(after(run, changes, [other_of(name)]), alone, strict=True):
        assert_same(found, wanted)
    assert_same(alone[5], plain.logits(plain.model(name), IDS))


@pytest.mark.parametrize("name", CAUSES)
def test_another_prompts_queries_keys_and_values_are_its_pattern_and_values(name: str) -> None:
    """q and k of a head from another prompt, at all positions, are its pattern; with v too, its z."""
    run, other = run_of(name), other_of(name)
    put = Replacement.other(other)
    grouped = run["k", 1].shape[0] != 4
    shared, heads = ([1], [2, 3]) if grouped else ([2], [2])

    def change(sites: str) -> Interventions:
        return Interventions(
            Intervention(site, 1, head=heads if site in ("q", "pattern", "z") else shared, replacement=put) for site in sites.split()
        )

    by_qk, pattern, by_qkv, by_pattern_v, z = after(run, [change(s) for s in ("q k", "pattern", "q k v", "pattern v", "z")], [other])
    assert_same(by_qk, pattern)
    assert_same(by_qkv, z)
    assert_same(by_pattern_v, z)
    assert float((z - pattern).abs().max()) > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_what_a_run_has_anyway_changes_nothing(name: str) -> None:
    run = run_of(name)
    clean = plain.logits(plain.model(name), IDS)
    itself = Replacement.other(run)
    changes = [Intervention(site, replacement=put) for site in sorted(expected_sites(name)) for put in (OWN, itself)]
    for found in after(run, changes):
        assert_same(found, clean)


def test_a_mean_is_taken_at_each_position_over_its_prompts() -> None:
    run, model = run_of("llama"), plain.model("llama")
    prompts = [prompt_ids(N, seed=seed) for seed in (2, 3, 4)]
    path = "model.layers.1.self_attn.o_proj"
    mean = torch.stack([plain.seen(model, ids, path, "given") for ids in prompts]).mean(0)  # (position, width)

    def to_mean(z: Tensor) -> Tensor:
        z = z.clone()
        z[:, 16:32] = mean[:, 16:32]
        return z

    change = Intervention("z", 1, head=1, replacement=Replacement.mean([ids.tolist() for ids in prompts]))
    (found,) = after(run, [change])
    assert_same(found, plain.logits(model, IDS, [plain.Hook(path, "given", to_mean)]))


def test_a_later_change_of_the_same_place_is_the_one_that_holds() -> None:
    run = run_of("gpt2")
    held = Intervention("attn_out", 1, replacement=OWN)
    cleared, kept, zero = after(run, [Intervention("attn_out", 1) + held, held + Intervention("attn_out", 1), Intervention("attn_out", 1)])
    assert_same(cleared, plain.logits(plain.model("gpt2"), IDS))
    assert_same(kept, zero)


def test_no_layer_means_every_layer_that_has_the_site() -> None:
    run, model = run_of("llama"), plain.model("llama")
    (found,) = after(run, [Intervention("z", head=1)])
    hooks = [hook for layer in range(3) for hook in plain.hooks_for("llama", model, "z", layer, head=[1])]
    assert_same(found, plain.logits(model, IDS, hooks))


@pytest.mark.parametrize(
    "name, site, why",
    [
        ("gpt_neox", "resid_mid", "attention and MLP both read the block's input"),
        ("bert", "resid_mid", "attention is not simply added there"),
        ("mixtral", "mlp_post", "no single matrix makes its MLP's output, as with experts"),
        ("gptj", "pattern", "does not use the attention interface of Transformers"),
        ("bloom", "scores", "z and attn_out can be changed"),
    ],
)
def test_a_site_that_an_architecture_lacks_is_refused_with_the_reason(name: str, site: str, why: str) -> None:
    for layer in (1, None):
        with pytest.raises(UndefinedHereError, match=why):
            after(run_of(name), [Intervention(site, layer)])


@pytest.mark.parametrize(
    "change, words",
    [
        (Intervention("z", 3), "layer 3 is outside this run, which has 3"),
        (Intervention("z", 0, head=4), r"head \(of z\) 4 is outside"),
        (Intervention("k", 0, head=2), r"head \(of k\) 2 is outside this run, which has 2"),
        (Intervention("resid_pre", 0, position=[0, 12]), "position 12 is outside"),
        (Intervention("resid_pre", 0, position=-13), "position -13 is outside"),
        (Intervention("scores", 0, position=1, key=12), "key 12 is outside"),
        (Intervention("mlp_post", 0, neuron=128), r"neuron 128 is outside this run, which has 128 \(0 to 127\)"),
    ],
)
def test_a_place_outside_the_run_is_refused_before_any_pass(change: Intervention, words: str) -> None:
    with pytest.raises(IndexError, match=words):
        after(run_of("llama"), [Intervention("z", 0), change])
