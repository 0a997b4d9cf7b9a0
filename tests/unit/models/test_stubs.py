"""Stubbed blocks hand on a stream instead of running, and are themselves again afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from llmwidgets.models.anatomy import anatomy_of
from llmwidgets.models.stubs import stubbed
from llmwidgets.models.twin import make_twin
from tests.architectures import CAUSES, build, prompt_ids

IDS = prompt_ids(8)


def blocks(model: Any) -> Any:
    """The list of blocks, found by its length."""
    return next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList) and len(module) == 3)


@pytest.mark.parametrize("n_blocks", [0, 1, 2, 3])
@pytest.mark.parametrize("name", [*CAUSES, "bloom", "gpt_bigcode"])
@torch.no_grad()
def test_blocks_that_hand_on_the_clean_stream_change_nothing_and_do_not_run(name: str, n_blocks: int) -> None:
    model = build(name, torch.float64)
    clean = model(input_ids=IDS[None]).logits
    anatomy = anatomy_of(model, make_twin(model))
    handed, ran, got = [], [], []
    hooks = []
    for index, block in enumerate(blocks(model)):
        hooks.append(block.register_forward_hook(lambda m, a, out: handed.append((out[0] if isinstance(out, tuple) else out).clone())))
        inside = next(module for module in block.modules() if isinstance(module, torch.nn.Linear) or "Conv1D" in type(module).__name__)
        hooks.append(inside.register_forward_hook(lambda m, a, out, index=index: ran.append(index)))
    model(input_ids=IDS[None])
    for hook in hooks[::2]:
        hook.remove()
    streams, ran[:] = list(handed), []

    def hand_on(given: Tensor | None) -> Tensor:
        got.append(given)
        return streams[len(got) - 1]

    with stubbed(model, anatomy, n_blocks, hand_on):
        assert torch.allclose(model(input_ids=IDS[None]).logits, clean, rtol=0, atol=1e-12)
    assert ran == list(range(n_blocks, 3))
    assert len(got) == n_blocks
    for before, given in zip(streams, got[1:], strict=False):
        assert torch.equal(given, before)  # each block is given what the one before it handed on
    for hook in hooks:
        hook.remove()


def test_forwards_are_put_back_as_they_were_also_after_an_error() -> None:
    model = build("llama")
    anatomy = anatomy_of(model, make_twin(model))
    calls: list[str] = []
    first, second = blocks(model)[0], blocks(model)[1]
    original = first.forward

    def own(*args: Any, **kwargs: Any) -> Any:  # as accelerate does
        calls.append("own")
        return original(*args, **kwargs)

    first.forward = own

    def fail(given: Tensor | None) -> Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), stubbed(model, anatomy, 2, fail):
        assert "forward" in second.__dict__
        model(input_ids=IDS[None])
    assert first.__dict__["forward"] is own
    assert "forward" not in second.__dict__
    with torch.no_grad(), stubbed(model, anatomy, 1, lambda given: given):  # type: ignore[return-value, arg-type]
        model(input_ids=IDS[None])
    assert calls == []
    model(input_ids=IDS[None])
    assert calls == ["own"]


@torch.no_grad()
def test_a_stream_of_more_rows_than_came_in_goes_through_the_blocks_that_run() -> None:
    model = build("llama", torch.float64)
    anatomy = anatomy_of(model, make_twin(model))
    clean = model(input_ids=IDS[None]).logits
    stream = {}
    hook = blocks(model)[0].register_forward_hook(lambda m, a, out: stream.update(after=out))
    model(input_ids=IDS[None])
    hook.remove()
    with stubbed(model, anatomy, 1, lambda given: stream["after"].expand(3, -1, -1)):
        logits = model(input_ids=IDS[None]).logits
    assert torch.allclose(logits, clean.expand(3, -1, -1), rtol=0, atol=1e-12)
