"""What a head moves from one position to another: its attention on it times the value there, through the output projection.

Always true: moved vectors sum over the source positions to the head's z, which is checked for each layer before any is given. A vector is
never built for every pair of positions: a direction is taken through the output projection first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llmwidgets.analysis.memo import once
from llmwidgets.models.errors import UndefinedHereError
from llmwidgets.models.matrices import Matrix

from .closing import closeness
from .parts import Division, heads_of
from .terms import terms_at

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

_MORE = "more happens between the values and the output projection than a sum weighted by attention (a gate, say)"
_INSTEAD = 'direct_logit_attribution by "head" or "layer" can'


def edges(
    run: Capture, layer: int, matrix: Matrix, direction: Tensor, heads: Sequence[int], queries: Sequence[int], keys: Sequence[int] | None
) -> Tensor:
    """What each look brings in `direction` (query, d_model), each query's own at attention's output: (head, query, key) float64.

    matrix: the layer's output projection. keys None are all. Forbidden looks bring 0.
    """
    n_heads = run.heads_per_layer[layer]
    weight = matrix.weight.reshape(n_heads, -1, matrix.weight.shape[-1])  # (head, value width, d_model)
    values = values_of(run, layer, heads)
    brought = run.pattern(layer, list(heads), queries=list(queries), keys=None if keys is None else list(keys)).double()
    for place, head in enumerate(heads):
        wanted = direction @ weight[head].to(direction.dtype).t()  # (query, value width)
        of_head = values[head * len(values) // n_heads]
        brought[place] *= wanted @ (of_head if keys is None else of_head[list(keys)]).to(wanted.dtype).t()
    return brought


def values_of(run: Capture, layer: int, heads: Sequence[int] | None = None) -> Tensor:
    """A layer's values (kv head, key, value width); head h reads those of kv head h * n_kv // n_heads.

    heads: those whose looks are to be weighed, None for all. Raises UndefinedHereError where the attention does not show its values, or
    makes more of them than a sum, or where a change put something else in the place of one of these heads' outputs.
    """
    replaced = replaced_heads(run, layer)
    if replaced and (heads is None or not replaced.isdisjoint(heads)):
        raise _not_their_sum(layer, "this run's change put something else in the place of its heads' outputs (z, pattern)")
    return run["v", layer]


def replaced_heads(run: Capture, layer: int) -> frozenset[int]:
    """The heads of a changed run whose outputs are not what their looks moved. Raises UndefinedHereError as `values_of` does."""
    return once(run, ("heads that are not their sum", layer), lambda: _not_sums(run, layer))


def projection_of(run: Capture, layer: int) -> Division:
    """The layer's attention as heads times its output projection, at the last position (in a changed run, at every one).

    UndefinedHereError where it is not that.
    """
    block = terms_at(run, _places(run)).blocks[layer]
    with run.bench("the output projection of attention").twin.ready() as model:
        division = heads_of(block, model)
    if division is None:
        raise UndefinedHereError(
            f"what attention adds in layer {layer} is not its heads' outputs times one matrix, so what one look moved cannot be told; "
            'direct_logit_attribution by "layer" can give it as a whole'
        )
    return division


def _not_sums(run: Capture, layer: int) -> frozenset[int]:
    try:
        values, z = run["v", layer], run["z", layer]
    except KeyError:
        raise UndefinedHereError(
            f"the attention of layer {layer} does not use the attention interface, so its values are not seen and what one look moved "
            f"cannot be told; {_INSTEAD}"
        ) from None
    expanded = values.repeat_interleave(len(z) // len(values), 0)  # (head, key, value width)
    found: set[int] = set()
    tolerance = closeness(run.subject.model)  # not the twin's lock: who holds that may be waiting for this very answer
    for query in _places(run):
        pattern = run.pattern(layer, None, queries=[query])  # (head, 1, key)
        moved = torch.matmul(pattern.to(expanded.dtype), expanded)[:, 0]  # (head, value width)
        if moved.shape != z[:, query].shape:
            raise _not_their_sum(layer, _MORE)
        off = (moved - z[:, query]).abs().amax(-1) > tolerance * float(z[:, query].abs().max())  # (head,)
        found.update(off.nonzero().flatten().tolist())
    if found and not run.change:
        raise _not_their_sum(layer, _MORE)
    return frozenset(found)


def _not_their_sum(layer: int, more: str) -> UndefinedHereError:
    return UndefinedHereError(f"in layer {layer} {more}, so what one look moved cannot be told; {_INSTEAD}")


def _places(run: Capture) -> Sequence[int]:
    """The positions that stand for all: a model's attention is one thing everywhere, a change may be anywhere."""
    return range(0 if run.change else run.n_tokens - 1, run.n_tokens)
