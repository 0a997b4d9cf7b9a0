"""What a head sweep found, as labelled arrays and as fields over (layer, head, query).

Always true: a head grid asks these fields for the mean over queries, a text for one head's row: the same numbers serve both. What is
undefined is absent and takes no part in a mean; a head that a layer lacks is absent too. A head is swept when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.field import Field, Reference
from llmwidgets.fields.half import ABSENT, VALUE
from llmwidgets.fields.scale import Scale
from llmwidgets.fields.stream import Cells, Places

from .axes import axes_of
from .head_sweep import head_measures, uniform_measures
from .memo import once

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

Measure = Callable[["Capture", int, int], "dict[str, np.ndarray]"]


def head_array(run: Capture, measure: str, uniform: bool = False) -> np.ndarray:
    """(layer, head, query) float32 of one measure; NaN where it is undefined or the head does not exist."""
    of_head: Measure = uniform_measures if uniform else head_measures
    values = np.full((run.n_layers, run.n_heads, run.n_tokens), np.nan, np.float32)
    for layer, n_heads in enumerate(run.heads_per_layer):
        for head in range(n_heads):
            values[layer, head] = of_head(run, layer, head)[measure]
    return values


def labelled(run: Capture, values: np.ndarray, name: str, attrs: Mapping[str, object]) -> xarray.DataArray:
    """(layer, head, query) values with their coordinates and the tokens."""
    import xarray

    return xarray.DataArray(
        values,
        dims=("layer", "head", "query"),
        coords={
            "layer": range(run.n_layers),
            "head": range(run.n_heads),
            "query": range(run.n_tokens),
            "query_token": ("query", np.array(run.tokens, dtype=object)),
        },
        name=name,
        attrs=dict(attrs),
    )


def head_field(
    run: Capture, name: str, measure: str, *, title: str, unit: str, caveat: str, method: str, high: float | None, power: float = 1.0
) -> Field:
    """A field (layer, head, query) of one measure, with the mean of uniform attention as its reference."""
    axes = axes_of(run)
    return Field(
        name=name,
        title=title,
        axes=(axes["layer"], axes["head"], axes["query"]),
        unit=unit,
        reader=_MeasureReader(run, measure),
        scale=Scale("sequential", 0.0, high, power),
        evidence="observation",
        caveat=caveat,
        method=method,
        reference=lambda: _reference(run, measure),
        band=run.n_tokens,  # one head at a time, so that it can be called off between heads
    )


def _reference(run: Capture, measure: str) -> Reference | None:
    """The mean over layers, heads and the queries where the measure is defined."""

    def mean() -> float:
        # Heads mostly share one mask, so most of these are one and the same array.
        each = [uniform_measures(run, layer, head)[measure] for layer, n in enumerate(run.heads_per_layer) for head in range(n)]
        total = sum(float(np.nansum(values, dtype=np.float64)) for values in each)
        count = sum(int(np.count_nonzero(~np.isnan(values))) for values in each)
        return total / count if count else float("nan")

    value = once(run, ("reference", measure), mean)
    return None if np.isnan(value) else Reference(value, "uniform attention")


class _MeasureReader:
    def __init__(self, run: Capture, measure: str) -> None:
        self._run, self._measure = run, measure

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        run, queries = self._run, np.asarray(index["query"])
        layers, heads = index["layer"], index["head"]
        values = np.full((len(layers), len(heads), len(queries)), np.nan, np.float32)  # (layer, head, query)
        state = np.full(values.shape, ABSENT, np.uint8)
        for i, layer in enumerate(layers):
            for j, head in enumerate(heads):
                if head < run.heads_per_layer[layer]:
                    values[i, j] = head_measures(run, layer, head)[self._measure][queries]
                    undefined = np.isnan(uniform_measures(run, layer, head)[self._measure][queries])
                    state[i, j] = np.where(undefined, ABSENT, VALUE)  # NaN where it is defined is the model's own NaN
        return Cells(values, state)
