"""A replacement is what it says it is: a run that its tokens do not tell is asked for, never guessed."""

from __future__ import annotations

import json

import pytest
import torch

import llmwidgets as lw
from llmwidgets.models.errors import PromptError
from tests.architectures import build, prompt_ids

N = 12


@pytest.fixture(scope="module")
def run():
    return lw.capture(build("gpt2", torch.float64), prompt_ids(N))


@pytest.fixture(scope="module")
def changed(run):
    return lw.intervene(run, lw.Intervention("z", 0))


@pytest.fixture(scope="module")
def padded(run):
    ids = torch.cat([torch.zeros(3, dtype=torch.long), prompt_ids(N - 3, seed=5)])
    return run.again({"input_ids": ids[None], "attention_mask": (torch.arange(N) >= 3).long()[None]})


def test_a_changed_run_as_donor_gives_its_own_values(run, changed):
    metric = lw.Metric.proposed(run)
    one = lw.Intervention("resid_post", 2, replacement=lw.Replacement.other(changed))
    found = lw.effect_of(run, metric, one, references=[changed])
    wanted = metric.on(run).values(changed.logits[[-1]])["logit_difference"].item()
    assert float(found.logit_difference) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("name", ["changed", "padded"])
def test_without_its_capture_it_is_refused(run, name, request):
    one = lw.Intervention("resid_post", 2, replacement=lw.Replacement.other(request.getfixturevalue(name)))
    for ask in (lambda: lw.effect_of(run, lw.Metric(10, 20), one), lambda: lw.intervene(run, one)):
        with pytest.raises(PromptError, match="give that Capture too"):
            ask()


def test_a_run_and_its_changed_self_are_two_in_a_mean(run, changed):
    both = lw.Intervention("z", 1, replacement=lw.Replacement.mean([run, changed]))
    mean = lw.intervene(run, both, known=[changed])
    assert torch.allclose(mean["z", 1], (run["z", 1] + changed["z", 1]) / 2, atol=1e-12)


def test_what_is_saved_asks_for_the_same_run_again(run, changed):
    one = lw.Intervention("z", 1, replacement=lw.Replacement.other(changed))
    again = lw.Intervention.from_json(json.loads(json.dumps(one.to_json())))
    assert again == one and again.replacement.runs == (changed.fingerprint,)
    assert lw.Replacement.other(run).runs == ()


def test_by_tokens_alone_no_prompt_stands_for_a_padded_one(padded):
    with pytest.raises(PromptError, match="has padding, which tokens alone do not tell"):
        lw.effect_of(padded, lw.Metric(10, 20), lw.Intervention("z", 1, replacement=lw.Replacement.other(prompt_ids(N).tolist())))
