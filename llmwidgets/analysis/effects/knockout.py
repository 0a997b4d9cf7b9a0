"""Attention knockout: what the answer loses when some looks are forbidden (Geva et al. 2023, arXiv 2304.14767).

Always true: a forbidden look has the score minus infinity before the softmax, so the rest of its row grows; what moved is given beside the
effect. A position's look at itself is forbidden only where it is asked for by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.places import whole_number

from .asked import layers_of, places_within
from .cuts import Cuts
from .table import OnOutcome, Place, effect_table, told

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture
    from llmwidgets.capture.recorder import Cancelled, Progress

EACH = ("together", "layer", "head", "look")


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
    where there is no such head, where the mask forbids the looks already, or where a single look is all that its query may look at.

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
    around = whole_number(window, "window")
    if around < 1 or (around > 1 and each != "layer"):
        raise ValueError(f"window={window} came with each={each!r}; a window is of 1 layer or more around each layer")
    at_layers = layers_of(run, layers, "scores")
    at_heads = _heads(run, heads, at_layers)
    only = None if heads is None else at_heads
    cuts = Cuts(run, query, key, at_layers)
    windows = [[one for one in at_layers if layer - (around - 1) // 2 <= one <= layer + around // 2] for layer in at_layers]
    changes: dict[Place, Intervention | Interventions] = {}
    coords: dict[str, Sequence[int]] = {}
    if each == "look":
        coords = {"query": cuts.queries, "key": cuts.keys}
        for i, row in enumerate(coords["query"]):
            for j, one in enumerate(coords["key"]):
                if bool(cuts.there[row, one]) and not cuts.only_look(row, one):
                    changes[i, j] = Intervention("scores", at_layers, only, position=row, key=one)
    else:
        cuts.require_something_left()
        if each == "together":
            changes[()] = cuts.interventions(at_layers, only)
        elif each == "layer":
            coords = {"layer": at_layers}
            for i, near in enumerate(windows):
                if cuts.any_in(near):
                    changes[(i,)] = cuts.interventions(near, only)
        else:
            coords = {"layer": at_layers, "head": at_heads}
            for i, layer in enumerate(at_layers):
                for j, head in enumerate(at_heads):
                    if head < run.heads_per_layer[layer] and cuts.any_in([layer]):
                        changes[i, j] = cuts.interventions([layer], head)
    found = effect_table(run, changes, metric, coords, progress=progress, cancelled=cancelled, on_outcome=on_outcome)
    found = _with_moved(run, found, cuts, at_layers, at_heads)
    return told(
        found,
        ("effect",),
        title="effect of forbidding looks",
        method_name="knockout",
        site="scores",
        method="attention knockout (Geva et al. 2023): scores set to minus infinity before the softmax",
        replacement="cut",
        looks=cuts.there.nonzero().tolist(),
        layers=at_layers,
        heads="all" if only is None else at_heads,
        each=each,
        **({"window": around, "windows": windows} if each == "layer" else {}),
        caveat=caveat("knockout"),
    )


def _heads(run: Capture, heads: Sequence[int] | int | None, at_layers: Sequence[int]) -> list[int]:
    most = max(run.heads_per_layer[layer] for layer in at_layers)
    if heads is None:
        return list(range(most))
    return places_within(heads, most, "heads")


def _with_moved(run: Capture, found: xarray.Dataset, cuts: Cuts, at_layers: Sequence[int], at_heads: Sequence[int]) -> xarray.Dataset:
    """With `moved` (layer, head, query): the attention that stood on the forbidden keys in the clean run."""
    moved = np.full((len(at_layers), len(at_heads), len(cuts.queries)), np.nan)
    for i, layer in enumerate(at_layers):
        here = [j for j, head in enumerate(at_heads) if head < run.heads_per_layer[layer]]
        if here:
            moved[i, here] = cuts.moved(layer, [at_heads[j] for j in here])
    coords = {"layer": list(at_layers), "head": list(at_heads), "query": cuts.queries}
    attrs = {"unit": "share", "evidence": "observation", "title": "share of the row's attention that moves to its other keys"}
    return found.assign_coords(coords).assign(moved=(("layer", "head", "query"), moved, attrs))
