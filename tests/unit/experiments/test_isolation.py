"""Sweeps leave the user's model as it was, and the twin too, however they end."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from transformers.modeling_utils import AttentionInterface

from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.replacement import Replacement
from llmwidgets.experiments.sweep import sweep
from llmwidgets.models.errors import (
    CaptureStopped,
)
from tests.architectures import build, prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import N

IDS, OTHER = prompt_ids(N), prompt_ids(N, seed=5)
METRIC = Metric(10, 20)
HEADS = [Intervention("z", layer, head) for layer in range(3) for head in range(4)]


def state(model: nn.Module) -> dict[str, Any]:
    """Everything of a model that a careless experiment could leave changed."""
    return {
        "modules": [(name, id(module), module.training, dict(module.__dict__).get("forward")) for name, module in model.named_modules()],
        "attributes": [sorted(module.__dict__) for module in model.modules()],
        "hooks": [(list(module._forward_hooks), list(module._forward_pre_hooks)) for module in model.modules()],
        "config": (model.config.to_dict(), model.config._attn_implementation),
        "parameters": [(id(p), p._version, p.requires_grad, p.grad) for p in model.parameters()],
        "get_interface": AttentionInterface.get_interface,
        "grad": torch.is_grad_enabled(),
    }


def changes_of_every_kind(other: Capture) -> list[Intervention]:
    put = Replacement.other(other)
    sites = ("z", "attn_out", "mlp_out", "resid_pre", "resid_mid", "resid_post", "q", "k", "v", "pattern", "mlp_post")
    return [*(Intervention(site, 1, replacement=put) for site in sites), Intervention("scores", 2, position=5, key=3)]


@pytest.mark.parametrize("name", ["gpt2", "llama", "bloom"])
def test_a_sweep_leaves_the_model_and_its_twin_as_they_were(name: str) -> None:
    model = build(name, torch.float64).train()
    if name == "gpt2":
        model.transformer.h[0].register_forward_hook(lambda *_: None)  # the user's own
    with pytest.warns(UserWarning, match="hook") if name == "gpt2" else nullcontext():
        run, other = capture(model, IDS), capture(model, OTHER)
    twin = run.bench("a test").twin.module
    before = state(model), state(twin)
    changes = changes_of_every_kind(other) if name != "bloom" else HEADS
    assert len(list(sweep(run, changes, METRIC, known=[other]))) == len(changes)
    assert (state(model), state(twin)) == before


def test_a_model_that_cannot_be_copied_is_used_itself_and_left_as_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = capture(plain.model("llama"), IDS)
    other = run.again(OTHER)
    wanted = {outcome.index: outcome.after for outcome in sweep(run, changes_of_every_kind(other), METRIC, known=[other])}
    monkeypatch.setattr("llmwidgets.models.twin._can_be_copied", lambda model: False)
    model = build("llama", torch.float64).train()
    run, other = capture(model, IDS), capture(model, OTHER)
    assert run.bench("a test").twin.module is model
    before = state(model)
    outcomes = sweep(run, changes_of_every_kind(other), METRIC, known=[other], tokens_at_once=N)
    found = {}
    for outcome in outcomes:
        found[outcome.index] = outcome.after
        assert state(model) == before  # also between two passes
    for index, after in wanted.items():
        assert found[index] == pytest.approx(after, abs=1e-10)


def test_the_users_model_can_run_in_another_thread_meanwhile() -> None:
    model = build("llama", torch.float64)
    run, other = capture(model, IDS), capture(model, OTHER)
    clean, seen, stop = plain.logits(model, IDS), [], threading.Event()

    def use() -> None:
        while not stop.is_set():
            seen.append(plain.logits(model, IDS))

    user = threading.Thread(target=use)
    user.start()
    try:
        for _ in sweep(run, changes_of_every_kind(other), METRIC, known=[other], tokens_at_once=N):
            pass
    finally:
        stop.set()
        user.join()
    assert seen and all(float((logits - clean).abs().max()) < 1e-5 for logits in seen)  # a thread of its own keeps no casts to float64


@pytest.mark.parametrize("at", ["editor.write_heads", "editor.write_stream", "looks.write_inside", "looks.AttentionEditor.after_attention"])
def test_after_an_error_in_the_middle_nothing_has_changed(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("llama", torch.float64)
    run = capture(model, IDS)
    twin = run.bench("a test").twin.module
    before = state(model), state(twin)

    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("in the middle")

    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(f"llmwidgets.experiments.{at}", fail)
        list(sweep(run, [*HEADS, Intervention("q", 1), Intervention("attn_out", 1)], METRIC))
    assert (state(model), state(twin)) == before
    assert len(list(sweep(run, HEADS, METRIC))) == 12


def test_a_sweep_that_is_not_read_to_its_end_leaves_nothing_behind() -> None:
    model = build("llama", torch.float64)
    run = capture(model, IDS)
    before = state(model), state(run.bench("a test").twin.module)
    outcomes = sweep(run, HEADS, METRIC, tokens_at_once=N)
    next(outcomes)
    assert (state(model), state(run.bench("a test").twin.module)) == before
    del outcomes
    assert (state(model), state(run.bench("a test").twin.module)) == before


@pytest.mark.parametrize("after", [1, 2, 5])
def test_cancelled_in_the_middle_what_was_found_stays_good_and_the_model_is_untouched(after: int) -> None:
    model = build("llama", torch.float64)
    run = capture(model, IDS)
    wanted = {outcome.index: outcome.after for outcome in sweep(run, HEADS, METRIC)}
    before = state(model), state(run.bench("a test").twin.module)
    found: dict[int, dict[str, float]] = {}
    with pytest.raises(CaptureStopped, match="stopped"):
        for outcome in sweep(run, HEADS, METRIC, cancelled=lambda: len(found) >= after, tokens_at_once=N):
            found[outcome.index] = outcome.after
    assert len(found) == after
    for index, values in found.items():
        assert values == pytest.approx(wanted[index], abs=1e-12)
    assert (state(model), state(run.bench("a test").twin.module)) == before
