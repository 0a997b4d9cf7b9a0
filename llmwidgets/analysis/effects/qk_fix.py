"""The QK fix of AtP* (Kramár et al. 2024, 2403.00745): through the softmax by computing it, and only from there by a straight line.

A saturated softmax has almost no slope, so a straight line through it says that a query or key does nothing. Here the new pattern is
computed exactly, with the record's own arithmetic (scale, soft cap, bias, mask, sinks), and the effect of that change of pattern is
linear: sum over (t, s) of (new - old)[t, s] * d f / d pattern[t, s], where d f / d pattern[t, s] = slope[t] . value[s] and slope is the
metric's gradient at what the attention function gives.

Always true: nothing of size layers x heads x tokens^2 is made; a query's change moves its own row only, a key's one column of scores and
with it, by the normalising, all of each row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from llmwidgets.models.errors import UndefinedHereError

if TYPE_CHECKING:
    from llmwidgets.capture.record import AttentionRecord

_CELLS_AT_ONCE = 1 << 20


def pattern_effect(record: AttentionRecord, other: AttentionRecord, slope: Tensor) -> Tensor:
    """Return (head, query): what row t of `other`'s pattern in the place of `record`'s would change; values stay `record`'s.

    slope: (head, query, value width), d f / d attention output. The dtype is the record's.
    """
    return (slope.to(record.dtype) * (attended(record, other) - attended(record, record))).sum(-1)


def query_effect(record: AttentionRecord, query: Tensor, slope: Tensor) -> Tensor:
    """Return (head, query): what `query` (head, query, width) at t in the place of the record's would change."""
    return pattern_effect(record, replace(record, query=query), slope)


def key_effect(record: AttentionRecord, key: Tensor, slope: Tensor) -> Tensor:
    """Return (kv head,): what all keys of a head replaced together by `key` (kv head, key, width) would change."""
    per_head = pattern_effect(record, replace(record, key=key), slope).sum(-1)
    return _over_group(per_head, record)


def key_effect_by_position(record: AttentionRecord, key: Tensor, slope: Tensor) -> Tensor:
    """Return (kv head, key): what the key at s alone, replaced by that of `key`, would change; see `_one_column_each`."""
    per_head = torch.zeros(record.n_heads, record.key.shape[1], dtype=record.dtype)
    value = _of_heads(record.value, record)
    for old, new in zip(_blocks(record), _blocks(replace(record, key=key)), strict=True):
        keys = slice(old.start, old.start + old.scores.shape[-1])
        worth = slope[old.heads_at, old.queries_at].to(record.dtype) @ value[old.heads_at, keys].transpose(-1, -2)  # (head, query, key)
        per_head[old.heads_at, keys] += _one_column_each(_allowed_scores(old), _allowed_scores(new), worth).sum(1)
    return _over_group(per_head, record)


def require_plain(record: AttentionRecord, output: Tensor, layer: int) -> None:
    """Raise UndefinedHereError unless `output` (head, query, value width) is the record's pattern times its values."""
    rows = torch.tensor(sorted({0, output.shape[1] // 2, output.shape[1] - 1}))
    heads, keys = torch.arange(record.n_heads), torch.arange(record.key.shape[1])
    pattern = record.pattern(heads, rows, keys)  # (head, row, key)
    looks = pattern.sum(-1, keepdim=True) > 0  # a row that may look nowhere gives whatever the model's attention makes of it
    expected, came = pattern @ _of_heads(record.value, record), output[:, rows].to(record.dtype)
    tolerance = 1e-3 if record.query.dtype in (torch.float32, torch.float64) else 5e-2
    difference = ((expected - came) * looks).abs().max()
    if not difference <= tolerance * came.abs().max():
        raise UndefinedHereError(
            f"the attention of block {layer} does more than its pattern times its values (they differ by {float(difference):.2g}), so what "
            "a change of the pattern does is not known here"
        )


def attended(record: AttentionRecord, other: AttentionRecord) -> Tensor:
    """Return (head, query, value width): `other`'s pattern times `record`'s values, on the CPU, in the record's dtype."""
    value = _of_heads(record.value, record)
    places = torch.arange(record.query.shape[1])
    some = max(1, _CELLS_AT_ONCE // max(1, len(places) ** 2))
    keys = torch.arange(record.key.shape[1])
    return torch.cat([other.pattern(heads, places, keys) @ value[heads] for heads in torch.arange(record.n_heads).split(some)])


def _one_column_each(old: Tensor, new: Tensor, worth: Tensor) -> Tensor:
    """(head, query, key): the change of sum_j pattern[j] worth[j] when the score at s alone goes from old to new.

    old, new: (head, query, key [+ 1 for a sink]), -inf where forbidden. worth: (head, query, key).

    With `rest` the row without s (the logarithm of its sum of exponentials, and its mean worth), s has the share sigmoid(score - rest)
    and the rest shares what is left as before: the change is (new share - old share) (worth[s] - rest's worth). Taking s out of the sums
    would cancel for the one key that may hold more than half of a row: its rest is computed from the other scores.
    """
    n_keys = worth.shape[-1]
    shares = old.softmax(-1)[..., :n_keys]
    most, at = shares.max(-1, keepdim=True)
    top = torch.zeros_like(shares, dtype=torch.bool).scatter(-1, at, most > 0.5)
    without_top = old.scatter(-1, at, -torch.inf)
    of_without = (without_top.softmax(-1)[..., :n_keys] * worth).sum(-1, keepdim=True)  # NaN where the top is all there is
    small = shares.masked_fill(top, 0.0)
    rest = torch.where(top, without_top.logsumexp(-1, keepdim=True), old.logsumexp(-1, keepdim=True) + torch.log1p(-small))
    rest_worth = torch.where(top, of_without, ((shares * worth).sum(-1, keepdim=True) - small * worth) / (1 - small))
    moved = torch.sigmoid(new[..., :n_keys] - rest) - torch.sigmoid(old[..., :n_keys] - rest)
    change = moved * (worth - rest_worth)
    # A key that is alone keeps its share of 1; a forbidden look, and a row that may look nowhere, stay as they are.
    return change.masked_fill((old[..., :n_keys] == -torch.inf) | (rest == -torch.inf), 0.0)


def _blocks(record: AttentionRecord) -> Iterator[Any]:
    return record.blocks(torch.arange(record.n_heads), torch.arange(record.query.shape[1]))


def _allowed_scores(block: Any) -> Tensor:
    """(head, query, key [+ 1 for a sink]) on the CPU, -inf where a look is forbidden."""
    scores = block.scores.masked_fill(block.forbidden, -torch.inf)
    if block.sinks is not None:
        scores = torch.cat([scores, block.sinks.expand(*scores.shape[:2], 1)], dim=-1)
    return scores.to("cpu")


def _of_heads(of_kv: Tensor, record: AttentionRecord) -> Tensor:
    """(kv head, ...) as (head, ...), on the CPU in the record's dtype: head h reads key/value head h // (heads per group)."""
    return of_kv.to("cpu", record.dtype).repeat_interleave(record.n_heads // of_kv.shape[0], 0)


def _over_group(per_head: Tensor, record: AttentionRecord) -> Tensor:
    """(head, ...) summed over the heads that share a key/value head: (kv head, ...)."""
    return per_head.reshape(record.key.shape[0], -1, *per_head.shape[1:]).sum(1)
