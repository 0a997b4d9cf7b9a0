"""The field `attention`: every head's pattern, recomputed only where it is looked at.

Always true: a cell is the model's own weight; a cell that the mask forbids is masked, never zero; a head that a layer lacks, and every
head of a block without attention, is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.field import Field
from llmwidgets.fields.half import ABSENT, VALUE
from llmwidgets.fields.scale import Scale
from llmwidgets.fields.stream import Cells, Places

from .axes import axes_of
from .given import require_capture
from .looks import Looks, looks_of, places_array, within

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

CAVEAT = "Where the head looked, not what it used."


def attention(run: Capture) -> Field:
    """Attention of every head, (layer, head, query, key), as a lazy field.

    Values are shares of a query's attention: float32, computed when read, at most a few rows of one head at once.
    Rows sum to 1, less what goes to a sink that is no token. `run.field("attention").read(layer=3, head=1)` is a DataArray.
    """
    require_capture(run)
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
        forbidden=0.0,
        method="softmax over the allowed keys, recomputed from the recorded queries and keys",
    )


class _PatternReader:
    def __init__(self, run: Capture) -> None:
        self._run = run

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        layers, heads, queries, keys = (index[name] for name in ("layer", "head", "query", "key"))
        shape = (len(layers), len(heads), len(queries), len(keys))  # (layer, head, query, key)
        values, state = np.full(shape, np.nan, np.float32), np.full(shape, ABSENT, np.uint8)
        for i, layer in enumerate(layers):
            # Heads that may look at the same keys are computed together.
            alike: dict[Looks, list[int]] = {}
            for j, head in enumerate(heads):
                if head < self._run.heads_per_layer[layer]:
                    alike.setdefault(looks_of(self._run, layer, head), []).append(j)
            for looks, places in alike.items():
                forbidden = looks.state(queries, keys)
                for j in places:
                    state[i, j] = forbidden
                self._put(values[i], layer, {j: heads[j] for j in places}, queries, keys, looks, forbidden)
        return Cells(values, state)

    def _put(
        self, values: np.ndarray, layer: int, heads: dict[int, int], queries: Places, keys: Places, looks: Looks, state: np.ndarray
    ) -> None:
        """Put the weights of `heads` (place: head), which look alike, into values (head, query, key); NaN stays where masked."""
        at = slice(None)
        if isinstance(keys, range):  # only the keys that the mask lets some of these queries see
            at = slice(*within(keys, *looks.columns(places_array(queries))))
            if at.start == at.stop:
                return
            keys = keys[at]
        weights = self._run.pattern(layer, list(heads.values()), queries=_selector(queries), keys=_selector(keys)).numpy()
        # Most columns are allowed to all of these queries; a cell by cell copy is for the others only.
        inner = slice(*within(keys, *looks.inner_columns(places_array(queries)))) if isinstance(keys, range) else slice(0, 0)
        edges = [(edge, state[:, at][:, edge] == VALUE) for edge in (slice(0, inner.start), slice(inner.stop, len(keys)))]
        for j, of_head in zip(heads, weights, strict=True):
            target = values[j, :, at]
            target[:, inner] = of_head[:, inner]
            for edge, allowed in edges:
                np.copyto(target[:, edge], of_head[:, edge], where=allowed, casting="same_kind")


def _selector(places: Places) -> slice | list[int]:
    return slice(places.start, places.stop) if isinstance(places, range) else list(places)
