"""Changes inside attention: q, k and v, looks that are cut, and whole rows of a pattern.

A cut look (attention knockout, Geva et al. 2023, arXiv 2304.14767) has the score minus infinity before the softmax, in the mask that the
model's own attention function is given: the row's other weights grow to make up for it. Always true: heads, rows and queries without edits
are computed as if nothing had been changed. A row of attention that may look nowhere any more is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from llmwidgets.experiments.edits import Edit
from llmwidgets.experiments.writing import Placed, write_inside
from llmwidgets.models.errors import ModelError, UndefinedHereError
from llmwidgets.models.tap import AttentionCall

EditsOf = Callable[[nn.Module, str], "list[tuple[int, Edit]]"]


class AttentionEditor:
    """A listener on the attention tap; `edits(module, site)` are those of the block that is running."""

    SITES = ("q", "k", "v", "scores", "pattern")

    def __init__(self, edits: EditsOf) -> None:
        self._edits = edits

    def before_attention(self, call: AttentionCall) -> AttentionCall | None:
        inside = {site: self._edits(call.module, site) for site in ("q", "k", "v", "scores")}
        if not any(inside.values()):
            return None
        changed = replace(
            call,
            query=write_inside(call.query, inside["q"]),
            key=write_inside(call.key, inside["k"]),
            value=write_inside(call.value, inside["v"]),
        )
        return replace(changed, mask=_cut(call, inside["scores"])) if inside["scores"] else changed

    def after_attention(self, call: AttentionCall, result: Any) -> Any:
        rows = self._edits(call.module, "pattern")
        if not rows:
            return None
        output, *rest = result  # (row, query, head, width)
        output = output.clone()
        per_kv = call.query.shape[1] // call.value.shape[1]
        for row, edit in rows:
            assert edit.heads is not None
            at, heads = edit.positions.to(output.device), edit.heads.to(output.device)
            if edit.value is None:
                output[row, at[:, None], heads] = 0.0
            else:
                values = call.value[row, heads // per_kv]  # (head, key, width)
                read = torch.matmul(edit.value.to(values.device), values.to(edit.value.dtype))  # (head, query, width)
                output[row, at[:, None], heads] = read.transpose(0, 1).to(output.dtype)
        return (output, *rest)


def _cut(call: AttentionCall, edits: Placed) -> Tensor:
    """The mask of the call without the looks that are cut, in the kind that its implementation takes."""
    if call.implementation not in ("sdpa", "eager"):
        raise ModelError(
            f"looks can be cut under the attention implementations sdpa and eager; this model runs {call.implementation}. "
            'Load it with attn_implementation="sdpa"'
        )
    n_rows, n_heads, n_queries = call.query.shape[:3]
    n_keys = call.key.shape[2] if call.mask is None else call.mask.shape[-1]
    cut = torch.zeros(n_rows, n_heads, n_queries, n_keys, dtype=torch.bool, device=call.query.device)
    for row, edit in edits:
        assert edit.heads is not None and edit.keys is not None
        heads, queries, keys = (index.to(cut.device) for index in (edit.heads, edit.positions, edit.keys))
        cut[row, heads[:, None, None], queries[:, None], keys] = True
    allowed = _allowed(call, n_queries, n_keys)  # (1 or row, 1 or head, query, key)
    emptied = (allowed & ~cut).any(-1) < allowed.any(-1)
    if bool(emptied.any()) and not _has_sink(call):
        _, head, query = (int(place) for place in emptied.nonzero()[0])
        raise UndefinedHereError(
            f"position {query} of head {head} may look nowhere once these looks are cut; a softmax over nothing is undefined. "
            "Leave it at least one key (its own position, for example), or set the head's z to zero there"
        )
    if isinstance(call.mask, Tensor) and call.mask.dtype != torch.bool:
        return call.mask.expand(n_rows, n_heads, -1, -1).masked_fill(cut, torch.finfo(call.mask.dtype).min)
    allowed = allowed & ~cut
    if call.implementation == "eager":
        none = torch.zeros(allowed.shape, dtype=call.query.dtype, device=cut.device)
        return none.masked_fill(~allowed, torch.finfo(call.query.dtype).min)
    return allowed


def _allowed(call: AttentionCall, n_queries: int, n_keys: int) -> Tensor:
    """What the call may look at before the cuts, bool; the same rule by which the capture reads masks."""
    if isinstance(call.mask, Tensor):
        return call.mask if call.mask.dtype == torch.bool else call.mask > torch.finfo(call.mask.dtype).min / 2
    full = torch.ones(1, 1, n_queries, n_keys, dtype=torch.bool, device=call.query.device)
    causal = call.options.get("is_causal")
    causal = getattr(call.module, "is_causal", True) if causal is None else causal
    return full.tril() if causal and call.implementation != "eager" and n_queries > 1 else full


def _has_sink(call: AttentionCall) -> bool:
    return any(call.options.get(name) is not None for name in ("s_aux", "sinks"))
