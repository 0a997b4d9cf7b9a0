"""A capture never touches the user's model: not its hooks, its config, its flags, nor another thread's forward."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers.modeling_utils import AttentionInterface

from llmwidgets.capture import capture
from llmwidgets.capture.bench import Bench
from llmwidgets.capture.recorder import Recorder
from llmwidgets.models.errors import CaptureStopped
from tests.architectures import CORE, build, prompt_ids

get_interface = AttentionInterface.get_interface


def state(model: nn.Module) -> dict[str, Any]:
    """Everything of a model that a careless capture could leave changed."""
    return {
        "modules": [(name, id(module), module.training, set(module.__dict__)) for name, module in model.named_modules()],
        "hooks": [
            (name, list(module._forward_hooks.items()), list(module._forward_pre_hooks.items())) for name, module in model.named_modules()
        ],
        "config": (model.config.to_dict(), model.config._attn_implementation),
        "parameters": [(id(p), p._version, p.requires_grad, p.grad) for p in model.parameters()],
        "get_interface": AttentionInterface.get_interface,
        "grad": torch.is_grad_enabled(),
    }


@pytest.mark.parametrize("name", CORE)
def test_a_capture_and_its_reads_leave_the_model_as_it_was(name: str) -> None:
    model = build(name).train()
    before = state(model)
    run = capture(model, prompt_ids())
    assert run.pattern(1).shape == (4, 24, 24)
    assert run.logits.shape == (24, 200)
    assert state(model) == before


@pytest.mark.parametrize("at", ["first block", "last block", "final norm", "check"])
@pytest.mark.parametrize("name", CORE)
def test_after_an_exception_in_the_middle_nothing_has_changed(name: str, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(name)
    capture(model, prompt_ids(4))  # the probe is not what fails
    before = state(model)

    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("in the middle")

    progress: Callable[..., None] | None = None
    if at == "check":
        monkeypatch.setattr(Bench, "read_out", fail)
    elif at == "final norm":
        monkeypatch.setattr(Recorder, "_keep_final_norm", fail)
    else:
        layer = 0 if at == "first block" else 2

        def progress(done: int, total: int, what: str) -> None:
            if done == layer:
                fail()

    with pytest.raises(ZeroDivisionError):
        capture(model, prompt_ids(), progress=progress)
    assert state(model) == before
    monkeypatch.undo()
    assert capture(model, prompt_ids()).integrity.ok


def test_a_capture_can_be_stopped_before_each_block() -> None:
    model, seen = build("gpt2"), []
    before = state(model)
    with pytest.raises(CaptureStopped, match="before layer 2 of 3"):
        capture(model, prompt_ids(), progress=lambda *said: seen.append(said), cancelled=lambda: len(seen) == 2)
    assert seen == [(0, 3, "layer 0"), (1, 3, "layer 1")]
    assert state(model) == before


def test_a_user_s_hooks_stay_and_are_not_run_by_the_capture() -> None:
    model, heard = build("llama"), []
    handle = model.model.layers[1].register_forward_hook(lambda *args: heard.append(1))
    with pytest.warns(UserWarning, match=r"carries 1 hook\(s\) of its user's"):
        assert capture(model, prompt_ids()).logits.shape == (24, 200)
    assert heard == []
    model(input_ids=prompt_ids()[None])
    assert heard == [1]
    handle.remove()


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gptj"])
def test_another_thread_s_forward_is_bit_equal_to_one_alone(name: str) -> None:
    model, ids = build(name), prompt_ids(40, seed=3)[None]
    with torch.no_grad():
        alone = model(input_ids=ids).logits
    started, done, different = threading.Event(), threading.Event(), []

    def forwards() -> None:
        with torch.no_grad():
            while not done.is_set():
                if not torch.equal(model(input_ids=ids).logits, alone):
                    different.append(True)
                started.set()

    other = threading.Thread(target=forwards)
    other.start()
    try:
        assert started.wait(timeout=60)
        for seed in range(4):
            run = capture(model, prompt_ids(24, seed))
            assert run.read_out(run["resid_post", 0]).shape == (24, 200)
            assert run.pattern(2).shape == (4, 24, 24)
            assert run["mlp_post", 0].shape[0] == 24
    finally:
        done.set()
        other.join()
    assert different == []
    assert AttentionInterface.get_interface is get_interface


def test_captures_of_one_model_in_several_threads_are_those_made_one_by_one() -> None:
    model = build("gpt2")
    prompts = [prompt_ids(20, seed) for seed in range(4)]
    expected = [capture(model, ids).pattern(2) for ids in prompts]
    found: dict[int, torch.Tensor] = {}

    def run(index: int) -> None:
        found[index] = capture(model, prompts[index]).pattern(2)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[index], expected[index]) for index in range(4))
    assert AttentionInterface.get_interface is get_interface


def test_reads_of_one_capture_from_several_threads_agree() -> None:
    run = capture(build("gptj"), prompt_ids())
    logits, pattern, wrong = run.logits, run.pattern(1), []

    def read() -> None:
        for _ in range(5):
            if not (torch.equal(run.logits, logits) and torch.equal(run.pattern(1), pattern)):
                wrong.append(True)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_model_that_cannot_be_copied_is_used_itself_and_left_as_found() -> None:
    model = build("llama").train()
    model.model.layers[0].register_buffer("cannot", torch.zeros(1))
    model.lock = threading.Lock()  # what deepcopy refuses
    before = state(model)
    with pytest.warns(UserWarning, match="cannot be copied"):
        run = capture(model, prompt_ids())
    assert run.integrity.ok
    assert run.logits.shape == (24, 200)
    with pytest.warns(UserWarning), pytest.raises(CaptureStopped):
        capture(model, prompt_ids(), cancelled=lambda: True)
    assert state(model) == before


def test_a_compiled_model_is_captured_through_its_plain_modules() -> None:
    plain = build("llama")
    calls = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            calls.append(1)
            return graph.forward(*args)

        return counted

    compiled = torch.compile(plain, backend=backend)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = capture(compiled, prompt_ids())
    assert calls == []
    assert run.integrity.ok
    torch.testing.assert_close(run.pattern(1), capture(plain, prompt_ids()).pattern(1), rtol=0, atol=0)
