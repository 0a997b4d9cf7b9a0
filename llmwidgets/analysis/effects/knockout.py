"""Attention knockout: what the answer loses when some looks are forbidden (Geva et al. 2023, arXiv 2304.14767).

Always true: a forbidden look has the score minus infinity before the softmax, so the rest of its row grows; what moved is given beside the
effect. A position's look at itself is forbidden only where it is asked for by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.intervention import Intervention, Interventions, listed
from llmwidgets.experiments.metric import Metric

from .ablation import layers_of
from .table import Cancelled, OnOutcome, Place, Progress, effect_table, told

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

EACH = ("together", "layer", "head", "look")

Looks = dict[int, list[int]]  # by query: the keys that it may no longer look at


@over_prompts
def knock_out(
    run: Capture,
    metric: Metric,
    *,
    query: int | Sequence[int] | None = None,
    key: int | Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
    each: str = "together",
    window: int = 1,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    on_outcome: OnOutcome | None = None,
) -> xarray.Dataset:
    """Forbid looks from `query` to `key`, and measure what the answer loses: effect = metric after - metric before.

    query, key: a position, several (a span), or None for all; a query's own position is then left to it. Only one of the two may be None.
    Negative positions count from the end. layers, heads: where; None for all.
    each: "together", one change for all of it; "layer", each layer alone, or the model's `window` layers around it; "head", each head
    alone; "look", each single (query, key) in all the layers and heads.
    progress, cancelled, on_outcome: as in `ablate`.

    A Dataset over no dims, (layer,), (layer, head) or (query, key), float64: `effect`, the values after in every quantity; and over (layer,
    head, query) `moved`, the share of the query's attention that stood on these keys in the clean run and goes to its other keys. NaN
    where there is no such head, or the mask forbids the look already.

    Raises IndexError for a position outside, UndefinedHereError where a row would have nothing left to look at or the attention does not
    use the interface, and what `Metric.on` raises.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> found = knock_out(run, Metric(" Mary", foil=" John"), query=-1, key=1, each="layer")
    >>> found.effect.dims, found.moved.dims
    (('layer',), ('layer', 'head', 'query'))
    """
    require_capture(run)
    if each not in EACH:
        raise ValueError(f"each={each!r} came; expected one of {', '.join(EACH)}")
    if window < 1 or (window > 1 and each != "layer"):
        raise ValueError(f"window={window} came with each={each!r}; a window is of 1 layer or more around each layer")
    at_layers = layers_of(run, layers, "scores")
    at_heads = _heads(run, heads, at_layers)
    heads = None if heads is None else at_heads
    looks = _looks(run, query, key, at_layers)

    def cut(layer: int | Sequence[int], head: int | Sequence[int] | None, wanted: Looks) -> Interventions:
        return Interventions(Intervention("scores", layer, head, position=row, key=keys) for row, keys in wanted.items() if keys)

    changes: dict[Place, Intervention | Interventions] = {}
    coords: dict[str, Sequence[int]] = {}
    if each == "together":
        changes[()] = cut(at_layers, heads, looks)
    elif each == "layer":
        coords = {"layer": at_layers}
        every = layers_of(run, None, "scores")
        for i, layer in enumerate(at_layers):
            around = range(layer - (window - 1) // 2, layer + window // 2 + 1)
            changes[(i,)] = cut([one for one in every if one in around], heads, looks)
    elif each == "head":
        coords = {"layer": at_layers, "head": at_heads}
        for i, layer in enumerate(at_layers):
            for j, head in enumerate(at_heads):
                if head < run.heads_per_layer[layer]:
                    changes[i, j] = cut(layer, head, looks)
    else:
        coords = {"query": list(looks), "key": sorted({k for keys in looks.values() for k in keys})}
        for i, (row, keys) in enumerate(looks.items()):
            for one in keys:
                changes[i, coords["key"].index(one)] = cut(at_layers, heads, {row: [one]})
    found = effect_table(run, changes, metric, coords, progress=progress, cancelled=cancelled, on_outcome=on_outcome)
    found = _with_moved(run, found, looks, at_layers, at_heads)
    return told(
        found,
        ("effect",),
        title="effect of forbidding looks",
        method_name="knockout",
        site="scores",
        method="attention knockout (Geva et al. 2023): scores set to minus infinity before the softmax",
        replacement="cut",
        looks=[[row, one] for row, keys in looks.items() for one in keys],
        layers=at_layers,
        heads="all" if heads is None else at_heads,
        each=each,
        **({"window": window} if each == "layer" else {}),
        caveat=caveat("knockout"),
    )


def _looks(run: Capture, query: int | Sequence[int] | None, key: int | Sequence[int] | None, at_layers: Sequence[int]) -> Looks:
    if query is None and key is None:
        raise ValueError("neither query nor key came; say which looks to forbid: a query's (query=), those at a key (key=), or both")
    queries, keys = _positions(run, query, "query"), _positions(run, key, "key")
    free = query is None or key is None
    # Layers may have windows of their own: a look is one where any of them lets it be.
    allowed = torch.stack([run.allowed(layer, 0) for layer in at_layers]).any(0)  # (query, key)
    found = {row: [one for one in keys if bool(allowed[row, one]) and not (free and one == row)] for row in queries}
    found = {row: those for row, those in found.items() if those}
    if not found:
        raise ValueError(f"there is no look from query {query} to key {key} to forbid: the mask lets none of them see such a key")
    return found


def _positions(run: Capture, given: int | Sequence[int] | None, name: str) -> list[int]:
    if given is None:
        return list(range(run.n_tokens))
    asked = listed(given, name)
    for place in asked:
        if not -run.n_tokens <= place < run.n_tokens:
            raise IndexError(f"{name} {place} is outside this prompt of {run.n_tokens} tokens (0 to {run.n_tokens - 1})")
    return sorted({place % run.n_tokens for place in asked})


def _heads(run: Capture, heads: Sequence[int] | int | None, at_layers: Sequence[int]) -> list[int]:
    most = max(run.heads_per_layer[layer] for layer in at_layers)
    if heads is None:
        return list(range(most))
    asked = listed(heads, "heads")
    outside = [head for head in asked if not -most <= head < most]
    if outside:
        raise IndexError(f"head {outside[0]} came; these layers have 0 to {most - 1}")
    return [head % most for head in asked]


def _with_moved(run: Capture, found: xarray.Dataset, looks: Looks, at_layers: Sequence[int], at_heads: Sequence[int]) -> xarray.Dataset:
    """With `moved` (layer, head, query): the attention that stood on the forbidden keys in the clean run."""
    rows = list(looks)
    moved = np.full((len(at_layers), len(at_heads), len(rows)), np.nan)
    for i, layer in enumerate(at_layers):
        here = [(j, head) for j, head in enumerate(at_heads) if head < run.heads_per_layer[layer]]
        for k, row in enumerate(rows):
            weights = run.pattern(layer, [head for _, head in here], queries=row, keys=looks[row]).double().sum(-1)  # (head,)
            moved[i, [j for j, _ in here], k] = weights.numpy()
    names = {"layer": "layer", "head": "head", "query": "query"}
    coords = {names[dim]: places for dim, places in (("layer", list(at_layers)), ("head", list(at_heads)), ("query", rows))}
    attrs = {"unit": "share", "evidence": "observation", "title": "share of the row's attention that moves to its other keys"}
    return found.assign_coords(coords).assign(moved=(("layer", "head", "query"), moved, attrs))
