"""The length of the residual stream at every layer and position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from llmwidgets.fields.field import Field
from llmwidgets.fields.scale import Scale
from llmwidgets.fields.stream import Cells, Places

from .axes import axes_of, stream_axis
from .given import require_capture
from .memo import once

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

TITLE = "residual stream norm"
UNIT = "L2 norm"
CAVEAT = "How long the residual stream's vector is. A few dimensions that say little can make most of it, above all at the first token."
METHOD = "Euclidean norm of what enters block 0 (layer -1) and of what each block leaves behind"


def stream(run: Capture, layer: int) -> torch.Tensor:
    """The residual stream after `layer`, (position, d_model); layer -1 is the embedding, as it enters block 0."""
    return run["resid_pre", 0] if layer == -1 else run["resid_post", layer]


def residual_norm(run: Capture) -> xarray.DataArray:
    """Norm of the residual stream, (layer, position) float32; layer -1 is the embedding, layer l is resid_post[l].

    lw.residual_norm(run).sel(layer=-1)      # the embedding's row
    """
    require_capture(run)
    import xarray

    axis = stream_axis(run)
    return xarray.DataArray(
        _norms(run),
        dims=("layer", "position"),
        coords={
            "layer": list(axis.range),
            "layer_label": ("layer", np.array(axis.labels, dtype=object)),
            "position": range(run.n_tokens),
            "token": ("position", np.array(run.tokens, dtype=object)),
        },
        name="residual_norm",
        attrs={"title": TITLE, "unit": UNIT, "evidence": "observation", "caveat": CAVEAT, "method": METHOD},
    )


def residual_norm_field(run: Capture) -> Field:
    """The field `residual_norm`, (layer, position)."""

    def reader(index: Mapping[str, Places]) -> Cells:
        layers, positions = np.asarray(index["layer"]) + 1, np.asarray(index["position"])
        return Cells(_norms(run)[np.ix_(layers, positions)])

    return Field(
        name="residual_norm",
        title=TITLE,
        axes=(stream_axis(run), axes_of(run)["position"]),
        unit=UNIT,
        reader=reader,
        scale=Scale("sequential", 0.0, None, power=0.5),
        evidence="observation",
        caveat=CAVEAT,
        method=METHOD,
    )


def _norms(run: Capture) -> np.ndarray:
    """(layer from -1, position) float32, accumulated in float64."""

    def compute() -> np.ndarray:
        rows = [torch.linalg.vector_norm(stream(run, layer), dim=-1, dtype=torch.float64) for layer in stream_axis(run).range]
        return torch.stack(rows).float().numpy().copy()

    return once(run, "norms", compute)
