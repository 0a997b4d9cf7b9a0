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

from llmwidgets.capture.mask import Mask, follow_each_other

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
        shape = (len(heads), len(queries), len(keys))
        out: Tensor | None = None
        for block in self.blocks(heads, queries):
            if out is None and block.scores.shape == shape and _begins_at(keys, block.start):
                return block.softmax().to("cpu")  # all that was asked for, in one piece
            out = torch.zeros(shape, dtype=self.dtype) if out is None else out
            _place(block.softmax(), out[block.heads_at, block.queries_at], keys, block.start)
        return torch.zeros(shape, dtype=self.dtype) if out is None else out

    @torch.no_grad()
    def sink_share(self, heads: Tensor, queries: Tensor) -> Tensor:
        """Return (head, query): what of each row goes to the sink instead of to a token (0 without sinks)."""
        out = torch.zeros(len(heads), len(queries), dtype=self.dtype)
        if self.sinks is not None:
            for block in self.blocks(heads, queries):
                out[block.heads_at, block.queries_at] = block.sink_share().to("cpu")
        return out

    def allowed(self, heads: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        """Return (head, query, key) bool on the CPU."""
        allowed = self.mask.allowed(heads, queries, keys).to("cpu")
        return allowed.expand(len(heads), -1, -1).clone()

    def blocks(self, heads: Tensor, queries: Tensor) -> Iterator[HeadBlock]:
        """Yield the scores of these heads and rows piece by piece, with what the mask forbids and the sinks."""
        if not len(heads):
            return
        per_kv = self.n_heads // self.key.shape[0]
        for top in range(0, len(queries), _ROWS_AT_ONCE):
            rows = queries[top : top + _ROWS_AT_ONCE]
            start, stop = self.mask.columns(int(rows.min()), int(rows.max()))
            forbidden = self.mask.forbidden(heads, rows, range(start, stop)).to(self.key.device)
            group = max(1, _CELLS_AT_ONCE // (len(rows) * max(1, stop - start)))
            for first in range(0, len(heads), group):
                some = heads[first : first + group]
                yield HeadBlock(
                    self._scores(some, rows, _picked(self.key, some // per_kv)[:, start:stop], start),
                    forbidden if forbidden.shape[0] == 1 else forbidden[first : first + group],
                    self._sinks(some, rows),
                    slice(first, first + len(some)),
                    slice(top, top + len(rows)),
                    start,
                )

    def _scores(self, heads: Tensor, rows: Tensor, keys: Tensor, start: int) -> Tensor:
        queries = _picked(_picked(self.query, heads), rows, dim=1)  # (head, query, width)
        scores = torch.matmul(queries.to(self.dtype), keys.to(self.dtype).transpose(-1, -2))  # (head, query, key)
        scores.mul_(self.scaling)
        if self.softcap is not None:
            scores.div_(self.softcap).tanh_().mul_(self.softcap)
        if self.bias is not None:
            bias = self.bias if self.bias.shape[0] == 1 else _picked(self.bias, heads)
            bias = bias if bias.shape[1] == 1 else _picked(bias, rows, dim=1)
            scores += bias[..., start : start + keys.shape[1]].to(self.dtype)
        return scores

    def _sinks(self, heads: Tensor, rows: Tensor) -> Tensor | None:
        if self.sinks is None:
            return None
        sinks = _picked(self.sinks, heads).to(self.dtype)
        return (sinks if sinks.shape[1] == 1 else _picked(sinks, rows, dim=1))[..., None]  # (head, 1 or query, 1)


@dataclass(frozen=True, eq=False)
class HeadBlock:
    """Scores of some heads and rows over the columns from `start`, and where they belong in the answer."""

    scores: Tensor  # (head, query, key); used up by the first answer
    forbidden: Tensor  # (1 or head, query, key)
    sinks: Tensor | None  # (head, 1 or query, 1)
    heads_at: slice
    queries_at: slice
    start: int

    def softmax(self) -> Tensor:
        weights = self._weights()[..., : self.scores.shape[-1]]
        # Forbidden cells are 0 but in a row that is NaN throughout: one that may look nowhere, or has a NaN score.
        if weights.shape[-1] and bool(weights[..., 0].isnan().any()):
            weights.masked_fill_(self.forbidden, 0.0)
        return weights

    def sink_share(self) -> Tensor:
        return self._weights()[..., -1]

    def _weights(self) -> Tensor:
        scores = self.scores.masked_fill_(self.forbidden, float("-inf"))
        if self.sinks is not None:
            scores = torch.cat([scores, self.sinks.expand(*scores.shape[:2], 1)], dim=-1)
        return torch.softmax(scores, dim=-1)


def _picked(tensor: Tensor, at: Tensor, dim: int = 0) -> Tensor:
    """tensor[at] along `dim`: a view where the indices follow each other, which spares a copy of every key."""
    if len(at) and follow_each_other(at):
        return tensor.narrow(dim, int(at[0]), len(at))
    return tensor.index_select(dim, at.to(tensor.device))


def _begins_at(keys: Tensor, start: int) -> bool:
    return len(keys) > 0 and int(keys[0]) == start and follow_each_other(keys)


def _place(weights: Tensor, out: Tensor, keys: Tensor, start: int) -> None:
    """Copy the computed columns that were asked for into `out`; the others of `out` stay 0."""
    stop = start + weights.shape[-1]
    if len(keys) and follow_each_other(keys):
        first = int(keys[0])
        low, high = max(start, first), min(stop, first + len(keys))
        if low < high:
            out[..., low - first : high - first] = weights[..., low - start : high - start]
    else:
        inside = (keys >= start) & (keys < stop)
        out[..., inside] = weights[..., (keys[inside] - start).to(weights.device)].to("cpu")
