"""The recomputed pattern is the model's own eager attention, for any architecture and any slice."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertForMaskedLM, PreTrainedModel

from llmwidgets.capture import Capture, capture
from llmwidgets.models.errors import AttentionUnavailableError
from tests.architectures import CORE, WITH_ATTENTION, FloatsStayDouble, build, prompt_ids

N_TOKENS = 24


@cache
def captured(name: str, dtype: torch.dtype = torch.float32) -> Capture:
    with precision(dtype):
        return capture(build(name, dtype), prompt_ids(N_TOKENS))


def precision(dtype: torch.dtype) -> AbstractContextManager[Any]:
    return FloatsStayDouble() if dtype == torch.float64 else nullcontext()


def eager_attention(model: PreTrainedModel, ids: torch.Tensor) -> list[torch.Tensor]:
    """The model's own weights, a (head, query, key) per layer, from an eager run."""
    with torch.no_grad():
        output = model(input_ids=ids[None], output_attentions=True, use_cache=False)
    return [weights[0] for weights in output.attentions]


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["float32", "float64"])
@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_every_head_equals_a_separate_eager_run(name: str, dtype: torch.dtype, tolerance: float) -> None:
    run = captured(name, dtype)
    with precision(dtype):
        reference = eager_attention(build(name, dtype, attention="eager"), prompt_ids(N_TOKENS))
    assert len(reference) == run.n_layers
    for layer, weights in enumerate(reference):
        with precision(dtype):
            pattern = run.pattern(layer)
        assert pattern.shape == (run.heads_per_layer[layer], N_TOKENS, N_TOKENS)
        assert pattern.dtype == dtype
        torch.testing.assert_close(pattern, weights.to(dtype), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_rows_sum_to_one_or_the_sink_has_the_rest(name: str) -> None:
    run = captured(name, torch.float64)
    for layer in range(run.n_layers):
        with precision(torch.float64):
            total = run.pattern(layer).sum(-1) + run.sink_share(layer)
        torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


def test_a_model_with_sinks_gives_them_a_share_of_every_row() -> None:
    assert float(captured("gpt_oss").sink_share(0).min()) > 0


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_forbidden_cells_are_zero_and_allowed_ones_are_not(name: str) -> None:
    run = captured(name)
    for layer in range(run.n_layers):
        pattern, allowed = run.pattern(layer), run.allowed(layer)
        assert allowed.shape == pattern.shape
        assert float(pattern[~allowed].abs().max()) == 0.0
        assert not bool(torch.triu(allowed, diagonal=1).any())
        assert bool(allowed.diagonal(dim1=1, dim2=2).all())


def test_a_sliding_window_is_forbidden_beyond_its_reach() -> None:
    allowed = captured("mistral").allowed(0, head=0, queries=20)
    assert allowed.nonzero().flatten().tolist() == list(range(13, 21))  # the last 8, itself included


def test_layers_of_one_model_may_differ_in_their_windows() -> None:
    run = captured("gpt_oss")
    reach = [int(run.allowed(layer, head=0, queries=-1).sum()) for layer in range(3)]
    assert reach == [8, N_TOKENS, 8]


axis = st.one_of(
    st.none(),
    st.integers(-N_TOKENS, N_TOKENS - 1),
    st.slices(N_TOKENS),
    st.lists(st.integers(-N_TOKENS, N_TOKENS - 1), max_size=6),
)
heads = st.one_of(st.none(), st.integers(-4, 3), st.slices(4), st.lists(st.integers(-4, 3), max_size=5))


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(["gpt2", "mistral", "gpt_oss", "bloom", "falcon"]), head=heads, queries=axis, keys=axis)
def test_any_slice_is_the_slice_of_the_whole(name: str, head: object, queries: object, keys: object) -> None:
    run = captured(name)
    for read in (run.pattern, run.allowed):
        whole = read(1).numpy()
        expected = whole
        for dimension, index in reversed(list(enumerate((head, queries, keys)))):
            if index is not None:
                index = list(range(whole.shape[dimension]))[index] if isinstance(index, slice) else index
                expected = expected.take(index, axis=dimension) if index != [] else expected.take([], axis=dimension)
        found = read(1, head, queries, keys)
        assert tuple(found.shape) == expected.shape
        torch.testing.assert_close(found, torch.as_tensor(expected), rtol=0, atol=1e-6)


def test_long_prompts_are_computed_in_blocks_with_the_same_result() -> None:
    model = build("mistral", torch.float64, max_position_embeddings=700, sliding_window=300)
    run = capture(model, prompt_ids(600))
    q, k = run["q", 2], run["k", 2].repeat_interleave(2, dim=0)
    back = torch.arange(600)[:, None] - torch.arange(600)
    scores = (q @ k.transpose(1, 2) / 4).masked_fill((back < 0) | (back >= 300), -torch.inf)
    reference = scores.softmax(-1)
    torch.testing.assert_close(run.pattern(2), reference, rtol=0, atol=1e-12)
    torch.testing.assert_close(run.pattern(2, 3, slice(256, 512), slice(100, 356)), reference[3, 256:512, 100:356])
    torch.testing.assert_close(run.pattern(2, [3, 0], [599, 2], range(590, 600)), reference[[3, 0]][:, [599, 2], 590:])


def test_a_tile_computes_no_more_rows_than_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    run = capture(build("gpt2", n_positions=700), prompt_ids(600))
    sizes = []
    softmax = torch.softmax
    monkeypatch.setattr(torch, "softmax", lambda scores, dim: sizes.append(scores.shape) or softmax(scores, dim=dim))
    run.pattern(1, head=0, queries=slice(256, 320), keys=slice(0, 64))
    assert sizes == [(1, 64, 320)]


@pytest.mark.parametrize(
    "arguments, error",
    [
        ((9,), "layer 9 does not exist; there are 3, 0 to 2"),
        ((0, 4), "head 4 does not exist; there are 4, 0 to 3"),
        ((0, 0, 24), "query 24 does not exist; there are 24, 0 to 23"),
        ((0, 0, 0, [0, -25]), "key -25 does not exist"),
    ],
)
def test_an_index_off_the_axis_is_refused_with_its_size(arguments: tuple[object, ...], error: str) -> None:
    with pytest.raises(IndexError, match=error):
        captured("gpt2").pattern(*arguments)


@pytest.mark.parametrize("layer", ["1", 1.0, True])
def test_an_index_that_is_no_whole_number_is_a_type_error(layer: object) -> None:
    with pytest.raises(TypeError, match=r"layer is .* expected a whole number"):
        captured("gpt2").pattern(layer)


def test_a_model_without_attention_gives_residuals_but_says_so_of_patterns() -> None:
    run = capture(build("mamba"), prompt_ids())
    assert run.heads_per_layer == (0, 0, 0)
    assert run["resid_post", 2].shape == (N_TOKENS, 64)
    with pytest.raises(AttentionUnavailableError, match=r"layer 0 has no attention.*no block of this model has any"):
        run.pattern(0)


def test_a_block_without_attention_names_the_layers_that_have_it() -> None:
    run = capture(build("lfm2"), prompt_ids())
    assert run.heads_per_layer == (0, 4, 0)
    assert run.pattern(1).shape == (4, N_TOKENS, N_TOKENS)
    with pytest.raises(ValueError, match=r"layers with attention: \[1\]"):
        run.pattern(2)


@pytest.mark.parametrize("n_tokens", [1, 2, 3])
@pytest.mark.parametrize("name", CORE)
def test_the_shortest_prompts_are_captured_too(name: str, n_tokens: int) -> None:
    run = capture(build(name), prompt_ids(n_tokens))
    reference = eager_attention(build(name, attention="eager"), prompt_ids(n_tokens))
    for layer in range(3):
        torch.testing.assert_close(run.pattern(layer), reference[layer], rtol=0, atol=1e-5)
        torch.testing.assert_close(run["resid_pre", layer] + run["attn_out", layer] + run["mlp_out", layer], run["resid_post", layer])
        assert run["z", layer].shape == (4, n_tokens, 16)
    assert run.logits.shape == (n_tokens, 200)
    assert run.integrity.ok


def test_a_model_that_looks_both_ways_is_captured_as_it_is() -> None:
    config = BertConfig(vocab_size=200, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
    config._attn_implementation = "sdpa"
    model = BertForMaskedLM(config).eval()
    run = capture(model, prompt_ids())
    assert bool(run.allowed(0).all())
    model.set_attn_implementation("eager")
    torch.testing.assert_close(run.pattern(1), eager_attention(model, prompt_ids())[1], rtol=0, atol=1e-5)
    assert run.integrity.ok


def test_padding_given_by_a_tokenizer_is_neither_looked_at_nor_looks() -> None:
    mask = torch.ones(N_TOKENS, dtype=torch.long)
    mask[:3] = 0
    run = capture(build("llama"), {"input_ids": prompt_ids(), "attention_mask": mask})
    pattern = run.pattern(1)
    assert float(pattern[:, :, :3].max()) == 0.0
    torch.testing.assert_close(pattern[:, 3:].sum(-1), torch.ones(4, N_TOKENS - 3))
    assert run.integrity.ok
