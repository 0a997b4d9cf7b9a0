"""Copying is the percentile of what is looked at in what the head adds to the logits, and undefined where heads add no linear part."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llmwidgets.analysis.head_scores import head_scores
from llmwidgets.analysis.head_scores_copying import copying_scores
from llmwidgets.capture import capture
from tests.architectures import build
from tests.circuit import BOS, DECOY, INDUCTION, circuit


def at(values, place: tuple[int, int]) -> float:
    return float(values.sel(layer=place[0], head=place[1]))


def test_a_head_that_lowers_what_it_looks_at_has_copying_zero():
    model = circuit()
    with torch.no_grad():
        model.lm_head.weight.neg_()
    assert at(head_scores(model).copying, INDUCTION) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "granite", "gpt_neox"])
def test_copying_is_the_percentile_of_what_is_looked_at_in_what_the_head_adds(name):
    model = build(name, torch.float64, attention="eager")
    ids = torch.tensor([20, 30, 40, 50, 60, 30, 40, 50, 60])
    queries, others = [5, 7, 8], torch.arange(100, 150)
    scores, undefined = copying_scores(capture(model, ids), queries, others)
    assert not undefined
    expected = copying_by_hand(model, ids, queries, torch.cat([ids.unique(), others]))
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@torch.no_grad()
def copying_by_hand(model, ids: torch.Tensor, queries: list[int], candidates: torch.Tensor) -> np.ndarray:
    """(layer, head), from the modules by their names, one look at a time."""
    base = model.base_model
    blocks = base.h if hasattr(base, "h") else base.layers
    final = next(getattr(base, name) for name in ("ln_f", "norm", "final_layer_norm") if hasattr(base, name))
    gemma = model.config.model_type == "gemma2"

    def project(block):
        attention = next(getattr(block, n) for n in ("attn", "self_attn", "attention") if hasattr(block, n))
        return next(getattr(attention, n) for n in ("c_proj", "o_proj", "dense") if hasattr(attention, n))

    def linear(norm, rows):  # a norm without its scale
        if isinstance(norm, torch.nn.LayerNorm):
            return (rows - rows.mean(-1, keepdim=True)) * norm.weight
        return rows * (1 + norm.weight if gemma else norm.weight)

    kept = {}
    hooks = [project(b).register_forward_pre_hook(lambda m, args, at=i: kept.update({at: args[0][0]})) for i, b in enumerate(blocks)]
    attentions = model(ids[None], output_attentions=True).attentions
    for hook in hooks:
        hook.remove()
    n_heads = attentions[0].shape[1]
    scores = np.zeros((len(blocks), n_heads))
    for layer, block in enumerate(blocks):
        weight = project(block).weight if name_of(model) == "gpt2" else project(block).weight.T  # (in, out)
        z = kept[layer].unflatten(-1, (n_heads, -1))  # (position, head, width)
        for head in range(n_heads):
            added = z[:, head] @ weight.unflatten(0, (n_heads, -1))[head]  # (position, d_model)
            added = linear(block.post_attention_layernorm, added) if gemma else added
            logits = linear(final, added) @ model.get_output_embeddings().weight.T  # (position, vocab)
            total = share = 0.0
            for query in queries:
                for key in range(query + 1):
                    own = logits[query, ids[key]]
                    among = logits[query, candidates[candidates != ids[key]]]
                    place = ((among < own).double().mean() + 0.5 * (among == own).double().mean()).item()
                    total += attentions[layer][0, head, query, key].item() * place
                    share += attentions[layer][0, head, query, key].item()
            scores[layer, head] = total / share
    return scores


def name_of(model) -> str:
    return model.config.model_type


def test_copying_of_random_heads_is_near_chance():
    scores = head_scores(build("llama"), n_samples=4)
    assert abs(float(scores.copying.mean()) - 0.5) < 0.05


def test_a_norm_over_the_stream_leaves_copying_undefined_and_says_so():
    scores = head_scores(build("openai-gpt"), n_samples=2, max_tokens=32)
    assert scores.copying.isnull().all() and scores.previous_token.notnull().all()
    assert "does not keep the stream and add to it" in scores.attrs["copying_undefined"]
    assert scores.attrs["copying_undefined"].endswith("(layers 0, 1, 2)")


def test_what_attention_adds_by_another_way_than_its_projection_leaves_copying_undefined():
    model = build("gpt2")
    model.transformer.h[1].attn.resid_dropout = torch.nn.Tanh()
    scores = head_scores(model, n_samples=2, max_tokens=32)
    assert scores.copying.isnull().all("head").values.tolist() == [False, True, False]
    assert scores.attrs["copying_undefined"].endswith("so no head has its own part (layer 1)")


class Squared(torch.nn.Linear):
    def forward(self, rows):
        return super().forward(rows).square()


def test_logits_read_out_through_more_than_a_matrix_leave_copying_undefined():
    model = build("gpt2")
    head = Squared(64, 200, bias=False)
    head.weight = model.lm_head.weight
    model.lm_head = head
    scores = head_scores(model, n_samples=2, max_tokens=32)
    assert scores.copying.isnull().all()
    assert "more than a final norm and the output matrix" in scores.attrs["copying_undefined"]


def test_half_precision_is_scored_too():
    scores = head_scores(build("llama", torch.bfloat16), n_samples=2, max_tokens=32)
    assert scores.copying.notnull().all()


def test_a_start_token_does_not_count_as_copied():
    model = circuit()
    ids = torch.cat([torch.tensor([BOS]), torch.arange(3, 9).repeat(2)])
    scores, _ = copying_scores(capture(model, ids), list(range(7, 13)), torch.arange(12, 20), n_start=1)
    assert scores[INDUCTION] == pytest.approx(1.0)
    assert scores[DECOY] == pytest.approx(0.5)
