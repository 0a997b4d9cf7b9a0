"""The estimate of ablation is the slope of the answer in each head's size, and ranks heads much as ablating them does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import llmwidgets as lw
from llmwidgets.analysis.effects.attribution_patching import rank_correlation, strongest
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import prompt_ids
from tests.circuit import DECOY, FIXED, circuit, prompt
from tests.unit.experiments import plain

IDS = prompt_ids(plain.N)
METRIC = lw.Metric(10, 20, position=7)
STEP = 1e-4


@pytest.fixture(scope="module")
def sentence() -> tuple[lw.Capture, lw.Metric]:
    """The built-in model, and who gets the drink."""
    run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    return run, lw.Metric(" Mary", foil=" John")


def with_head_scaled(name: str, layer: int, head: int, factor: float, quantity: str = "logit_difference") -> float:
    """The metric on the user's own model, with what one head gives to its output matrix made `factor` times as large."""
    wiring = plain.WIRING[name]

    def scaled(z: torch.Tensor) -> torch.Tensor:
        z = z.clone()
        z[..., head * plain.WIDTH : (head + 1) * plain.WIDTH] *= factor
        return z

    hook = plain.Hook(f"{wiring.blocks}.{layer}.{wiring.z}", "given", scaled)
    row = plain.logits(plain.model(name), IDS, [hook])[METRIC.position]
    return float(row[10] - row[20]) if quantity == "logit_difference" else float(row.log_softmax(-1)[10])


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gpt_neox", "gptj", "bert"])
def test_it_is_the_slope_in_the_heads_own_size(name: str, floats_stay_double: None):
    run = lw.capture(plain.model(name), IDS)
    found = lw.estimate_ablation(run, METRIC).estimate.values
    for layer, head in ((0, 1), (1, 3), (2, 0)):
        slope = (with_head_scaled(name, layer, head, 1 + STEP) - with_head_scaled(name, layer, head, 1 - STEP)) / (2 * STEP)
        assert found[layer, head] == pytest.approx(-slope, rel=1e-5, abs=1e-7)


def test_it_is_the_slope_of_the_quantity_that_is_asked_for(floats_stay_double: None):
    run = lw.capture(plain.model("gpt2"), IDS)
    found = lw.estimate_ablation(run, lw.Metric(10, position=7, quantity="log_probability"))
    rise = [with_head_scaled("gpt2", 1, 2, 1 + sign * STEP, "log_probability") for sign in (1, -1)]
    assert float(found.estimate[1, 2]) == pytest.approx((rise[1] - rise[0]) / (2 * STEP), rel=1e-5, abs=1e-7)
    assert found.estimate.attrs["unit"] == "nats"


@pytest.mark.parametrize("quantity", ["rank", "kl"])
def test_a_quantity_without_a_slope_is_refused(quantity: str, sentence: tuple[lw.Capture, lw.Metric]):
    run, _ = sentence
    with pytest.raises(ValueError, match="gradient"):
        lw.estimate_ablation(run, lw.Metric(" Mary", " John", quantity=quantity))


def test_the_strongest_are_ablated_for_real_and_agree_with_ablating_them(sentence: tuple[lw.Capture, lw.Metric]):
    run, metric = sentence
    found, real = lw.estimate_ablation(run, metric, verify=4), lw.ablate(run, metric).effect.values
    places = strongest(found.estimate.values, 4)
    verified = found.verified.values
    assert {tuple(at) for at in np.argwhere(np.isfinite(verified))} == set(places)
    assert np.allclose(verified[np.isfinite(verified)], real[np.isfinite(verified)], atol=1e-4)
    assert found.attrs["top_k"] == 4 and -1 <= found.attrs["rank_correlation"] <= 1
    assert found.estimate.attrs["evidence"] == "attribution" and found.verified.attrs["evidence"] == "intervention"


def test_it_ranks_the_built_in_models_heads_much_as_ablation_does(sentence: tuple[lw.Capture, lw.Metric]):
    run, metric = sentence
    agreement = rank_correlation(lw.estimate_ablation(run, metric).estimate.values.ravel(), lw.ablate(run, metric).effect.values.ravel())
    assert agreement is not None and agreement > 0.6


def test_heads_that_write_nothing_are_estimated_at_exactly_nothing():
    truth = prompt()
    run = lw.capture(circuit(), truth.ids)
    found = lw.estimate_ablation(run, lw.Metric(truth.answer, truth.foil)).estimate
    assert float(found[DECOY]) == float(found[FIXED]) == 0.0


def test_a_changed_run_and_a_verify_that_is_no_number_are_refused(sentence: tuple[lw.Capture, lw.Metric]):
    run, metric = sentence
    with pytest.raises(UndefinedHereError, match="changed one"):
        lw.estimate_ablation(lw.intervene(run, lw.Intervention("z", 0, 0)), metric)
    for verify in (-1, True, 1.5):
        with pytest.raises(ValueError, match="0 or more"):
            lw.estimate_ablation(run, metric, verify=verify)


def test_layers_without_heads_are_nan_and_several_prompts_give_a_mean(sentence: tuple[lw.Capture, lw.Metric]):
    from tests.architectures import build

    mixed = lw.capture(build("lfm2"), IDS)
    found = lw.estimate_ablation(mixed, lw.Metric(10, 20)).estimate
    assert found.isnull().all("head").values.tolist() == [True, False, True] and not found[1].isnull().any()
    run, metric = sentence
    other = run.again("When Mary and John went to the store, Mary gave a drink to")
    mean = lw.estimate_ablation([run, other], metric).estimate.values
    each = [lw.estimate_ablation(one, metric).estimate.values for one in (run, other)]
    assert np.allclose(mean, (each[0] + each[1]) / 2)
