"""Identities that hold whatever the weights are: knocking out, patching and ablating against other ways to the same number."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from llmwidgets.analysis.effects.ablation import effect_of
from llmwidgets.analysis.effects.knockout import knock_out
from llmwidgets.analysis.effects.patching import patch
from llmwidgets.capture import capture
from llmwidgets.experiments.donors import Donors
from llmwidgets.experiments.edits import edits_of
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.passes import passes
from llmwidgets.experiments.replacement import OWN
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import CAUSES, build
from tests.unit.analysis.effects.pairs import CHANGED, IDS, OTHER, apart, clean, corrupted
from tests.unit.experiments import plain
from tests.unit.experiments.plain import N

NAMES = (*CAUSES, "mistral")
CAUSAL = tuple(name for name in NAMES if name != "bert")
pytestmark = pytest.mark.usefixtures("floats_stay_double")


def difference(logits: Tensor, metric: Metric) -> float:
    return float(logits[metric.target] - logits[metric.foil])


@torch.no_grad()
def alone(name: str, position: int) -> Tensor:
    """(vocab,): what the model says of one token that runs by itself, in its own place."""
    return plain.model(name)(input_ids=IDS[None, [position]], position_ids=torch.tensor([[position]])).logits[0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_with_every_look_at_others_knocked_out_each_token_runs_alone(name: str) -> None:
    run = clean(name)
    for position in (0, 4, N - 1):
        metric = Metric(10, 20, position)
        found = knock_out(run, metric, query=range(N))
        assert float(found.logit_difference) == pytest.approx(difference(alone(name, position), metric), abs=1e-10)
    every = [Intervention("scores", position=at, key=[key for key in range(N) if key != at]) for at in range(N)]
    (logits,) = (logits for _, logits in passes(run, [edits_of(run, every, Donors(run))], range(N)))
    for position in range(N):
        assert float((logits[position] - alone(name, position)).abs().max()) < 1e-10


@pytest.mark.parametrize("site", ["resid_pre", "resid_post"])
@pytest.mark.parametrize("name", NAMES)
def test_everything_of_a_layer_patched_is_the_other_run(name: str, site: str) -> None:
    for direction, whole in (("denoise", 1.0), ("noise", 0.0)):
        found = patch(clean(name), corrupted(name), apart(name), site=site, direction=direction, by_position=False)
        assert found.recovery.dims == ("layer",)
        assert np.abs(found.recovery.values - whole).max() < 1e-10
        wanted = plain.logits(plain.model(name), IDS if direction == "denoise" else OTHER)[-1]
        assert np.abs(found.logit_difference.values - difference(wanted, apart(name))).max() < 1e-10


@pytest.mark.parametrize("direction, nothing", [("denoise", 0.0), ("noise", 1.0)])
@pytest.mark.parametrize("name", CAUSAL)
def test_before_the_changed_token_there_is_nothing_to_patch(name: str, direction: str, nothing: float) -> None:
    for site in ("resid_pre", "attn_out"):
        found = patch(clean(name), corrupted(name), apart(name), site=site, direction=direction, positions=range(CHANGED))
        assert np.abs(found.recovery.values - nothing).max() < 1e-10
        assert np.abs(found.effect.values).max() < 1e-10


@pytest.mark.parametrize("name", CAUSAL)
def test_at_the_first_layer_only_the_changed_token_matters_and_at_the_last_only_the_position_asked(name: str) -> None:
    first = patch(clean(name), corrupted(name), apart(name), layers=[0]).recovery.values[0]
    last = patch(clean(name), corrupted(name), apart(name), site="resid_post", layers=[2]).recovery.values[0]
    assert first == pytest.approx([float(at == CHANGED) for at in range(N)], abs=1e-10)
    assert last == pytest.approx([float(at == N - 1) for at in range(N)], abs=1e-10)


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "bert"])
def test_a_prompt_patched_with_itself_changes_nothing(name: str) -> None:
    run = clean(name)
    for site in ("resid_pre", "q", "pattern"):
        found = patch(run, run, Metric(10, 20), site=site)
        assert np.abs(found.effect.values).max() < 1e-10
        assert "recovery" not in found and "hardly differ" in found.attrs["no_ratio"]


def head_output(name: str, layer: int, head: int) -> Tensor:
    """(d_model,): what the stream loses at the last position without the head; a post-norm is computed anew without it."""
    model, wired = plain.model(name), plain.WIRING[name]
    block = f"{wired.blocks}.{layer}"
    z = plain.seen(model, IDS, f"{block}.{wired.z}", "given")[-1]
    weight = model.get_submodule(f"{block}.{wired.z}").weight.detach()
    weight = weight if name == "gpt2" else weight.T  # (head * width, d_model)
    at = slice(head * plain.WIDTH, (head + 1) * plain.WIDTH)
    added = z[at] @ weight[at] * wired.factor
    if name != "gemma2":
        return added
    norm = model.get_submodule(f"{block}.post_attention_layernorm")
    whole = z @ weight
    return (norm(whole) - norm(whole - added)).detach()


@pytest.mark.parametrize("name", CAUSAL)
def test_a_head_ablated_with_everything_later_held_takes_away_its_direct_contribution(name: str) -> None:
    """With attention and MLPs after it held, the last stream loses exactly what the head wrote; the final norm is computed anew."""
    run, model, metric = clean(name), plain.model(name), apart(name)
    last = plain.seen(model, IDS, f"{plain.WIRING[name].blocks}.2", "made")[-1]
    for layer, head in ((0, 1), (1, 3), (2, 2)):
        later = [Intervention("mlp_out", at, replacement=OWN) for at in range(layer, 3)]
        later += [Intervention("attn_out", at, replacement=OWN) for at in range(layer + 1, 3)]
        found = effect_of(run, metric, [Intervention("z", layer, head), *later])
        left = run.read_out((last - head_output(name, layer, head))[None])[0]
        assert float(found.logit_difference) == pytest.approx(difference(left, metric), abs=1e-9)
        assert abs(float(found.effect)) > 1e-4


def test_with_a_linear_read_out_the_effect_is_minus_the_direct_contribution() -> None:
    """Without a final norm, the logit difference loses the head's output times the difference of the unembeddings."""
    model = build("gpt2", torch.float64)
    model.transformer.ln_f = nn.Identity()
    run = capture(model, IDS)
    towards = (model.lm_head.weight[10] - model.lm_head.weight[20]).detach()
    z = plain.seen(model, IDS, "transformer.h.1.attn.c_proj", "given")[-1]
    at = slice(2 * plain.WIDTH, 3 * plain.WIDTH)
    direct = float(z[at] @ model.transformer.h[1].attn.c_proj.weight.detach()[at] @ towards)
    held = Intervention("mlp_out", [1, 2], replacement=OWN) + Intervention("attn_out", 2, replacement=OWN)
    found = effect_of(run, Metric(10, 20), Intervention("z", 1, 2) + held)
    assert float(found.effect) == pytest.approx(-direct, abs=1e-10)


@pytest.mark.parametrize("name", ["gpt_neox", "bert"])
def test_what_is_undefined_is_refused_in_words(name: str) -> None:
    with pytest.raises(UndefinedHereError, match="resid_mid"):
        patch(clean(name), corrupted(name), apart(name), site="resid_mid")
