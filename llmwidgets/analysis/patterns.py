"""The field `attention`: every head's pattern, recomputed only where it is looked at.

Always true: a cell is the model's own weight; a cell that the mask forbids is masked, never zero; a head that a layer lacks, and every
head of a block without attention, is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.field import Field
from llmwidgets.fields.half import ABSENT
from llmwidgets.fields.scale import Scale
from llmwidgets.fields.stream import Cells, Places

from .axes import axes_of
from .looks import looks_of

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

CAVEAT = (
    "Where a head looked, after the softmax. It does not say what was carried over or whether that mattered; "
    "a mean over heads or queries is no head's own pattern."
)


def attention(run: Capture) -> Field:
    """Attention of every head, (layer, head, query, key), as a lazy field.

    Values are shares of a query's attention: float32, computed when read, at most a few rows of one head at once.
    Rows sum to 1, less what goes to a sink that is no token. `run.field("attention").read(layer=3, head=1)` is a DataArray.
    """
    axes = axes_of(run)
    return Field(
        name="attention",
        title="attention",
        axes=(axes["layer"], axes["head"], axes["query"], axes["key"]),
        unit="share",
        reader=_PatternReader(run),
        scale=Scale("sequential", 0.0, 1.0, power=0.5),
        evidence="observation",
        caveat=CAVEAT,
        method="softmax over the allowed keys, recomputed from the recorded queries and keys",
    )


class _PatternReader:
    def __init__(self, run: Capture) -> None:
        self._run = run

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        run, queries, keys = self._run, index["query"], index["key"]
        layers, heads = index["layer"], index["head"]
        values = np.empty((len(layers), len(heads), len(queries), len(keys)), np.float32)  # (layer, head, query, key)
        state = np.zeros(values.shape, np.uint8)
        rows, columns = np.asarray(queries), np.asarray(keys)
        for i, layer in enumerate(layers):
            present = [j for j, head in enumerate(heads) if head < run.heads_per_layer[layer]]
            for j in set(range(len(heads))) - set(present):
                values[i, j], state[i, j] = np.nan, ABSENT
            if not present:
                continue
            pattern = run.pattern(layer, [heads[j] for j in present], queries=queries, keys=keys).numpy()
            for j, weights in zip(present, pattern):
                values[i, j] = weights
                forbidden = looks_of(run, layer, heads[j]).state(rows, columns)
                if forbidden is not None:
                    state[i, j] = forbidden
        return Cells(values, state)
