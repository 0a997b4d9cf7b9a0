"""The axes of a run: how many layers, heads and tokens it has, and what the tokens are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmwidgets.fields.axis import Axis

from .given import require_capture

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


def axes_of(run: Capture) -> dict[str, Axis]:
    """The run's axes by coordinate: layer, head (where it has attention), query, key, position.

    A head axis is as long as the largest layer's; what a layer lacks is absent in its fields.
    """
    require_capture(run)
    tokens = tuple(run.tokens)
    axes = {"layer": Axis("layer", run.n_layers)}
    if run.n_heads:
        axes["head"] = Axis("head", run.n_heads)
    for coordinate in ("query", "key", "position"):
        axes[coordinate] = Axis(coordinate, run.n_tokens, labels=tokens)
    return axes


def stream_axis(run: Capture) -> Axis:
    """The layer axis of the residual stream: -1 is the embedding, layer l is what block l leaves behind."""
    return Axis("layer", run.n_layers + 1, labels=("embed", *map(str, range(run.n_layers))), start=-1)
