"""Edge contributions: what each look of each head added to target minus foil directly, on the cells of the attention pattern.

Always true: at the metric's position a head's row sums to its share in direct_logit_attribution; at any other query the cells are about the
same logits as the model gives there. Only the asked-for cells are computed, and a direction goes through the output projection before it
meets the values: nothing of size query x key x d_model is built.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.metric import Metric
from llmwidgets.fields.field import Field
from llmwidgets.fields.scale import Scale

from .carry import pulled_back_to
from .cells import LookCells, first_with_heads, look_axes
from .terms import frozen_norms, terms_at
from .unembedding import Towards, towards, unembedding_of
from .values import edges, projection_of, values_of

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

METHOD = "pattern times the value's direct contribution, norms frozen at each query's statistics"


def edge_contribution(run: Capture, metric: Metric) -> Field:
    """What each look added to logit[target] - logit[foil] directly, (layer, head, query, key), as a lazy field in logits.

    metric: target and foil, or a target alone (against the mean over the vocabulary). Its position fixes nothing but the name: a cell is
    about the logits at its own query. Its quantity does not matter: logit differences are what adds up. Its row there sums to the head's
    share of direct_logit_attribution. Before any soft cap.

    Values are computed in float64 when read; masked where the mask forbids the look, absent where a layer lacks the head. Raises
    UndefinedHereError where direct logit attribution is undefined, or where attention does not show its values.

    >>> import llmwidgets as lw
    >>> from llmwidgets.experiments.metric import Metric
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> row = edge_contribution(run, Metric(" Mary", foil=" John")).read(layer=3, head=1, query=13)
    >>> row.dims, row.attrs["unit"]
    (('key',), 'logits')
    """
    require_capture(run)
    unembedding_of(run)
    asked = replace(metric, quantity="logit_difference").on(run, foil_needed=False)
    values_of(run, first_with_heads(run))  # refused now rather than in the middle of a picture
    difference = asked.name.rpartition(" at position")[0]
    return Field(
        name="edge_contribution",
        title=f"direct contribution to {difference}",
        axes=look_axes(run),
        unit="logits",
        reader=LookCells(run, _Edges(run, towards(run, asked))),
        scale=Scale("diverging", 0.0, None),
        evidence="attribution",
        caveat=caveat("edge_contribution"),
        forbidden=0.0,
        method=METHOD + ("" if unembedding_of(run).cap is None else ", before the soft cap"),
    )


class _Edges:
    def __init__(self, run: Capture, direction: Towards) -> None:
        self._run, self._towards = run, direction

    def __call__(self, layer: int, heads: list[int], queries: list[int], keys: list[int]) -> Tensor:
        division = projection_of(self._run, layer)
        return edges(self._run, layer, division.matrix, self._direction(layer, division.leaf, queries), heads, queries, keys)

    def _direction(self, layer: int, leaf: str, queries: list[int]) -> Tensor:
        """(query, d_model) at what attention adds in this layer."""
        if self._run.change:
            terms_at(self._run, queries)  # refuses where the change left no sum
        places = torch.tensor(queries)
        norms = [{name: norm.at(places) for name, norm in block.items()} for block in frozen_norms(self._run)]
        nodes = [block.output for block in self._run.bench("edge contributions").anatomy.blocks]
        return pulled_back_to(layer, nodes, self._towards.at(queries), norms)[0].leaves[leaf]  # type: ignore[arg-type]
