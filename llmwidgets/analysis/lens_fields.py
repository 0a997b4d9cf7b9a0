"""The logit lens as fields over (layer, position): the top token with its probability, the entropy, the KL to the output.

Always true: only the rows of an asked-for block are read out, and each once a run. A field over all positions of a long prompt is never
computed unless a block asks for it: a view asks for the positions that it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.field import CellExtra, Field
from llmwidgets.fields.scale import Scale
from llmwidgets.fields.stream import Cells, Places

from .axes import axes_of, stream_axis
from .lens import CAVEAT, METHOD, words
from .lens_rows import Rows, kept_rows

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

_SHOWN = 5  # tokens in a cell's detail
_ROWS_AT_ONCE = 512  # read out before the work can be called off


def logit_lens_field(run: Capture) -> Field:
    """The field `logit_lens`: the top token's probability, with that token as the cell's word."""
    return _field(run, "logit_lens", "logit lens: top token", "probability", Scale("sequential", 0.0, 1.0), CAVEAT, "probability")


def lens_entropy_field(run: Capture) -> Field:
    """The field `lens_entropy`: the entropy of the distribution that is read out."""
    caveat = f"How undecided the read-out is; 0 is certain. {CAVEAT}"
    return _field(
        run, "lens_entropy", "logit lens: entropy", "nats", Scale("sequential", 0.0, float(np.log(run.vocab_size))), caveat, "entropy"
    )


def lens_kl_field(run: Capture) -> Field:
    """The field `lens_kl`: how far the distribution that is read out is from the final one."""
    caveat = f"How far this read-out is from the model's output at the same position; 0 at the last layer. {CAVEAT}"
    return _field(run, "lens_kl", "logit lens: KL to the output", "nats", Scale("sequential", 0.0, None, power=0.5), caveat, "kl")


def _field(run: Capture, name: str, title: str, unit: str, scale: Scale, caveat: str, measure: str) -> Field:
    return Field(
        name=name,
        title=title,
        axes=(stream_axis(run), axes_of(run)["position"]),
        unit=unit,
        reader=_LensReader(run, measure),
        scale=scale,
        evidence="observation",
        caveat=caveat,
        method=METHOD,
        texts=True,
        cell_reader=lambda index: lens_cell(run, index["layer"], index["position"]),
        band=_ROWS_AT_ONCE,
    )


def lens_cell(run: Capture, layer: int, position: int) -> CellExtra:
    """The most probable tokens of one row, its entropy and its KL to the output."""
    rows = kept_rows(run, [layer], [position])
    tokens, probabilities = words(run, rows.ids[0, 0, :_SHOWN]), rows.probability[0, 0, :_SHOWN]
    return CellExtra(
        text=str(tokens[0]),
        detail=tuple((str(token), float(p)) for token, p in zip(tokens, probabilities, strict=True)),
        more=(
            ("entropy", float(rows.entropy[0, 0]), "nats"),
            ("KL to the output", float(rows.kl[0, 0]), "nats"),
        ),
    )


class _LensReader:
    def __init__(self, run: Capture, measure: str) -> None:
        self._run, self._measure = run, measure

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        rows: Rows = kept_rows(self._run, list(index["layer"]), list(index["position"]))
        values = rows.probability[..., 0] if self._measure == "probability" else getattr(rows, self._measure)
        return Cells(values, texts=words(self._run, rows.ids[..., 0]))
