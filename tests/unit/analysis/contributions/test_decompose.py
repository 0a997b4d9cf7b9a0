"""The final residual stream is the sum of its parts, and each part is what the model's own modules wrote."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llmwidgets.analysis.contributions.decompose import decompose
from llmwidgets.capture import capture
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import CAUSES, CONFIGURATIONS, MASKED, build, prompt_ids
from tests.unit.analysis.contributions.runs import IDS, N, captured, given, model, seen

pytestmark = pytest.mark.usefixtures("floats_stay_double")


def close(left: object, right: torch.Tensor) -> None:
    torch.testing.assert_close(torch.as_tensor(np.asarray(left)), right.detach(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [*CONFIGURATIONS, *MASKED])
def test_the_parts_sum_to_the_final_residual_stream(name: str) -> None:
    run = captured(name)
    parts = decompose(run, [0, 5, -1])
    close(parts.sum("part"), run["resid_post", -1][[0, 5, N - 1]])
    assert parts.attrs["closing_error"] < 1e-12
    assert parts.position.values.tolist() == [0, 5, N - 1]


@pytest.mark.parametrize("name", CAUSES)
def test_every_head_and_every_mlp_is_a_part(name: str) -> None:
    parts = decompose(captured(name))
    heads = parts.where(parts.kind == "head", drop=True)
    pairs = {(int(layer), int(head)) for layer, head in zip(heads.layer, heads["head"], strict=True)}
    assert pairs == {(layer, head) for layer in range(3) for head in range(4)}
    assert {int(layer) for layer, kind in zip(parts.layer, parts.kind, strict=True) if kind == "mlp"} == {0, 1, 2}
    assert len(set(parts.part.values)) == len(parts.part)


def test_gpt2_s_parts_are_what_its_modules_wrote() -> None:
    own, parts = model("gpt2").transformer, decompose(captured("gpt2"), range(N))
    close(parts.sel(part="embed"), own.wte(IDS))
    close(parts.sel(part="position embed"), own.wpe(torch.arange(N)))
    close(parts.sel(part="mlp 1"), seen("gpt2", "transformer.h.1.mlp"))
    close(parts.sel(part="bias 2"), own.h[2].attn.c_proj.bias.expand(N, -1))
    z = given("gpt2", "transformer.h.2.attn.c_proj").reshape(N, 4, 16)
    for head in range(4):
        close(parts.sel(part=f"head 2.{head}"), z[:, head] @ own.h[2].attn.c_proj.weight[16 * head : 16 * head + 16])


def test_heads_that_share_values_write_their_own_patterns_of_them() -> None:
    run = captured("llama")
    parts, values, weight = decompose(run, range(N)), run["v", 1], model("llama").model.layers[1].self_attn.o_proj.weight
    for head in range(4):
        moved = run.pattern(1, head) @ values[head // 2]
        close(parts.sel(part=f"head 1.{head}"), moved @ weight[:, 16 * head : 16 * head + 16].T)


def test_a_multiplier_scales_what_is_written() -> None:
    close(decompose(captured("granite"), range(N)).sel(part="mlp 0"), 0.22 * seen("granite", "model.layers.0.mlp"))


def test_a_part_goes_through_a_sandwich_norm_at_its_actual_scale() -> None:
    run, block = captured("gemma2"), model("gemma2").model.layers[1]
    norm, whole = block.post_attention_layernorm, given("gemma2", "model.layers.1.post_attention_layernorm")
    scale = (whole.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt()
    z = given("gemma2", "model.layers.1.self_attn.o_proj").reshape(N, 4, 16)
    part = z[:, 3] @ block.self_attn.o_proj.weight[:, 48:64].T
    close(decompose(run, range(N)).sel(part="head 1.3"), part / scale * (1 + norm.weight))


def test_a_part_goes_through_both_norms_of_every_later_post_norm_block() -> None:
    parts, blocks = decompose(captured("bert"), range(N)), model("bert").bert.encoder.layer
    part = seen("bert", "bert.encoder.layer.1.output.dense")
    for path, norm in [
        ("bert.encoder.layer.1.output.LayerNorm", blocks[1].output.LayerNorm),
        ("bert.encoder.layer.2.attention.output.LayerNorm", blocks[2].attention.output.LayerNorm),
        ("bert.encoder.layer.2.output.LayerNorm", blocks[2].output.LayerNorm),
    ]:
        sigma = (given("bert", path).var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
        part = (part - part.mean(-1, keepdim=True)) / sigma * norm.weight
    close(parts.sel(part="mlp 1"), part)
    last = blocks[2].attention.output.LayerNorm.bias
    sigma = (given("bert", "bert.encoder.layer.2.output.LayerNorm").var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    close(parts.sel(part="norm bias 2"), (last - last.mean()) / sigma * norm.weight + norm.bias)


def test_a_block_without_attention_has_one_mixer() -> None:
    kinds = dict(zip(*(decompose(captured("lfm2"))[name].values for name in ("part", "kind")), strict=True))
    assert kinds["mixer 0"] == kinds["mixer 2"] == "mixer"
    assert "head 1.0" in kinds and "head 0.0" not in kinds


def test_the_parts_read_out_together_are_the_logits() -> None:
    run = captured("gemma2")
    whole = torch.as_tensor(decompose(run, [3]).sum("part").values)
    torch.testing.assert_close(run.read_out(whole)[0], run.logits[3], rtol=1e-9, atol=1e-9)


def test_too_much_at_once_is_refused_with_what_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmwidgets.analysis.contributions.decompose.MOST_BYTES", 20_000)
    with pytest.raises(MemoryError, match=r"23 parts at 12 positions weigh .* ask for at most 3 positions at once"):
        decompose(captured("gpt2"), range(N))


def test_a_position_outside_is_refused() -> None:
    with pytest.raises(IndexError, match="position 12 is outside this run, which has 12"):
        decompose(captured("gpt2"), [0, N])


class Gated(torch.nn.Module):
    """A block whose input is multiplied by something of its own."""

    def __init__(self, block: torch.nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, hidden_states: torch.Tensor, **options: object) -> torch.Tensor:
        gave = self.block(hidden_states, **options)
        return (gave[0] if isinstance(gave, tuple) else gave) * torch.sigmoid(hidden_states)


def test_a_block_that_multiplies_its_stream_is_refused() -> None:
    gated = build("llama", torch.float64)
    gated.model.layers[1] = Gated(gated.model.layers[1])
    with pytest.raises(UndefinedHereError, match=r"block 1 .* does not show how its output is made of its input by additions and norms"):
        decompose(capture(gated, prompt_ids(6)))


class Stored(torch.nn.Linear):
    """A linear layer that keeps its weights as small integers, as a quantised one does."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows @ (self.codes.double() / 100).T

    codes: torch.Tensor


def test_heads_behind_a_quantised_projection_are_told_apart_by_asking_it() -> None:
    quantised = build("llama", torch.float64)
    attention = quantised.model.layers[1].self_attn
    stored = Stored(64, 64, bias=False)
    stored.codes = (100 * attention.o_proj.weight.detach()).round().to(torch.int8)
    attention.o_proj = stored
    run = capture(quantised, prompt_ids(6))
    parts = decompose(run)
    assert parts.attrs["closing_error"] < 1e-12
    z = run["z", 1][2, -1]
    close(parts.sel(part="head 1.2").values[0], z @ (stored.codes[:, 32:48].double() / 100).T)
