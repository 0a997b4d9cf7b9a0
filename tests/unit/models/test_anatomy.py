"""The probe finds what each block is made of, by following the stream and not by name."""

from __future__ import annotations

import pytest

from llmwidgets.models import anatomy as anatomy_module
from llmwidgets.models.anatomy import Anatomy, anatomy_of
from llmwidgets.models.twin import make_twin
from tests.architectures import PARALLEL, REPLAYED, WITH_ATTENTION, build


def examined(name: str) -> Anatomy:
    model = build(name)
    return anatomy_of(model, make_twin(model))


@pytest.mark.parametrize(
    "name, expression",
    [
        ("gpt2", "attn + x + mlp"),
        ("llama", "x + self_attn + mlp"),
        ("gemma2", "x + post_attention_layernorm[self_attn] + post_feedforward_layernorm[mlp]"),
        ("olmo2", "x + post_attention_layernorm[self_attn] + post_feedforward_layernorm[mlp]"),
        ("granite", "x + 0.22*self_attn + 0.22*mlp"),
        ("gpt_neox", "mlp + attention + x"),
        ("opt", "x + self_attn + fc2"),
        ("bloom", "x + self_attention.dense + mlp.dense_4h_to_h"),
        ("openai-gpt", "ln_2[ln_1[x + attn] + mlp]"),
        ("mamba", "x + mixer"),
    ],
)
def test_a_block_is_read_as_what_it_adds_to_the_stream(name: str, expression: str) -> None:
    assert {block.expression for block in examined(name).blocks} == {expression}


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_every_block_s_attention_and_its_output_projection_are_found(name: str) -> None:
    for block in examined(name).blocks:
        assert block.n_heads == 4
        assert block.n_attentions == 1
        assert block.via_interface == (name not in REPLAYED)
        assert block.output_projection is not None and block.output_projection.startswith(str(block.attention))
        assert block.is_additive and len(block.mixer_terms) == len(block.mlp_terms) == 1
        assert block.has_middle == (name not in PARALLEL)


def test_an_addition_in_place_is_noticed() -> None:
    assert examined("falcon").mutated == {f"transformer.h.{layer}.mlp" for layer in range(3)}
    assert examined("gpt2").mutated == frozenset()


def test_the_probe_runs_once_per_model_and_again_when_its_modules_change(monkeypatch: pytest.MonkeyPatch) -> None:
    model, runs = build("gpt2"), []
    probe = anatomy_module.probe
    monkeypatch.setattr(anatomy_module, "probe", lambda *args: runs.append(1) or probe(*args))
    first = anatomy_of(model, make_twin(model))
    assert anatomy_of(model, make_twin(model)) is first
    assert len(runs) == 1
    del model.transformer.h[2]
    assert len(anatomy_of(model, make_twin(model)).blocks) == 2
    assert len(runs) == 2
