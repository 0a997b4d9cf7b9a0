"""What is added to the stream adds up, and the end of the stream read out is what the model says."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from llmwidgets.capture import Capture, capture
from llmwidgets.models.errors import ActivationUnavailableError
from tests.architectures import CONFIGURATIONS, PARALLEL, WITH_ATTENTION, build, prompt_ids

N_TOKENS = 24


@cache
def captured(name: str) -> Capture:
    return capture(build(name, torch.float64), prompt_ids(N_TOKENS))


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_before_plus_attention_plus_mlp_is_after(name: str) -> None:
    run = captured(name)
    for layer in range(run.n_layers):
        total = run["resid_pre", layer] + run["attn_out", layer] + run["mlp_out", layer]
        torch.testing.assert_close(total, run["resid_post", layer], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_each_block_takes_up_where_the_last_one_ended(name: str) -> None:
    run = captured(name)
    for layer in range(1, run.n_layers):
        assert torch.equal(run["resid_pre", layer], run["resid_post", layer - 1])


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_last_residual_read_out_is_the_logits_of_the_plain_pass(name: str) -> None:
    model = build(name)
    run = capture(model, prompt_ids(N_TOKENS))
    with torch.no_grad():
        logits = model(input_ids=prompt_ids(N_TOKENS)[None]).logits[0]
    torch.testing.assert_close(run.logits, logits, rtol=0, atol=1e-5 * float(logits.abs().max()))
    assert run.logits.shape == (N_TOKENS, run.vocab_size)


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_the_stream_equals_the_model_s_own_hidden_states(name: str) -> None:
    model = build(name, torch.float64)
    with torch.no_grad():
        hidden = model(input_ids=prompt_ids(N_TOKENS)[None], output_hidden_states=True).hidden_states
    run = captured(name)
    for layer in range(1, run.n_layers):  # the last of hidden_states is after the final norm
        torch.testing.assert_close(run["resid_pre", layer], hidden[layer][0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_the_middle_is_between_attention_and_mlp_and_parallel_blocks_have_none(name: str) -> None:
    run = captured(name)
    if name in PARALLEL:
        with pytest.raises(KeyError, match="no resid_mid in block 1: attention and MLP both read the block's input"):
            run["resid_mid", 1]
    else:
        torch.testing.assert_close(run["resid_mid", 1], run["resid_pre", 1] + run["attn_out", 1])


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gpt_neox", "falcon"])
def test_the_heads_outputs_through_the_output_projection_are_attention_s(name: str) -> None:
    model = build(name, torch.float64)
    run = captured(name)
    z = run["z", 1].transpose(0, 1).reshape(N_TOKENS, -1)
    path = {"gpt2": "transformer.h.1.attn.c_proj", "gpt_neox": "gpt_neox.layers.1.attention.dense",
            "falcon": "transformer.h.1.self_attention.dense"}.get(name, "model.layers.1.self_attn.o_proj")  # fmt: skip
    with torch.no_grad():
        out = model.get_submodule(path)(z)
        if name == "gemma2":
            out = model.model.layers[1].post_attention_layernorm(out)
    torch.testing.assert_close(run["attn_out", 1], out, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3", "gpt_neox", "gpt_oss"])
def test_the_pattern_times_the_values_is_z(name: str) -> None:
    run = captured(name)
    values = run["v", 1].repeat_interleave(run.n_heads // run["v", 1].shape[0], dim=0)
    torch.testing.assert_close(run.pattern(1) @ values, run["z", 1], rtol=0, atol=1e-7 if name == "gpt_oss" else 1e-12)


def test_the_mlp_s_inside_is_computed_again_and_is_the_model_s_own() -> None:
    model = build("gpt2", torch.float64)
    run = capture(model, prompt_ids(N_TOKENS))
    mlp = model.transformer.h[1].mlp
    with torch.no_grad():
        before = mlp.c_fc(model.transformer.h[1].ln_2(run["resid_mid", 1]))
    torch.testing.assert_close(run["mlp_pre", 1], before, rtol=0, atol=1e-12)
    torch.testing.assert_close(run["mlp_post", 1], mlp.act(before), rtol=0, atol=1e-12)


def test_the_embedding_and_the_final_norm_belong_to_the_run() -> None:
    model = build("llama", torch.float64)
    run = captured("llama")
    with torch.no_grad():
        torch.testing.assert_close(run["embed"], model.model.embed_tokens(prompt_ids(N_TOKENS)))
        torch.testing.assert_close(run["ln_final"], model.model.norm(run["resid_post", -1]), rtol=0, atol=1e-12)


def test_a_given_out_activation_is_a_copy() -> None:
    run = captured("gpt2")
    run["resid_post", 0].zero_()
    assert float(run["resid_post", 0].abs().max()) > 0


@pytest.mark.parametrize(
    "name, key, sentence",
    [
        ("gpt2", ("residual", 0), "no activation is called 'residual'; block 0 has resid_pre, resid_mid"),
        ("gpt2", "resid_post", "'resid_post' is per layer: run\\[\"resid_post\", 0\\]; it has embed, ln_final, logits"),
        ("gptj", ("q", 0), "does not use the attention interface"),
        ("mamba", ("z", 0), "block 0 has no attention"),
        ("mixtral", ("mlp_pre", 0), "mlp_pre was not found in block 0"),
        ("openai-gpt", ("resid_mid", 0), "resid_mid is not a separate addition in block 0, which computes ln_2"),
    ],
)
def test_what_a_model_does_not_have_is_refused_with_what_it_has(name: str, key: object, sentence: str) -> None:
    with pytest.raises(ActivationUnavailableError, match=sentence):
        captured(name)[key]


def test_reading_out_any_residual_takes_one_row_per_position() -> None:
    run = captured("gpt2")
    assert run.read_out(run["resid_post", 0]).shape == (N_TOKENS, run.vocab_size)
    with pytest.raises(ValueError, match=r"shape \(64,\); expected \(n, 64\)"):
        run.read_out(run["resid_post", 0][0])


def test_a_model_without_a_head_has_a_stream_but_no_logits() -> None:
    run = capture(build("gpt2").transformer, prompt_ids(N_TOKENS))
    assert run["resid_post", -1].shape == (N_TOKENS, 64)
    assert run.integrity.ok
    with pytest.raises(ActivationUnavailableError, match="no output head"):
        assert run.logits is None


def test_more_rows_than_the_context_are_read_out_in_chunks() -> None:
    run = captured("gpt2")
    rows = run["resid_post", -1].repeat(20, 1)  # 480 rows, context 128
    torch.testing.assert_close(run.read_out(rows)[-N_TOKENS:], run.logits, rtol=0, atol=1e-10)
