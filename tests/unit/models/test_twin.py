"""A twin shares every tensor with its model and nothing else."""

from __future__ import annotations

import pytest
import torch

from llmwidgets.models.twin import make_twin
from tests.architectures import WITH_ATTENTION, build, prompt_ids


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_a_twin_shares_all_tensors_no_module_and_says_the_same(name: str) -> None:
    model = build(name)
    twin = make_twin(model)
    assert twin.is_copy
    assert {id(t) for t in twin.module.parameters()} == {id(t) for t in model.parameters()}
    assert {id(t) for t in twin.module.buffers()} == {id(t) for t in model.buffers()}
    assert not {id(m) for m in twin.module.modules()} & {id(m) for m in model.modules()}
    assert twin.module.config is not model.config
    ids = prompt_ids()[None]
    with twin.ready() as module, torch.no_grad():
        assert torch.equal(module(input_ids=ids).logits, model(input_ids=ids).logits)


def test_a_twin_is_in_eval_mode_whatever_the_model_is_in() -> None:
    model = build("gpt2").train()
    with make_twin(model).ready() as module:
        assert not any(part.training for part in module.modules())
        assert not torch.is_grad_enabled()
    assert all(part.training for part in model.modules())


def test_a_twin_is_asked_for_no_attentions_even_where_the_model_is() -> None:
    model = build("gpt2", attention="eager")
    model.config.output_attentions = True
    with make_twin(model).ready() as module:
        assert module(input_ids=prompt_ids()[None]).attentions is None
    assert model.config.output_attentions is True


def test_a_hook_that_makes_a_weight_goes_along() -> None:
    model = build("llama")
    torch.nn.utils.spectral_norm(model.model.layers[0].mlp.down_proj)
    model.eval()
    with torch.no_grad():
        expected = model(input_ids=prompt_ids()[None]).logits
    with make_twin(model).ready() as module:
        assert torch.equal(module(input_ids=prompt_ids()[None]).logits, expected)
