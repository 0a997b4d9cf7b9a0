"""Ablation: each part alone, against plain hooks on the user's own model; what is asked wrongly is refused in words."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import llmwidgets as lw
from llmwidgets.analysis.effects.ablation import ablate, effect_of
from llmwidgets.analysis.effects.knockout import knock_out
from llmwidgets.analysis.effects.patching import patch
from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.metric import QUANTITIES, Metric
from llmwidgets.experiments.replacement import OWN, Replacement
from llmwidgets.models.errors import FoilNeededError, PromptError, UndefinedHereError
from tests.architectures import CAUSES, build, prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import N

IDS = prompt_ids(N)
OTHERS = [prompt_ids(N, seed=seed) for seed in (5, 6)]
METRIC = Metric(10, 20)
pytestmark = pytest.mark.usefixtures("floats_stay_double")


@cache
def run_of(name: str) -> Capture:
    return capture(plain.model(name), IDS)


def difference(logits: Tensor) -> float:
    return float(logits[-1, 10] - logits[-1, 20])


@pytest.mark.parametrize("what, site", [("head", "z"), ("attention", "attn_out"), ("mlp", "mlp_out"), ("neuron", "mlp_post")])
@pytest.mark.parametrize("name", CAUSES)
def test_the_effect_of_each_part_is_what_plain_hooks_measure(name: str, what: str, site: str) -> None:
    model = plain.model(name)
    options: dict[str, Any] = {"layers": [1, 2], "neurons": [0, 77]} if what == "neuron" else {}
    found = ablate(run_of(name), METRIC, what=what, **options)
    before = difference(plain.logits(model, IDS))
    assert found.attrs["before"]["logit_difference"] == pytest.approx(before, abs=1e-10)
    inner = {"head": "head", "neuron": "neuron"}.get(what)
    assert found.effect.dims == (("layer", inner) if inner else ("layer",))
    for at in np.ndindex(found.effect.shape):
        layer = int(found.layer[at[0]])
        where = {inner: [int(found[inner][at[1]])]} if inner else {}
        wanted = plain.logits(model, IDS, plain.hooks_for(name, model, site, layer, **where))
        assert float(found.effect[at]) == pytest.approx(difference(wanted) - before, abs=1e-10)
        assert float(found.logit_difference[at]) == pytest.approx(difference(wanted), abs=1e-10)
        assert float(found["rank"][at]) == 1 + int((wanted[-1] > wanted[-1, 10]).sum())


def test_at_some_positions_only_these_lose_it() -> None:
    model = plain.model("llama")
    found = ablate(run_of("llama"), METRIC, positions=[2, -1], layers=[1])
    assert found.attrs["positions"] == [2, N - 1]
    for head in range(4):
        wanted = plain.logits(model, IDS, plain.hooks_for("llama", model, "z", 1, head=[head], position=[2, N - 1]))
        assert float(found.logit_difference[0, head]) == pytest.approx(difference(wanted), abs=1e-10)


@pytest.mark.parametrize("references", ["captures", "ids"])
def test_a_mean_and_another_prompt_take_its_place(references: str) -> None:
    model, run = plain.model("gemma2"), run_of("gemma2")
    others: list[Any] = [run.again(ids) for ids in OTHERS] if references == "captures" else [ids.tolist() for ids in OTHERS]
    mean = ablate(run, METRIC, replacement="mean", references=others)
    other = ablate(run, METRIC, replacement="resample", references=others[:1])
    assert "its mean over 2 prompts" in mean.attrs["method"] and "another prompt" in other.attrs["method"]
    assert (mean.attrs["replacement"], other.attrs["replacement"]) == ("mean", "resample")
    path = "model.layers.1.self_attn.o_proj"
    values = torch.stack([plain.seen(model, ids, path, "given") for ids in OTHERS]).mean(0)

    def to_mean(z: Tensor) -> Tensor:
        z = z.clone()
        z[:, 32:48] = values[:, 32:48]
        return z

    wanted = difference(plain.logits(model, IDS, [plain.Hook(path, "given", to_mean)]))
    assert float(mean.logit_difference[1, 2]) == pytest.approx(wanted, abs=1e-10)
    hooks = plain.hooks_for("gemma2", model, "z", 1, head=[2], other=OTHERS[0])
    assert float(other.logit_difference[1, 2]) == pytest.approx(difference(plain.logits(model, IDS, hooks)), abs=1e-10)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_effect_is_in_the_quantity_asked_for(quantity: str) -> None:
    found = ablate(run_of("llama"), Metric(10, 20, quantity=quantity))
    assert np.abs(found.effect - (found[quantity] - found.attrs["before"][quantity])).max() < 1e-12
    assert found.attrs["quantity"] == quantity
    assert float(ablate(run_of("llama"), Metric(10, quantity="kl")).effect.min()) >= -1e-12


def test_several_together_are_made_at_once_and_named() -> None:
    model, run = plain.model("llama"), run_of("llama")
    change = Intervention("z", 0, 1) + Intervention("mlp_out", 2)
    found = effect_of(run, METRIC, change)
    hooks = plain.hooks_for("llama", model, "z", 0, head=[1]) + plain.hooks_for("llama", model, "mlp_out", 2)
    assert float(found.logit_difference) == pytest.approx(difference(plain.logits(model, IDS, hooks)), abs=1e-10)
    assert found.effect.dims == ()
    assert found.attrs["change"] == "z of head 0.1 set to zero\nmlp_out in layer 2 set to zero"
    assert Interventions.from_json(found.attrs["interventions"]) == change
    assert found.attrs["replacement"] == "zero"
    assert effect_of(run, METRIC, change + Intervention("z", 1, replacement=OWN)).attrs["replacement"] == "several"
    other = run.again(OTHERS[0])
    swapped = effect_of(run, METRIC, Intervention("z", 0, replacement=Replacement.other(other)), references=[other])
    assert swapped.attrs["replacement"] == "resample"
    assert abs(float(effect_of(run, METRIC, Interventions()).effect)) < 1e-10


def test_what_was_done_stands_in_plain_words_beside_the_numbers() -> None:
    found = ablate(run_of("llama"), METRIC)
    assert found.attrs["evidence"] == "intervention" and found.attrs["n_prompts"] == 1
    assert found.attrs["unit"] == "logits" and found.attrs["replacement"] == "zero" and found.attrs["positions"] == "all"
    assert "backup" in found.attrs["caveat"]
    for each in (found, effect_of(run_of("llama"), METRIC, Intervention("z", 0))):
        json.dumps(each.attrs)
        for variable in each.data_vars.values():
            json.dumps(variable.attrs)
            assert variable.dtype == np.float64


@pytest.mark.parametrize("kind", [tuple, iter, np.array, torch.tensor])
def test_places_of_any_kind_of_integer_leave_plain_numbers_behind(kind: Any) -> None:
    run = run_of("llama")
    wanted = ablate(run, METRIC, layers=[0, 1], positions=[1, -1])
    other = run.again(OTHERS[0])
    found = ablate(run, METRIC, layers=kind([0, 1]), positions=kind([1, -1]))
    assert np.array_equal(found.effect, wanted.effect) and found.attrs == wanted.attrs
    for each in (
        found,
        ablate(run, METRIC, what="neuron", layers=kind([0]), neurons=kind([3, 5])),
        knock_out(run, METRIC, query=kind([5, 6]), key=kind([1, 2]), layers=kind([0]), heads=kind([1]), each="head"),
        knock_out(run, METRIC, query=kind([5, 6]), key=1, heads=kind([1])),
        patch(run, other, METRIC, positions=kind([5, -1]), layers=kind([0])),
        patch(run, other, METRIC, site="mlp_post", positions=[5, -1], neurons=kind([2])),
    ):
        json.dumps(each.attrs)
        assert {coordinate.dtype.kind for name, coordinate in each.coords.items() if "token" not in str(name)} == {"i"}


def test_a_single_place_need_not_be_in_a_list() -> None:
    run = run_of("llama")
    other = run.again(OTHERS[0])
    one = np.int64(-1)
    assert ablate(run, METRIC, layers=0, positions=one).attrs["positions"] == [N - 1]
    assert ablate(run, METRIC, what="neuron", layers=0, neurons=3).neuron.values.tolist() == [3]
    assert knock_out(run, METRIC, query=one, layers=0, heads=1).attrs["heads"] == [1]
    assert patch(run, other, METRIC, layers=0, positions=one).position.values.tolist() == [N - 1]


def test_progress_and_outcomes_are_told_as_they_come() -> None:
    told: list[Any] = []
    places: list[dict[str, int]] = []
    ablate(
        run_of("llama"), METRIC, layers=[2, 0],
        progress=lambda *call: told.append(call), on_outcome=lambda place, outcome: places.append(place),
    )  # fmt: skip
    assert told[0] == (0, 8, "experiments") and told[-1] == (8, 8, "experiments")
    assert len(places) == 8
    assert {(place["layer"], place["head"]) for place in places} == {(layer, head) for layer in (0, 2) for head in range(4)}


def test_several_prompts_give_the_mean_of_their_effects() -> None:
    run = run_of("llama")
    other = run.again(prompt_ids(N + 3, seed=9))
    found = ablate([run, other], METRIC)
    alone = [ablate(each, METRIC).effect.values for each in (run, other)]
    assert np.abs(found.effect.values - np.mean(alone, axis=0)).max() < 1e-12
    assert np.abs(found.effect_each.values - np.array(alone)).max() < 1e-12
    assert found.attrs["n_prompts"] == 2
    both = effect_of([run, other], [METRIC, Metric(11, 21)], Intervention("z", 1))
    assert both.effect_each.shape == (2,)


@pytest.mark.parametrize(
    "wrong, kind, words",
    [
        ({"what": "heads"}, ValueError, "what='heads' came; expected one of head, attention, mlp, neuron"),
        ({"what": "neuron"}, ValueError, "name their layers= or the neurons="),
        ({"replacement": "noise"}, ValueError, "replacement='noise' came; expected one of zero, mean, resample"),
        ({"replacement": "mean"}, ValueError, r"'mean' came with 0 references; give references=\[...\]: prompts to take the mean over"),
        ({"replacement": "resample"}, ValueError, "exactly one prompt to take the value from, .* of 12 tokens"),
        ({"references": [[1, 2]]}, ValueError, 'replacement="zero" uses none'),
        ({"layers": [3]}, IndexError, r"layer 3 is outside this run, which has 3 \(0 to 2\)"),
        ({"layers": []}, ValueError, "layers is empty; give at least one, or None for all"),
        ({"positions": [N]}, IndexError, rf"position {N} is outside this run, which has {N} \(0 to {N - 1}\)"),
        ({"positions": []}, ValueError, "positions is empty"),
        ({"what": "neuron", "layers": [0], "neurons": [128]}, IndexError, "neuron 128 is outside this run"),
        ({"replacement": "resample", "references": [[5, 6]]}, PromptError, "the prompts have 12 and 2 tokens"),
        ({"replacement": "mean", "references": ["a text"]}, TypeError, "'a text' came as a prompt; expected a Capture"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_refused_in_words(wrong: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        ablate(run_of("llama"), METRIC, **wrong)


def test_a_metric_that_the_run_cannot_answer_is_refused() -> None:
    with pytest.raises(FoilNeededError):
        ablate(run_of("llama"), Metric(10))
    with pytest.raises(IndexError, match="position 40 is outside"):
        ablate(run_of("llama"), Metric(10, 20, 40))


def test_what_an_architecture_lacks_is_refused_with_the_reason() -> None:
    with pytest.raises(UndefinedHereError, match="as with experts"):
        ablate(run_of("mixtral"), METRIC, what="neuron", layers=[0])
    with pytest.raises(UndefinedHereError, match="z cannot be changed in block 0: it has no attention"):
        ablate(capture(build("mamba"), IDS), METRIC)
    with pytest.raises(UndefinedHereError, match="z cannot be changed in block 0: it has no attention"):
        ablate(capture(build("lfm2"), IDS), METRIC, layers=[0])


def test_the_mlp_is_run_again_once_for_all_of_a_layers_neurons(monkeypatch: pytest.MonkeyPatch) -> None:
    run, times = run_of("llama"), []
    original = Capture._run_block_again
    monkeypatch.setattr(Capture, "_run_block_again", lambda *given: times.append(1) or original(*given))
    found = ablate(run, METRIC, what="neuron", layers=[1])
    assert found.effect.shape == (1, 128)
    assert len(times) <= 2


def test_heads_of_a_model_that_has_attention_in_some_layers_only() -> None:
    run = capture(build("lfm2"), IDS)
    found = ablate(run, METRIC)
    assert found.layer.values.tolist() == [1]
    assert bool(found.effect.notnull().all())


def test_on_the_built_in_model_the_names_are_public() -> None:
    run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    assert float(lw.ablate(run, lw.Metric(" Mary", " John")).effect.min()) < -0.5
