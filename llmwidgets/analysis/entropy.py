"""Attention entropy: how evenly each query of each head spreads its attention."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from llmwidgets.fields.field import Field

from .given import require_capture
from .head_fields import head_array, head_field, labelled

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

TITLE = "attention entropy"
UNIT = "nats"
CAVEAT = "How evenly a query spreads its attention: 0 on a single key, ln n over n keys alike. It does not say whether the look mattered."
METHOD = "entropy of each row's weights over the allowed keys, scaled to sum 1 where a sink took part of them"


def attention_entropy(run: Capture) -> xarray.DataArray:
    """Entropy of each query's attention, (layer, head, query) float32, in nats.

    NaN where a row may look nowhere, or the layer has no such head. `.mean("query")` is the head's; what uniform attention would
    give, ln of the number of allowed keys, is the coordinate `uniform`.

        lw.attention_entropy(run).mean("query")          # (layer, head)
    """
    require_capture(run)
    attrs = {"title": TITLE, "unit": UNIT, "evidence": "observation", "caveat": CAVEAT, "method": METHOD}
    array = labelled(run, head_array(run, "entropy"), "attention_entropy", attrs)
    return array.assign_coords(uniform=(array.dims, head_array(run, "entropy", uniform=True)))


def entropy_field(run: Capture) -> Field:
    """The field `attention_entropy`, (layer, head, query)."""
    return head_field(
        run,
        "attention_entropy",
        "entropy",
        title=TITLE,
        unit=UNIT,
        caveat=CAVEAT,
        method=METHOD,
        high=math.log(run.n_tokens) if run.n_tokens > 1 else None,
    )
