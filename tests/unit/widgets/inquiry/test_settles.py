"""However questions overtake each other, stop or fail: what is shown is what is asked, and nothing that was asked is lost."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from transformers import BatchEncoding

import llmwidgets as lw
from llmwidgets.widgets import live
from llmwidgets.widgets.inquiry import exhibits
from tests.architectures import build, prompt_ids
from tests.unit.widgets.inquiry.asked import LONGER, METRIC, OTHER, PROMPT
from tests.unit.widgets.tiny import Page, drain, fill


@pytest.fixture
def held(monkeypatch):
    """Changed runs wait for `gate`; `entered` when one does."""
    gate, entered, real = threading.Event(), threading.Event(), exhibits.intervene

    def slow(*args, **more):
        entered.set()
        assert gate.wait(60)
        return real(*args, **more)

    monkeypatch.setattr(exhibits, "intervene", slow)
    yield gate, entered
    gate.set()


def swept(view, name: str) -> np.ndarray:
    """The numbers of a field that grows, when its sweeps are done."""
    fill(view.served.causes, name)
    assert view.progress[name]["state"] == "ready"
    return view.served.fields[name].read().values


def is_settled(view) -> bool:
    return view.run["shown"]["which"] == view.showing["which"] and view.run["epoch"] in view.inquiry.exhibits.live


def test_a_difference_that_is_shown_again_after_many_others_still_has_its_sweeps(view, demo):
    for head in (0, 1, 2, 0):  # the runs that the first difference compares would be gone by then
        view.interventions = lw.Intervention("z", layer=0, head=head)
        view.shown = "difference"
        drain(view)
    change = lw.Intervention("z", layer=0, head=0)
    effect = lw.effect_of(demo, METRIC, change + lw.Intervention("z", layer=3, head=2)).effect - lw.effect_of(demo, METRIC, change).effect
    alone = lw.effect_of(demo, METRIC, lw.Intervention("z", layer=3, head=2)).effect
    assert swept(view, "ablation_effect")[3, 2] == pytest.approx(float(effect - alone), abs=1e-4)


def test_another_capture_is_not_overtaken_by_a_changed_run_of_the_former(view, other, held):
    gate, entered = held
    view.interventions.add(lw.Intervention("z", layer=3, head=2, position=4))
    assert entered.wait(60)
    view.show_capture(other)
    gate.set()
    drain(view)
    assert view.capture is other and view.run["prompt"] == OTHER and is_settled(view) and view.status["state"] == "ready"


def test_what_is_asked_while_another_prompt_is_being_shown_is_not_lost(view, monkeypatch):
    real, asked = live.first_picture, []

    def slow(*args, **more):
        if not asked:
            asked.append(True)
            view.metric = lw.Metric(" John", " Mary")
            view.interventions.add(lw.Intervention("z", layer=3, head=2))
        return real(*args, **more)

    monkeypatch.setattr(live, "first_picture", slow)
    Page(view).asks({"id": 1, "method": "run", "params": {"prompt": OTHER}})
    drain(view)
    drain(view)
    assert view.run["prompt"] == OTHER and view.shown == "changed" and is_settled(view)
    assert (view.metric.target, len(view.interventions), view.measured["target"]["text"]) == (" John", 1, " John")


def test_a_prompt_that_is_stopped_while_its_picture_is_made_leaves_the_run_before_with_its_sweeps(view, monkeypatch):
    real = live.first_picture

    def stopped(*args, **more):
        view.stop()
        return real(*args, **more)

    monkeypatch.setattr(live, "first_picture", stopped)
    Page(view).asks({"id": 1, "method": "run", "params": {"prompt": OTHER}})
    drain(view)
    assert view.status["state"] == "stopped" and view.run["prompt"] == PROMPT and is_settled(view)
    np.testing.assert_allclose(swept(view, "ablation_effect"), lw.ablate(view.capture, METRIC).effect.values, atol=1e-5)


def test_a_changed_run_that_is_stopped_takes_its_change_back_and_says_so(view, held):
    gate, entered = held
    view.interventions.add(lw.Intervention("z", layer=3, head=2))
    assert entered.wait(60)
    Page(view).asks({"id": 1, "method": "stop", "params": {}})
    gate.set()
    drain(view)
    assert is_settled(view) and view.shown == "clean"
    assert not view.changes[0]["on"] and "stopped" in view.changes[0]["failed"]


def test_a_changed_run_that_fails_takes_its_change_back_and_says_why(view, monkeypatch):
    def no_room(*args, **more):
        raise MemoryError("no room")

    monkeypatch.setattr(exhibits, "intervene", no_room)
    entry = view.interventions.add(lw.Intervention("z", layer=3, head=2))
    drain(view)
    assert is_settled(view) and not entry.on and "no room" in entry.failed


def test_a_change_that_is_made_while_a_prompt_fails_is_made_in_the_run_that_stays(view):
    gate = threading.Event()

    def fails(progress, cancelled):
        assert gate.wait(60)
        raise ValueError("no such prompt")

    view.runner.start(fails, "a prompt")
    view.interventions.add(lw.Intervention("z", layer=1))
    gate.set()
    drain(view)
    drain(view)
    assert view.shown == "changed" and is_settled(view)


def test_effects_in_the_second_prompt_are_measured_anew_where_the_metric_has_another_partner(view):
    change = lw.Intervention("z", layer=3, head=2)
    view.compare(LONGER)
    entry = view.interventions.add(change, run="second")
    drain(view)
    view.align([(0, 0), (13, 5)])
    drain(view)
    expected = lw.effect_of(view.second, lw.Metric(" Mary", " John", 5), change).effect
    assert entry.effect == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("unlike", ["changed", "detached", "no partner"])
def test_where_nothing_can_be_patched_it_is_said_and_no_field_of_it_is_there(view, demo, other, unlike):
    if unlike == "changed":
        view.compare(lw.intervene(other, lw.Intervention("mlp_out", layer=0)))
    elif unlike == "detached":
        view.compare(demo.again(OTHER).detach())
    else:
        view.compare(other)
        view.align([(0, 0), (1, 1)])
    drain(view)
    assert view.compared["problem"] and not any(name.startswith("patching") for name in view.served.fields)
    for which in ("second", "prompts"):
        view.shown = which
        drain(view)
        assert is_settled(view) and view.shown == which


def test_runs_of_models_with_other_words_are_compared_but_for_their_words(view):
    view.compare(lw.capture(build("gpt2"), prompt_ids(14)))
    view.shown = "prompts"
    drain(view)
    assert is_settled(view) and not {"next_token", "logit_lens"} & set(view.served.fields)
    for field in view.served.fields.values():
        field.read()


def test_an_array_of_the_first_prompt_is_not_shown_of_the_second(view):
    view.add(np.ones((4, view.capture.n_tokens), np.float32), name="mine", dims=("layer", "position"))
    view.compare(LONGER)
    view.interventions.add(lw.Intervention("z", layer=1))
    drain(view)
    assert "mine" in view.served.fields
    view.shown = "second"
    drain(view)
    assert is_settled(view) and "mine" not in view.served.fields


@pytest.mark.parametrize("given", [None, 3, "z", [lw.Intervention("z", layer=1), "x"]])
def test_changes_that_are_none_are_refused_in_words_and_the_list_stays(view, given):
    view.interventions = lw.Intervention("z", layer=1)
    with pytest.raises(TypeError, match=r"expected (an lw\.)?Intervention"):
        view.interventions = given
    assert [entry["words"] for entry in view.changes] == ["z of every head in layer 1 set to zero"]


def test_changes_of_a_view_can_be_given_to_another(view, demo):
    view.interventions.add(lw.Intervention("z", layer=1), name="a")
    second = lw.Inspector(demo)
    second.interventions = view.interventions
    assert [entry.intervention for entry in second.interventions] == [entry.intervention for entry in view.interventions]
    second.close()


def test_the_page_is_told_of_switches_and_names_in_their_own_kinds(view):
    entry = view.interventions.add(lw.Intervention("z", layer=1), name=5, on="yes")
    assert (view.changes[0]["on"], view.changes[0]["name"]) == (True, "5")
    entry.name = None
    assert view.changes[0]["name"] == ""


def test_a_patch_from_the_first_prompt_is_switched_off_when_that_prompt_goes(view, demo, other):
    view.compare(other)
    view.inquiry.add_patch("denoise", layer=1, position=4, head=None)
    drain(view)
    assert view.changes[0]["on"] and view.shown == "second_changed"
    view.show_capture(demo.again("The keys to the cabinet"))
    drain(view)
    assert not view.changes[0]["on"] and "first prompt that was there" in view.changes[0]["failed"] and is_settled(view)


def test_the_epoch_that_is_shown_is_answered_for_also_while_its_difference_is_made_anew(view):
    view.interventions.add(lw.Intervention("z", layer=1))
    view.shown = "difference"
    drain(view)
    told = []
    view.observe(lambda change: told.append(change.new), "run")
    view.metric = lw.Metric(" John", " Mary")
    drain(view)
    assert told and all(run["epoch"] in run["live"] for run in told)
    assert view.run["shown"]["before"] == pytest.approx(view.measured["value"]) and is_settled(view)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_prompts_are_measured_at_their_last_token_and_patched_where_both_are_padded_alike(side):
    model = build("gpt2")

    def padded(seed: int) -> BatchEncoding:
        mask = torch.ones(1, 12, dtype=torch.long)
        mask[0, slice(0, 3) if side == "left" else slice(9, 12)] = 0
        return BatchEncoding({"input_ids": prompt_ids(12, seed)[None], "attention_mask": mask})

    run = lw.capture(model, padded(1))
    view = lw.Inspector(run, compare=run.again(padded(4)))
    drain(view)
    at = 11 if side == "left" else 8
    assert view.measured["position"] == at and view.measured["target"]["id"] == int(run.logits[at].argmax())
    assert view.compared["problem"] is None and "patching_noise" in view.served.fields
    np.testing.assert_allclose(swept(view, "ablation_effect"), lw.ablate(run, view.metric).effect.values, atol=1e-5)
    view.close()
