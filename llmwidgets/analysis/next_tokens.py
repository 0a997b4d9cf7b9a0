"""What the model says comes next: the most probable tokens at a position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.axis import Axis
from llmwidgets.fields.field import CellExtra, Field
from llmwidgets.fields.scale import Scale
from llmwidgets.fields.stream import Cells, Places

from .axes import axes_of
from .given import require_capture
from .lens import logit_lens, words
from .lens_rows import KEPT, kept_rows

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

CAVEAT = "The model's distribution for the token after this one: what it gives, not what is right."
METHOD = "softmax of the logits, read out of the last layer's residual stream by the model's own final norm and head"


def next_token(run: Capture, position: int = -1, k: int = KEPT) -> xarray.Dataset:
    """The `k` most probable next tokens after `position` (negative ones from the end).

    A Dataset over rank (0 is the most probable): `top_id` int64, `top_token` str, `probability` float32; `entropy` in nats.

        lw.next_token(run, k=3).to_pandas()
    """
    require_capture(run)
    k = min(k, run.vocab_size)
    lens = logit_lens(run, k=k, layers=[run.n_layers - 1], positions=[position])
    found = lens.drop_vars(["kl", "layer_label"]).isel(layer=0, position=0).drop_vars("layer")
    return found.assign_attrs(evidence="observation", caveat=CAVEAT, method=METHOD)


def next_token_field(run: Capture) -> Field:
    """The field `next_token`, (position, rank): probability, with the token as the cell's word."""
    ranks = min(KEPT, run.vocab_size)

    def reader(index: Mapping[str, Places]) -> Cells:
        rows = kept_rows(run, [run.n_layers - 1], list(index["position"]))
        at = np.asarray(index["rank"])
        return Cells(rows.probability[0][:, at], texts=words(run, rows.ids[0][:, at]))

    def cell(index: Mapping[str, int]) -> CellExtra:
        rows = kept_rows(run, [run.n_layers - 1], [index["position"]])
        return CellExtra(
            text=str(words(run, rows.ids[0, 0, index["rank"]][None])[0]),
            more=(("id", float(rows.ids[0, 0, index["rank"]]), ""), ("entropy", float(rows.entropy[0, 0]), "nats")),
        )

    return Field(
        name="next_token",
        title="next token",
        axes=(axes_of(run)["position"], Axis("rank", ranks)),
        unit="probability",
        reader=reader,
        scale=Scale("sequential", 0.0, 1.0),
        evidence="observation",
        caveat=CAVEAT,
        method=METHOD,
        texts=True,
        cell_reader=cell,
        band=1024,
    )
