"""The QK fix's patterns are those of a plain softmax over the changed scores."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import llmwidgets as lw
from llmwidgets.analysis.effects import qk_fix
from llmwidgets.capture import Capture
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import FloatsStayDouble, build, prompt_ids

T = 14  # past the windows of 8 tokens
MODELS = ["gpt2", "llama", "gemma2", "gpt_oss", "granite", "bert"]


def pair(name: str, layer: int = 0, sharper: float = 1.0) -> tuple[Capture, Capture, Tensor]:
    """Two runs of a float64 model on different prompts, and a random slope (head, query, value width)."""
    model = build(name, torch.float64)
    base, donor = (lw.capture(model, prompt_ids(T, seed)) for seed in (1, 2))
    for run in (base, donor):
        tape = run._tape.blocks[layer]
        tape.attention = replace(tape.attention, query=tape.attention.query * sharper)
    generator = torch.Generator().manual_seed(5)
    slope = torch.randn(base.n_heads, T, base["v", layer].shape[-1], dtype=torch.float64, generator=generator)
    return base, donor, slope


def plain_pattern(run: Capture, layer: int, query: Tensor, key: Tensor) -> Tensor:
    """(head, query, key), written out: scale, cap, mask, sinks, softmax."""
    config = run.subject.model.config
    per_group = query.shape[0] // key.shape[0]
    scale = {"gemma2": 16**-0.5, "granite": 0.1}.get(config.model_type, query.shape[-1] ** -0.5)
    pattern = torch.zeros(query.shape[0], T, T, dtype=torch.float64)
    for head in range(query.shape[0]):
        scores = query[head] @ key[head // per_group].T * scale
        if config.model_type == "gemma2":
            scores = 5.0 * torch.tanh(scores / 5.0)
        for t in range(T):
            window = 8 if config.model_type in ("gemma2", "gpt_oss") and layer == 0 else T
            sees = [s for s in range(T) if config.model_type == "bert" or (s <= t and t - s < window)]
            exponentials = torch.exp(scores[t, sees])
            total = exponentials.sum()
            if config.model_type == "gpt_oss":
                total = total + torch.exp(run.subject.model.model.layers[layer].self_attn.sinks[head])
            pattern[head, t, sees] = exponentials / total
    return pattern.detach()


def worth(run: Capture, layer: int, pattern: Tensor, slope: Tensor) -> Tensor:
    """(head, query): slope . (pattern @ values)."""
    value = run["v", layer]
    value = value.repeat_interleave(run.n_heads // value.shape[0], 0)
    return (slope * (pattern @ value)).sum(-1)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_every_change_of_q_and_k_gives_the_pattern_of_a_plain_softmax(name: str, layer: int) -> None:
    with FloatsStayDouble():
        base, donor, slope = pair(name, layer)
        record, other = (run._tape.blocks[layer].attention for run in (base, donor))
        q, k, new_q, new_k = base["q", layer], base["k", layer], donor["q", layer], donor["k", layer]
        now = worth(base, layer, plain_pattern(base, layer, q, k), slope)

        with_queries = worth(base, layer, plain_pattern(base, layer, new_q, k), slope) - now
        assert torch.allclose(qk_fix.query_effect(record, other.query, slope), with_queries, atol=1e-10, rtol=0)

        with_keys = worth(base, layer, plain_pattern(base, layer, q, new_k), slope) - now
        per_kv = with_keys.sum(-1).reshape(k.shape[0], -1).sum(-1)
        assert torch.allclose(qk_fix.key_effect(record, other.key, slope), per_kv, atol=1e-10, rtol=0)

        one_by_one = torch.zeros(k.shape[0], T, dtype=torch.float64)
        for s in range(T):
            keys = k.clone()
            keys[:, s] = new_k[:, s]
            change = worth(base, layer, plain_pattern(base, layer, q, keys), slope) - now
            one_by_one[:, s] = change.sum(-1).reshape(k.shape[0], -1).sum(-1)
        assert torch.allclose(qk_fix.key_effect_by_position(record, other.key, slope), one_by_one, atol=1e-10, rtol=0)

        with_pattern = worth(base, layer, plain_pattern(donor, layer, new_q, new_k), slope) - now
        assert torch.allclose(qk_fix.pattern_effect(record, other, slope), with_pattern, atol=1e-10, rtol=0)


@pytest.mark.parametrize("sharper", [10.0, 30.0])
def test_taking_out_the_one_key_that_holds_nearly_all_does_not_cancel(sharper: float) -> None:
    """Also where the largest share rounds to 1, what is left when that key goes is still known."""
    base, donor, slope = pair("gpt2", 0, sharper)
    record, key = base._tape.blocks[0].attention, donor["k", 0]
    assert float(base.pattern(0).max(-1).values[:, 1:].max()) > 1 - 1e-8
    now = worth(base, 0, plain_pattern(base, 0, base["q", 0], base["k", 0]), slope)
    found = qk_fix.key_effect_by_position(record, key, slope)
    for s in range(T):
        keys = base["k", 0]
        keys[:, s] = key[:, s]
        change = worth(base, 0, plain_pattern(base, 0, base["q", 0], keys), slope) - now
        assert torch.allclose(found[:, s], change.sum(-1), atol=1e-9, rtol=0)


def test_nothing_changed_is_exactly_nothing() -> None:
    base, _, slope = pair("gpt_oss")
    record = base._tape.blocks[0].attention
    for effect in (qk_fix.query_effect(record, record.query, slope), qk_fix.key_effect_by_position(record, record.key, slope)):
        assert bool((effect == 0).all())


def test_padding_that_no_row_may_see_does_not_count() -> None:
    """Left padding: rows that may look nowhere, and keys that nobody may look at, have no effect and spoil none."""
    model = build("llama", torch.float64)
    mask = torch.ones(T, dtype=torch.long)
    mask[:3] = 0
    base, donor = (lw.capture(model, {"input_ids": prompt_ids(T, seed)[None], "attention_mask": mask[None]}) for seed in (1, 2))
    slope = torch.randn(4, T, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    effect = qk_fix.key_effect_by_position(base._tape.blocks[1].attention, donor["k", 1], slope)
    assert bool(effect.isfinite().all()) and bool((effect[:, :3] == 0).all()) and bool((effect[:, 3:-1] != 0).all())


def test_attention_that_does_more_than_pattern_times_values_is_refused() -> None:
    base, _, _ = pair("gpt2")
    record = base._tape.blocks[0].attention
    output = qk_fix.attended(record, record)
    qk_fix.require_plain(record, output, 0)
    with pytest.raises(UndefinedHereError, match="block 0 does more than its pattern times its values"):
        qk_fix.require_plain(record, 2 * output, 0)
