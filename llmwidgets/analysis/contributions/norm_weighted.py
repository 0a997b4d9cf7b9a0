"""Norm-weighted attention (Kobayashi et al. 2020, arXiv 2004.10102): how large a vector each look moved, not how much of the row it took.

Always true: a cell is the length of pattern[t, s] * v[s] @ W_O of one head, so a strong look at a small value is small. The values' own
lengths are kept for the run, (head, key) a layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.memo import once
from llmwidgets.analysis.sentences import caveat
from llmwidgets.fields.field import Field
from llmwidgets.fields.scale import Scale

from .cells import LookCells, first_with_heads, look_axes
from .values import projection_of, values_of

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


def norm_weighted_attention(run: Capture) -> Field:
    """The length of what each look moved, || pattern[t, s] v[s] W_O^h ||, (layer, head, query, key), as a lazy field.

    In units of the residual stream, as attention writes it: before any post-norm or factor of the block. Computed in float64 when read;
    masked where the mask forbids the look, absent where a layer lacks the head. Source: Kobayashi et al. 2020 (arXiv 2004.10102). Raises
    UndefinedHereError where attention does not show its values.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> norm_weighted_attention(run).read(layer=0, head=1, query=4).dims
    ('key',)
    """
    require_capture(run)
    values_of(run, first_with_heads(run))
    return Field(
        name="norm_weighted_attention",
        title="size of what each look moved",
        axes=look_axes(run),
        unit="residual stream",
        reader=LookCells(run, _Sizes(run)),
        scale=Scale("sequential", 0.0, None, power=0.5),
        evidence="attribution",
        caveat=caveat("norm_weighted"),
        forbidden=0.0,
        method="norm-weighted attention (Kobayashi et al. 2020, arXiv 2004.10102)",
    )


class _Sizes:
    def __init__(self, run: Capture) -> None:
        self._run = run

    def __call__(self, layer: int, heads: list[int], queries: list[int], keys: list[int]) -> Tensor:
        run = self._run
        values_of(run, layer, heads)
        lengths = once(run, ("value lengths", layer), lambda: _lengths(run, layer))  # (head, key)
        pattern = run.pattern(layer, heads, queries=queries, keys=keys).double()  # (head, query, key)
        return pattern * lengths[heads][:, None, keys]


def _lengths(run: Capture, layer: int) -> Tensor:
    """|| v[s] W_O^h ||, (head, key) float64."""
    n_heads = run.heads_per_layer[layer]
    values = values_of(run, layer, ()).double()  # (kv head, key, value width)
    matrix = projection_of(run, layer).matrix
    found = []
    for head, weight in enumerate(matrix.weight.reshape(n_heads, -1, matrix.weight.shape[-1])):
        # W_O^h = R' Q' with orthonormal rows Q': the length is that of v R', which is no wider than a head.
        triangle = torch.linalg.qr(weight.double().t(), mode="r").R  # (value width, value width)
        found.append((values[head * len(values) // n_heads] @ triangle.t()).norm(dim=-1))
    return torch.stack(found)
