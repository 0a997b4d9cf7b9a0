"""Direct against total effect of each head: what its own output does to the answer, and what is left once all that comes after reacts.

Direct: the head's output is replaced and everything later held as it was, so only its own path to the answer changes. Total: ablation, with
everything later computed anew. Always true: both replace the same activation by the same value, so that points off the diagonal are what
its layer's MLP, later layers and the norms repaired, relayed or undid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from llmwidgets.analysis.contributions.carry import Parts, carried, pulled_back_to
from llmwidgets.analysis.contributions.parts import by_head, heads_of
from llmwidgets.analysis.contributions.terms import terms_at
from llmwidgets.analysis.contributions.unembedding import towards
from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.donors import Donors
from llmwidgets.experiments.metric import AskedOf, Metric
from llmwidgets.models.errors import UndefinedHereError

from .ablation import ablate
from .asked import captures_among, replacement_of
from .table import OnOutcome, told

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture
    from llmwidgets.capture.recorder import Cancelled, Progress

FINAL_NORMS = ("frozen", "recomputed")
_CHANGE = ("change", 0)


@over_prompts
def direct_and_total_effect(
    run: Capture,
    metric: Metric,
    *,
    final_norm: str = "frozen",
    replacement: str = "zero",
    references: Sequence[Any] = (),
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    on_outcome: OnOutcome | None = None,
) -> xarray.Dataset:
    """The direct and the total effect of ablating each head on the metric, side by side.

    final_norm: "frozen", the final norm keeps its statistics too, so that the direct effect of zeroing a head is exactly minus its direct
    logit attribution (a logit difference, before any soft cap); "recomputed", the model's own tail reads the changed stream, in any
    quantity and on any model (BERT's read-out is no sum, so it needs this one). Norms inside the stream (Gemma 2's post-norms, BERT's)
    keep their statistics in both; in the total effect they do not.
    replacement, references, progress, cancelled, on_outcome: as in `ablate`; on_outcome hears of the total effects.

    A Dataset over (layer, head), float64: `direct` and `total` (after - before, in the metric's quantity) and `later` = total - direct:
    what comes after the head (its layer's MLP, later layers, the norms) made of the change. NaN for heads that
    a layer lacks, or whose part in its layer's attention cannot be told.

    Raises UndefinedHereError where final_norm="frozen" means nothing, and says to ask for "recomputed".

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> found = direct_and_total_effect(run, Metric(" Mary", foil=" John"))
    >>> shares = lw.direct_logit_attribution(run, Metric(" Mary", foil=" John"))
    >>> bool(abs(found.direct + shares.heads).max() < 1e-4)
    True
    """
    require_capture(run)
    asked = metric.on(run)
    direct = direct_effect(run, metric, final_norm=final_norm, replacement=replacement, references=references).values
    found = ablate(
        run,
        metric,
        replacement=replacement,
        references=references,
        progress=progress,
        cancelled=cancelled,
        on_outcome=on_outcome,
    )
    rows = found["layer"].values
    found = found.rename(effect="total")
    unit = {"unit": asked.unit}
    found = found.assign(direct=(("layer", "head"), direct[rows], {**unit, "title": "direct effect: everything later held as it was"}))
    found = found.assign(later=(found.total - found.direct).assign_attrs({**unit, "title": "what comes after it made of it"}))
    held = "all norms held too, before any soft cap" if final_norm == "frozen" else "norms inside the stream held, final norm recomputed"
    return told(
        found,
        ("direct", "total", "later"),
        title="direct and total effect of each head",
        method_name="direct_and_total",
        method=f"direct: the head's output replaced with everything later held ({held}); total: ablation",
        final_norm=final_norm,
        caveat=caveat("direct_and_total", replacement=replacement),
    )


def direct_effect(
    run: Capture, metric: Metric, *, final_norm: str = "frozen", replacement: str = "zero", references: Sequence[Any] = ()
) -> xarray.DataArray:
    """The direct effect of ablating each head alone, (layer, head) float64: no pass of the model, and `run` may be a changed one.

    Arguments, NaN and errors as in `direct_and_total_effect`.
    """
    import xarray

    if final_norm not in FINAL_NORMS:
        raise ValueError(f"final_norm={final_norm!r} came; expected one of {', '.join(FINAL_NORMS)}")
    asked = metric.on(run)
    if final_norm == "frozen" and metric.quantity != "logit_difference":
        raise ValueError(f'quantity={metric.quantity!r} is no sum over heads; ask for final_norm="recomputed", or a logit difference')
    changes = _changes_at_leaves(run, asked.position, Donors(run, captures_among(references)), replacement, references)
    direct = (_frozen if final_norm == "frozen" else _recomputed)(run, asked, changes)
    coords = {"layer": range(direct.shape[0]), "head": range(direct.shape[1])}
    attrs = {
        "title": "direct effect: everything later held as it was",
        "unit": asked.unit,
        "metric": asked.name,
        "evidence": "attribution",
        "replacement": replacement,
        "final_norm": final_norm,
        "caveat": caveat("direct_and_total", replacement=replacement),
    }
    return xarray.DataArray(direct, dims=("layer", "head"), coords=coords, name="direct_effect", attrs=attrs)


def _changes_at_leaves(
    run: Capture, position: int, donors: Donors, replacement: str, references: Sequence[Any]
) -> dict[int, tuple[str, Tensor]]:
    """By layer: the module whose output changes, and by how much for each head, (head, d_model)."""
    put = replacement_of(run, replacement, references)
    terms = terms_at(run, [position])
    changes: dict[int, tuple[str, Tensor]] = {}
    with run.bench("direct effects").twin.ready() as model:
        for layer, block in enumerate(terms.blocks):
            division = heads_of(block, model)
            if division is None:
                continue
            n_heads = block.anatomy.n_heads
            z = by_head(division.inner, n_heads)[:, 0].double()  # (head, width)
            value = donors.value("z", layer, put)
            instead = torch.zeros_like(z) if value is None else value[:, position].double()
            weight = division.matrix.weight.double().reshape(n_heads, z.shape[1], -1)  # (head, width, d_model)
            changes[layer] = division.leaf, torch.einsum("hw,hwd->hd", instead - z, weight)
    if not changes:
        raise UndefinedHereError("no block of this model has attention whose heads can be told apart, so they have no direct effect")
    return changes


def _frozen(run: Capture, asked: AskedOf, changes: dict[int, tuple[str, Tensor]]) -> np.ndarray:
    """(layer, head): the change of the logit difference with every norm frozen."""
    try:
        direction = towards(run, asked).at([asked.position])  # (1, d_model)
    except UndefinedHereError as error:
        raise UndefinedHereError(f'{error}. Ask for final_norm="recomputed", which reads the changed stream out instead') from error
    terms = terms_at(run, [asked.position])
    nodes = [block.anatomy.output for block in terms.blocks]
    inside = pulled_back_to(0, nodes, direction, [block.norms for block in terms.blocks])  # type: ignore[arg-type]
    direct = np.full((run.n_layers, run.n_heads), np.nan)
    for layer, (leaf, change) in changes.items():
        direct[layer, : len(change)] = (change @ inside[layer].leaves[leaf][0].double()).numpy()
    return direct


def _recomputed(run: Capture, asked: AskedOf, changes: dict[int, tuple[str, Tensor]]) -> np.ndarray:
    """(layer, head): the change of the quantity when the model's own tail reads the changed stream."""
    terms = terms_at(run, [asked.position])
    stream = run["resid_post", run.n_layers - 1][asked.position].double()  # (d_model,)
    direct = np.full((run.n_layers, run.n_heads), np.nan)
    for layer, (leaf, change) in changes.items():
        parts: Parts = {}
        for later in range(layer, run.n_layers):
            block = terms.blocks[later]
            assert block.anatomy.output is not None
            of_leaf: dict[str, Parts] = {name: {} for name in block.leaves}
            if later == layer:
                of_leaf[leaf] = {_CHANGE: change[:, None]}  # (head, 1, d_model)
            arrived = carried(block.anatomy.output, later, parts, of_leaf, block.norms)
            parts = {_CHANGE: arrived[_CHANGE]}  # a norm's beta is no part of the change
        read = run.read_out(stream + parts[_CHANGE][:, 0])  # (head, vocab)
        direct[layer, : len(change)] = (asked.of(read) - asked.before[asked.quantity]).numpy()
    return direct
