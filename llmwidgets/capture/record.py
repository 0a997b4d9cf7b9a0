"""One attention call as it was recorded, and patterns recomputed from it where they are looked at.

The pattern is softmax(softcap(q . k * scaling) + bias), over the allowed keys and the sink if there is
one: the arithmetic of the models' own eager functions, in float32 (float64 for a float64 model). It is
computed per head and in blocks of rows, over the columns that the mask lets those rows see, so a tile or
a row never costs tokens x tokens. A record is read-only and may be read from several threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from llmwidgets.capture.mask import Mask

_ROWS_AT_ONCE = 256
_CELLS_AT_ONCE = 1 << 18  # stays in a CPU's cache; measured fastest per head at 1,024 and 2,048 tokens


@dataclass(frozen=True, eq=False)
class AttentionRecord:
    """What entered the attention of one block, without the batch dimension."""

    query: Tensor  # (head, query, width)
    key: Tensor  # (kv head, key, width)
    value: Tensor  # (kv head, key, value width)
    mask: Mask
    scaling: float
    softcap: float | None = None
    bias: Tensor | None = None  # (1 or head, 1 or query, key), added to the scores
    sinks: Tensor | None = None  # (head, 1 or query), scores of a key that is no token

    @property
    def n_heads(self) -> int:
        return self.query.shape[0]

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the patterns."""
        return torch.float64 if self.query.dtype == torch.float64 else torch.float32

    @torch.no_grad()
    def pattern(self, heads: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        """Return (head, query, key) on the CPU; forbidden cells are exactly 0."""
        out = torch.zeros(len(heads), len(queries), len(keys), dtype=self.dtype)
        for block in self._blocks(heads, queries):
            _place(block.softmax(), out[block.heads_at, block.queries_at], keys, block.start)
        return out

    @torch.no_grad()
    def sink_share(self, heads: Tensor, queries: Tensor) -> Tensor:
        """Return (head, query): what of each row goes to the sink instead of to a token (0 without sinks)."""
        out = torch.zeros(len(heads), len(queries), dtype=self.dtype)
        if self.sinks is not None:
            for block in self._blocks(heads, queries):
                out[block.heads_at, block.queries_at] = block.sink_share().to("cpu")
        return out

    def allowed(self, heads: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        """Return (head, query, key) bool on the CPU."""
        allowed = self.mask.allowed(heads, queries, keys).to("cpu")
        return allowed.expand(len(heads), -1, -1).clone()

    def _blocks(self, heads: Tensor, queries: Tensor) -> Iterator[_Block]:
        if not len(heads) or not len(queries):
            return
        rows = min(len(queries), _ROWS_AT_ONCE)
        group = max(1, _CELLS_AT_ONCE // (rows * self.key.shape[1]))
        per_kv = self.n_heads // self.key.shape[0]
        for first in range(0, len(heads), group):
            some_heads = heads[first : first + group]
            keys_of_heads = self.key[(some_heads // per_kv).to(self.key.device)].to(self.dtype)  # (head, key, width)
            for top in range(0, len(queries), rows):
                some_queries = queries[top : top + rows]
                start, stop = self.mask.columns(int(some_queries.min()), int(some_queries.max()))
                yield _Block(
                    self._scores(some_heads, some_queries, keys_of_heads[:, start:stop], start),
                    self.mask.allowed(some_heads, some_queries, torch.arange(start, stop)).to(self.key.device),
                    self._sinks(some_heads, some_queries),
                    slice(first, first + len(some_heads)),
                    slice(top, top + len(some_queries)),
                    start,
                )

    def _scores(self, heads: Tensor, queries: Tensor, keys: Tensor, start: int) -> Tensor:
        at = self.query.device
        rows = self.query[heads.to(at)][:, queries.to(at)].to(self.dtype)  # (head, query, width)
        scores = torch.matmul(rows, keys.transpose(-1, -2)).mul_(self.scaling)  # (head, query, key)
        if self.softcap is not None:
            scores = scores.div_(self.softcap).tanh_().mul_(self.softcap)
        if self.bias is not None:
            bias = self.bias if self.bias.shape[0] == 1 else self.bias[heads.to(at)]
            bias = bias if bias.shape[1] == 1 else bias[:, queries.to(at)]
            scores += bias[..., start : start + keys.shape[1]].to(self.dtype)
        return scores

    def _sinks(self, heads: Tensor, queries: Tensor) -> Tensor | None:
        if self.sinks is None:
            return None
        sinks = self.sinks[heads.to(self.sinks.device)].to(self.dtype)
        return (sinks if sinks.shape[1] == 1 else sinks[:, queries.to(sinks.device)])[..., None]  # (head, query, 1)


@dataclass(frozen=True, eq=False)
class _Block:
    """Scores of some heads and rows over the columns from `start`, and where they belong in the answer."""

    scores: Tensor  # (head, query, key)
    allowed: Tensor  # (1 or head, query, key)
    sinks: Tensor | None  # (head, 1 or query, 1)
    heads_at: slice
    queries_at: slice
    start: int

    def softmax(self) -> Tensor:
        scores = self.scores.masked_fill_(~self.allowed, float("-inf"))
        if self.sinks is None:
            weights = torch.softmax(scores, dim=-1)
        else:
            weights = torch.softmax(self._with_sink(scores), dim=-1)[..., :-1]
        # A row that may look nowhere is 0/0, and one NaN score spoils its row: forbidden cells stay 0 all the same.
        return weights.masked_fill(~self.allowed, 0.0)

    def sink_share(self) -> Tensor:
        scores = self.scores.masked_fill_(~self.allowed, float("-inf"))
        return torch.softmax(self._with_sink(scores), dim=-1)[..., -1]

    def _with_sink(self, scores: Tensor) -> Tensor:
        assert self.sinks is not None
        return torch.cat([scores, self.sinks.expand(*scores.shape[:2], 1)], dim=-1)


def _place(weights: Tensor, out: Tensor, keys: Tensor, start: int) -> None:
    """Copy the computed columns that were asked for into `out`; the others of `out` stay 0."""
    inside = (keys >= start) & (keys < start + weights.shape[-1])
    if bool(inside.all()):
        out.copy_(weights[..., keys.to(weights.device) - start])
    elif bool(inside.any()):
        out[..., inside] = weights[..., (keys[inside] - start).to(weights.device)].to("cpu")
