"""Writing edits into an activation: copies of a batch's tensor with some rows' places replaced.

Always true: the tensor that came is not written to (others may hold it); one copy is made however many edits there are, and none where
there are none. Values are cast to the activation's dtype and device here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from llmwidgets.experiments.edits import Edit

Placed = Sequence[tuple[int, Edit]]  # (row of the batch, edit)


def write_stream(stream: Tensor, edits: Placed, factor: float | None = 1.0, base: Tensor | None = None) -> Tensor:
    """`stream` (row, position, d_model) with the edits' values.

    `factor`: what the module's output is multiplied by before it is added, so that value / factor is written; None writes zero whatever
    the value. `base` (row, position, d_model): what it is added to, where the value is of the sum.
    """
    if not edits:
        return stream
    out = stream.clone()
    for row, edit in edits:
        at = edit.positions.to(out.device)
        value = torch.zeros((), dtype=out.dtype, device=out.device) if edit.value is None else edit.value.to(out)
        if base is not None:
            value = value - base[row, at]
        out[row, at] = torch.zeros_like(value) if factor is None else value / factor
    return out


def write_heads(z: Tensor, edits: Placed, n_heads: int) -> Tensor:
    """`z` (row, position, head * width) with the edits' values (head, position, width)."""
    out = z.clone()
    by_head = out.view(*out.shape[:-1], n_heads, -1)  # (row, position, head, width)
    for row, edit in edits:
        assert edit.heads is not None
        at, heads = edit.positions.to(out.device), edit.heads.to(out.device)
        by_head[row, at[:, None], heads] = 0.0 if edit.value is None else edit.value.transpose(0, 1).to(out)  # type: ignore[assignment]
    return out


def write_width(activations: Tensor, edits: Placed) -> Tensor:
    """`activations` (row, position, neuron) with the edits' values (position, neuron)."""
    out = activations.clone()
    for row, edit in edits:
        at = edit.positions.to(out.device)
        value = torch.zeros((), dtype=out.dtype, device=out.device) if edit.value is None else edit.value.to(out)
        if edit.neurons is None:
            out[row, at] = value
        else:
            out[row, at[:, None], edit.neurons.to(out.device)] = value
    return out


def write_inside(heads: Tensor, edits: Placed) -> Tensor:
    """q, k or v, (row, head, position, width), with the edits' values (head, position, width)."""
    if not edits:
        return heads
    out = heads.clone()
    for row, edit in edits:
        assert edit.heads is not None
        at, which = edit.positions.to(out.device), edit.heads.to(out.device)
        out[row, which[:, None], at] = 0.0 if edit.value is None else edit.value.to(out)  # type: ignore[assignment]
    return out
