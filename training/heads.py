"""What single heads do: where they look, from the model's own eager attention, and what is lost without them.

A head's output is taken out just before the attention's output projection: set to zero, or to its mean over the
positions of the prompts measured. The model is put back as it was afterwards, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

Head = tuple[int, int]


def repeated(vocabulary: int, rows: int = 50, period: int = 20, seed: int = 0) -> torch.Tensor:
    """Random tokens, said twice: (row, 2 * period)."""
    copy = torch.randint(1, vocabulary, (rows, period), generator=torch.Generator().manual_seed(seed))
    return torch.cat([copy, copy], 1)


@torch.no_grad()
def head_scores(model, period: int = 20) -> dict[str, torch.Tensor]:
    """Mean attention (layer, head) on random tokens said twice, over the queries of the second copy.

    `previous`: to the position before. `induction`: to the position after the query token's first appearance.
    `duplicate`: to that first appearance. `first`: to position 0.
    """
    ids = repeated(model.config.vocab_size, period=period)
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        attentions = model(ids, output_attentions=True).attentions
    finally:
        model.set_attn_implementation(before)
    pattern = torch.stack(attentions).mean(1)  # (layer, head, query, key), mean over rows
    queries = torch.arange(period, 2 * period)
    return {
        "previous": pattern[:, :, queries, queries - 1].mean(-1),
        "induction": pattern[:, :, queries, queries - period + 1].mean(-1),
        "duplicate": pattern[:, :, queries, queries - period].mean(-1),
        "first": pattern[:, :, queries, 0].mean(-1),
    }


@contextmanager
def without_heads(model, heads: Sequence[Head], kind: str = "zero") -> Iterator[None]:
    """Within it these (layer, head) give zero, or (`kind="mean"`) their mean over the rows and positions of each pass."""
    width = model.config.n_embd // model.config.n_head

    def taker(these: list[int]):
        def take(module, args):
            z = args[0].clone()  # (row, position, head * width)
            for head in these:
                part = z[..., head * width : (head + 1) * width]
                part.copy_(part.mean((0, 1), keepdim=True) if kind == "mean" else torch.zeros_like(part))
            return (z, *args[1:])

        return take

    hooks = []
    try:
        for layer in {layer for layer, _ in heads}:
            these = [head for at, head in heads if at == layer]
            hooks.append(model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(taker(these)))
        yield
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def repeat_accuracy(model, period: int = 20) -> float:
    """The share of right next tokens within the second copy of random tokens said twice."""
    ids = repeated(model.config.vocab_size, seed=1, period=period)
    said = model(ids).logits[:, period:-1].argmax(-1)
    return (said == ids[:, period + 1 :]).float().mean().item()
