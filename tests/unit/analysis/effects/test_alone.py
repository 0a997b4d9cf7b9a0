"""Several changes, each alone: the numbers of `effect_of`, and a change that the run does not have fails by itself."""

from __future__ import annotations

from functools import cache

import pytest

from llmwidgets.analysis.effects.ablation import effect_of
from llmwidgets.analysis.effects.alone import effects_alone
from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.replacement import Replacement
from llmwidgets.models.errors import CaptureStopped, TokenError
from tests.architectures import prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import N

IDS = prompt_ids(N)
METRIC = Metric(10, 20)
pytestmark = pytest.mark.usefixtures("floats_stay_double")


@cache
def run_of(name: str) -> Capture:
    return capture(plain.model(name), IDS)


def changes_of(other: Capture) -> list:
    return [
        Intervention("z", layer=1, head=2),
        Intervention("scores", layer=[0, 2], position=-1, key=[3, 4]),
        Intervention("resid_pre", layer=2, position=5, replacement=Replacement.other(other)),
        Intervention("mlp_post", layer=0, neuron=7) + Intervention("attn_out", layer=1),
        Intervention("z"),
    ]


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
@pytest.mark.parametrize("quantity", ["logit_difference", "kl"])
def test_each_effect_is_that_of_effect_of(name: str, quantity: str) -> None:
    run, metric = run_of(name), Metric(10, 20, quantity=quantity)
    other = run.again(prompt_ids(N, seed=9))
    found = effects_alone(run, changes_of(other), metric, [other])
    for one, change in zip(found, changes_of(other), strict=True):
        alone = effect_of(run, metric, change, references=[other])
        assert one.effect == pytest.approx(float(alone.effect), abs=1e-12)
        assert one.after == pytest.approx(float(alone[quantity]), abs=1e-12)
        assert one.failed is None


def test_what_the_run_does_not_have_fails_alone_with_its_sentence() -> None:
    run = run_of("gpt2")
    good = Intervention("z", layer=1, head=2)
    wrong = [
        Intervention("z", layer=9),
        Intervention("scores", layer=1, position=4, key=range(N)),  # found out in the pass
        Intervention("z", layer=0, replacement=Replacement.other([1, 2, 3])),
        Intervention("z", layer=0, position=40),
    ]
    found = effects_alone(run, [wrong[0], good, *wrong[1:], good], METRIC)
    alone = effect_of(run, METRIC, good)
    for at in (1, 5):
        assert found[at].effect == pytest.approx(float(alone.effect), abs=1e-12) and found[at].failed is None
    sentences = [found[at].failed for at in (0, 2, 3, 4)]
    assert all(found[at].effect is None and found[at].after is None for at in (0, 2, 3, 4))
    for sentence, words in zip(sentences, ("layer 9 is outside", "may look nowhere", "3 tokens", "position 40 is outside"), strict=True):
        assert words in sentence


def test_a_model_without_the_attention_interface_says_so_for_looks_only() -> None:
    run = capture(plain.model("gptj"), IDS)
    looks, head = effects_alone(run, [Intervention("scores", layer=0, position=5, key=2), Intervention("z", layer=0, head=1)], METRIC)
    assert "attention interface" in looks.failed
    assert head.effect == pytest.approx(float(effect_of(run, METRIC, Intervention("z", layer=0, head=1)).effect), abs=1e-12)


def test_no_changes_have_no_effects_and_a_wrong_metric_is_an_error() -> None:
    assert effects_alone(run_of("gpt2"), [], METRIC) == []
    with pytest.raises(TokenError):
        effects_alone(run_of("gpt2"), [Intervention("z", layer=9)], Metric(10, 100_000))
    with pytest.raises(CaptureStopped):
        effects_alone(run_of("gpt2"), [Intervention("z", layer=1)], METRIC, cancelled=lambda: True)
