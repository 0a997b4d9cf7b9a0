"""Estimated ablation: what taking away each head would change, by one straight line, for all heads at once (Michel et al. 2019).

(0 - z) . d f / d z at the run itself, summed over positions: attribution patching towards zero. z enters its layer's output matrix
linearly, so no softmax lies within the change itself, and the QK fix of AtP* has nothing to do here; later softmaxes, norms and MLPs are
taken as straight lines. Always true: one forward and one backward pass. It is a screen: the strongest places may be ablated for real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.sweep import sweep
from llmwidgets.models.errors import CaptureStopped

from .asked import layers_of
from .attribution_patching import rank_correlation, strongest
from .gradients import gradients
from .table import coordinates, told

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture
    from llmwidgets.capture.recorder import Cancelled, Progress

METHOD = "attribution patching towards zero: gradient times minus the head's output (Michel et al. 2019; Nanda 2023)"


@over_prompts
def estimate_ablation(
    run: Capture,
    metric: Metric,
    *,
    verify: int = 0,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> xarray.Dataset:
    """Estimate what `ablate` would find for every head, set to zero at all positions; ablate the `verify` strongest for real.

    A Dataset over (layer, head), float64, in the metric's unit: `estimate` and `verified` (after - before; NaN where nothing was verified
    or a layer lacks the head). Cancelled while it verifies, it gives what it has, with attrs["stopped"]. attrs: before (every quantity),
    top_k (how many were verified), rank_correlation (Spearman's, of the two over these, from 3 on), and what was done. A list of runs gives
    means with intervals.

    Raises ValueError for a quantity without a gradient (rank, kl), UndefinedHereError where no layer has heads that can be taken away or
    the run is a changed one (`intervene`), and what `metric.on` raises. Source: Michel et al. 2019 (arXiv 1905.10650); Nanda 2023.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> found = estimate_ablation(run, Metric(" Mary", foil=" John"), verify=3)
    >>> found.estimate.dims, int(found.verified.notnull().sum())
    (('layer', 'head'), 3)
    """
    require_capture(run)
    if isinstance(verify, bool) or not isinstance(verify, (int, np.integer)) or verify < 0:
        raise ValueError(f"verify={verify!r} came; expected how many heads to ablate for real, 0 or more")
    import xarray

    asked = metric.on(run)
    having = layers_of(run, None, "z")
    found = gradients(run, asked, ["z"], progress=progress, cancelled=cancelled)
    estimate = np.full((run.n_layers, run.n_heads), np.nan)
    for layer in having:
        there = found.at["z", layer]
        change = -(there.activation.double() * there.gradient.double()).sum((1, 2))  # (head,)
        estimate[layer, : len(change)] = change.numpy()
    verified, places, stopped = np.full_like(estimate, np.nan), strongest(estimate, int(verify)), None
    if places:
        changes = [Intervention("z", layer, head) for layer, head in places]
        try:
            for outcome in sweep(run, changes, metric, progress=progress, cancelled=cancelled):
                verified[places[outcome.index]] = outcome.effect(metric.quantity)
        except CaptureStopped:
            stopped = f"stopped after {int(np.isfinite(verified).sum())} of {len(places)} heads were verified"
    at = tuple(np.array(places, dtype=int).reshape(len(places), 2).T)
    done = np.isfinite(verified[at])
    agreement = rank_correlation(estimate[at][done], verified[at][done])
    dims = ("layer", "head")
    attrs: dict[str, Any] = {
        "title": f"estimated effect of taking away each head on {asked.name}",
        "unit": asked.unit,
        "evidence": "attribution",
        "caveat": caveat("attribution_patching"),
        "method": METHOD,
        "metric": asked.name,
        "quantity": metric.quantity,
        "n_prompts": 1,
        "site": "z",
        "replacement": "zero",
        "positions": "all",
        "before": dict(asked.before),
        "top_k": int(done.sum()),
        **({"stopped": stopped} if stopped else {}),
        **({} if agreement is None else {"rank_correlation": agreement}),
    }
    variables = {
        "estimate": (dims, estimate, {"unit": asked.unit, "evidence": "attribution"}),
        "verified": (dims, verified, {"unit": asked.unit, "evidence": "intervention"}),
    }
    coords = coordinates(run, {"layer": range(run.n_layers), "head": range(run.n_heads)})
    return told(xarray.Dataset(variables, coords), ("estimate", "verified"), **attrs)
