"""Cells of a field (layer, head, query, key) that has a value wherever a head may look.

Always true: a cell that the mask forbids is masked, never zero; a head that a layer lacks, and every head of a block without attention, is
absent. What a cell is worth is left to the function that weighs looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from llmwidgets.analysis.axes import axes_of
from llmwidgets.analysis.looks import Looks, looks_of
from llmwidgets.fields.axis import Axis
from llmwidgets.fields.half import ABSENT, VALUE
from llmwidgets.fields.stream import Cells, Places
from llmwidgets.models.errors import UndefinedHereError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

Weigh = Callable[[int, list[int], list[int], list[int]], Tensor]
"""(layer, heads, queries, keys) to values (head, query, key)."""


class LookCells:
    """A reader: `weigh` is asked layer by layer for just the heads, queries and keys that are read."""

    def __init__(self, run: Capture, weigh: Weigh) -> None:
        self._run, self._weigh = run, weigh

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        layers, heads, queries, keys = (index[name] for name in ("layer", "head", "query", "key"))
        values = np.full((len(layers), len(heads), len(queries), len(keys)), np.nan)  # (layer, head, query, key)
        state = np.full(values.shape, ABSENT, np.uint8)
        for i, layer in enumerate(layers):
            alike: dict[Looks, list[int]] = {}
            for place, head in enumerate(heads):
                if head < self._run.heads_per_layer[layer]:
                    alike.setdefault(looks_of(self._run, layer, head), []).append(place)
            for looks, places in alike.items():
                state[i, places] = looks.state(queries, keys)
                if (state[i, places] == VALUE).any():
                    values[i, places] = self._weigh(layer, [heads[place] for place in places], list(queries), list(keys)).numpy()
        values[state != VALUE] = np.nan
        return Cells(values, state)


def look_axes(run: Capture) -> tuple[Axis, ...]:
    """The axes layer, head, query, key; UndefinedHereError for a model without attention."""
    axes = axes_of(run)
    if "head" not in axes:
        raise UndefinedHereError("no block of this model has attention, so there are no looks to weigh")
    return axes["layer"], axes["head"], axes["query"], axes["key"]


def first_with_heads(run: Capture) -> int:
    """The first layer that has attention; UndefinedHereError for a model without."""
    look_axes(run)
    return next(layer for layer, n_heads in enumerate(run.heads_per_layer) if n_heads)
