"""What a view leaves in an output where no widget runs: a line of text and a small picture.

Always true: both come from what the traits hold, so nothing is computed with the model for them. The drawing is export/overview.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..export.overview import Cells, overview
from ..fields import decode

if TYPE_CHECKING:
    from ..capture import Capture
    from .selection import Selection


def summary(kind: str, run: Capture | None, selection: Selection) -> str:
    """One informative line: model, shape, where the cursor stands."""
    if run is None:
        return f"{kind}(no run yet)"
    places = [f"{name} {getattr(selection, name)}" for name in ("layer", "head") if getattr(selection, name) is not None]
    where = f"; {' '.join(places)}" if places else ""
    return f"{kind}({run.model_name}, {run.n_layers} layers × {run.n_heads} heads, {run.n_tokens} tokens{where})"


def preview_png(run: Mapping[str, Any], first: Mapping[str, Any], cursor: Mapping[str, Any]) -> bytes | None:
    """A PNG of the heads and the selected pattern (of the layer grid, for a model without attention), or None."""
    thumbnails: dict[int, Cells] = {}
    pattern = layers = None
    for block in first["blocks"]:
        request, cells = block["request"], _cells(block)
        index = request["index"]
        if request["field"] == "attention" and isinstance(index["head"], list):
            thumbnails[index["layer"]] = cells
        elif request["field"] == "attention":
            pattern = cells
        elif set(index) == {"layer", "position"}:
            layers = cells
    if not thumbnails and pattern is None:
        pattern = layers
    return overview(thumbnails, run["layers"], pattern, selected=(cursor["layer"], cursor["head"]))


def _cells(block: Mapping[str, Any]) -> Cells:
    shape = block["header"]["shape"]
    values, state = decode(bytes(block["data"]), block["header"]["exponent"])
    assert values.size == prod(shape)
    return Cells(np.reshape(values, shape), np.reshape(state, shape))
