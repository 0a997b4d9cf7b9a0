"""What must be computed with the model is refused once the model has changed; what was kept stays readable."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from llmwidgets.capture import Capture, capture
from llmwidgets.models.errors import DetachedError, ModelChangedError
from tests.architectures import build, prompt_ids


def refused(run: Capture) -> None:
    with pytest.raises(ModelChangedError, match=r"the model has changed since this capture.*Capture again"):
        assert run.logits is None
    with pytest.raises(ModelChangedError):
        run.read_out(run["resid_post", 0])
    with pytest.raises(ModelChangedError):
        run["mlp_pre", 0]
    assert run.pattern(1).shape == (4, 24, 24)
    assert run["resid_post", 2].shape == (24, 64)


def test_an_optimizer_step_is_noticed() -> None:
    model = build("gpt2")
    run = capture(model, prompt_ids())
    model(input_ids=prompt_ids()[None], labels=prompt_ids()[None]).loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    refused(run)


def test_a_change_through_data_is_noticed() -> None:
    model = build("gpt2")
    run = capture(model, prompt_ids())
    model.transformer.h[1].mlp.c_fc.weight.data.mul_(1.5)
    refused(run)


def test_another_parameter_in_its_place_is_noticed() -> None:
    model = build("gpt2")
    run = capture(model, prompt_ids())
    model.transformer.ln_f.weight = torch.nn.Parameter(model.transformer.ln_f.weight.detach().clone())
    with pytest.raises(ModelChangedError, match=r"1 parameter\(s\), first 'transformer.ln_f.weight'"):
        assert run.logits is None


def test_a_pattern_that_needs_the_model_is_refused_and_one_that_does_not_is_given() -> None:
    model = build("bloom")
    run = capture(model, prompt_ids())
    with torch.no_grad():
        model.transformer.h[0].mlp.dense_h_to_4h.weight.add_(1)
    with pytest.raises(ModelChangedError):
        run.pattern(0)


def test_the_same_prompt_can_be_captured_again_after_a_change() -> None:
    model = build("gpt2")
    run = capture(model, prompt_ids())
    with torch.no_grad():
        model.transformer.h[0].attn.c_attn.weight.mul_(2)
    later = run.again(prompt_ids())
    assert later.integrity.ok
    assert later.fingerprint != run.fingerprint
    assert not torch.equal(later.pattern(0), run.pattern(0))


def test_a_detached_capture_lets_go_of_the_model() -> None:
    model = build("gpt2")
    run = capture(model, prompt_ids()).detach()
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert run.pattern(0).shape == (4, 24, 24)
    for ask in (lambda: run.logits, lambda: run.again([1]), lambda: run["mlp_pre", 0]):
        with pytest.raises(DetachedError, match="needs the model, which this capture has let go of"):
            ask()


def test_a_capture_that_is_gone_lets_go_of_the_model_too() -> None:
    model = build("llama")
    run = capture(model, prompt_ids())
    gone = weakref.ref(model)
    del model, run
    gc.collect()
    assert gone() is None


def test_the_fingerprint_is_of_model_and_prompt() -> None:
    run = capture(build("gpt2"), prompt_ids())
    assert run.fingerprint == capture(build("gpt2"), prompt_ids()).fingerprint
    assert run.fingerprint != run.again(prompt_ids(seed=2)).fingerprint
    assert run.fingerprint != capture(build("gpt2", activation_function="relu"), prompt_ids()).fingerprint
