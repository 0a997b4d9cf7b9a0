"""Attention rollout (Abnar and Zuidema 2020, arXiv 2005.00928): attention followed through the layers, half of each step staying in place.

Always true: R_l = (mean over heads of the pattern / 2 + identity / 2) R_(l-1), from the identity; every row sums to 1. A block without
attention moves nothing. What a row gives to a sink that is no token is shared out over its other keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.intervene import change_of
from llmwidgets.models.errors import UndefinedHereError

from .asked import layers_of, positions_of

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

MOST_BYTES = 256_000_000
_ROWS_AT_ONCE = 128


def rollout(run: Capture, layers: int | Sequence[int] | None = None, queries: int | Sequence[int] | None = None) -> xarray.DataArray:
    """From which tokens each position's state comes, if attention were all that mixes them and half of each step stayed in place.

    layers: an int or several, negative ones from the end, None for all; queries: likewise, the rows that are wanted.

    A DataArray (layer, query, key) of shares, float32 (float64 for a float64 model); rows sum to 1. Values, norms and MLPs are not looked
    at. attrs["renormalised"] says that some attention went to a sink that is no token, and that rows were scaled to sum to 1. Source: Abnar
    and Zuidema 2020 (arXiv 2005.00928). Raises IndexError for a layer or query that does not exist, UndefinedHereError for a model without
    attention, or whose attention is NaN, and MemoryError where result or working matrix would weigh more than 256 MB.

    >>> import llmwidgets as lw
    >>> shares = rollout(lw.capture(lw.demo_model(), "The keys to the cabinet"), layers=-1, queries=4)
    >>> shares.dims, round(float(shares.sum()), 5)
    (('layer', 'query', 'key'), 1.0)
    """
    require_capture(run)
    import xarray

    if not run.n_heads:
        raise UndefinedHereError("no block of this model has attention, so there is none to roll out")
    if any(one.site == "pattern" for one in change_of(run)):
        raise UndefinedHereError(
            "this run's change put other weights in the place of patterns, which are not held with it, so they cannot be rolled out; "
            "roll out the unchanged run"
        )
    at_layers, rows, n = list(layers_of(run, layers)), list(positions_of(run, queries, "queries")), run.n_tokens
    dtype = run["resid_pre", 0].dtype
    _check_size(len(at_layers), len(rows), n, dtype.itemsize)
    state = torch.eye(n, dtype=dtype)  # (query, key)
    kept, sinks = {}, False
    for layer in range(max(at_layers) + 1):
        if run.heads_per_layer[layer]:
            state, has_sink = _step(run, layer, state)
            sinks = sinks or has_sink
        if layer in at_layers:
            kept[layer] = state[rows].clone()
    attrs = {
        "title": "attention rollout",
        "unit": "share",
        "evidence": "attribution",
        "method_name": "rollout",
        "caveat": caveat("rollout"),
        "method": "attention rollout (Abnar and Zuidema 2020, arXiv 2005.00928), heads averaged, half of each step in place",
        "n_prompts": 1,
        "renormalised": sinks,
    }
    tokens = np.array(run.tokens, dtype=object)
    return xarray.DataArray(
        torch.stack([kept[layer] for layer in at_layers]).numpy(),
        dims=("layer", "query", "key"),
        coords={
            "layer": at_layers,
            "query": rows,
            "key": range(n),
            "query_token": ("query", tokens[rows]),
            "key_token": ("key", tokens),
        },
        name="rollout",
        attrs=attrs,
    )


def _step(run: Capture, layer: int, state: Tensor) -> tuple[Tensor, bool]:
    """The state after one layer, and whether any of its attention went to a sink."""
    after, has_sink = torch.empty_like(state), False
    for start in range(0, len(state), _ROWS_AT_ONCE):
        band = slice(start, min(start + _ROWS_AT_ONCE, len(state)))
        mean = torch.zeros_like(state[band])  # (query, key)
        for head in range(run.heads_per_layer[layer]):
            mean += run.pattern(layer, head, queries=band).to(state.dtype)
        mean /= run.heads_per_layer[layer]
        total = mean.sum(-1, keepdim=True)
        if not total.isfinite().all():
            raise UndefinedHereError(f"the attention of layer {layer} is not a number (NaN) in some rows, so it cannot be followed on")
        has_sink = has_sink or bool(((total < 0.999) & (total > 0)).any())
        moved = torch.where(total > 0, mean / total, state.new_zeros(()))  # a row that may look nowhere stays as it was
        after[band] = torch.where(total > 0, (moved @ state + state[band]) / 2, state[band])
    return after, has_sink


def _check_size(n_layers: int, n_queries: int, n: int, cell: int) -> None:
    size = n_layers * n_queries * n * cell
    if size > MOST_BYTES:
        most = MOST_BYTES // (n * cell * n_queries)
        instead = f"at most {most} layers at once" if most else f"layers=-1 and at most {MOST_BYTES // (n * cell)} queries"
        raise MemoryError(
            f"a rollout of {n_layers} layers and {n_queries} queries over {n} tokens weighs {size / 1e6:.0f} MB, above 256 MB; "
            f"ask for {instead}"
        )
    if n * n * cell > MOST_BYTES:
        raise MemoryError(
            f"rollout over {n} tokens needs a matrix of {n * n * cell / 1e6:.0f} MB to work on, above 256 MB; "
            f"capture at most {int((MOST_BYTES / cell) ** 0.5)} tokens for it"
        )
