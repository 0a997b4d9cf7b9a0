"""The metric, asked of the runs that a view shows: each run is read out once for a metric, however often it is told of.

Always true: what is told is of the run itself, in the metric's own quantity, with how likely that run finds target and foil beside it; a
metric that cannot be asked of the second prompt is no error, for the first can be shown without it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...analysis.effects.pairing import metric_there
from ...analysis.memo import once
from ...experiments.metric import AskedOf, Metric
from ..traits import finite
from .asked import UNCHANGED, Asked, run_of

if TYPE_CHECKING:
    from torch import Tensor

    from ...capture import Capture


def asked_of(run: Capture, metric: Metric) -> AskedOf:
    """The metric on a clean run, with or without a foil. Raises what `Metric.on` raises."""
    return once(run, ("asked", json.dumps(metric.to_json())), lambda: metric.on(run, foil_needed=False))


def metric_on(asked: Asked, run: str) -> Metric | None:
    """The metric as it is asked of the first or the second run; None where it cannot be."""
    if run == "first" or asked.metric is None or asked.first is None or asked.second is None:
        return asked.metric
    try:
        metric = metric_there(asked.metric, asked.first, asked.pairs)
        asked_of(asked.second, metric)
    except (ValueError, IndexError, RuntimeError):  # no partner of its position, no such token in the other model, or no model any more
        return None
    return metric


def answers_of(asked: Asked, which: str, run: Capture) -> dict[str, Any]:
    """What `run.shown` tells of a run: the metric before and after, and how likely it finds the target and the foil."""
    base, metric = asked.first if run_of(which) == "first" else asked.second, metric_on(asked, run_of(which))
    found: dict[str, Any] = {"before": None, "after": None, "target": None, "foil": None}
    if base is None or metric is None or which == "prompts":
        return found
    on = asked_of(base, metric)
    logits = on.clean if which in UNCHANGED else on.logits_of(run)
    found["before"] = finite(on.before.get(on.quantity))
    if which not in UNCHANGED:
        after = on.values(logits[None]).get(on.quantity)
        found["after"] = None if after is None else finite(float(after[0]))
    return {**found, "target": _likely(logits, on.target_id), "foil": None if on.foil_id is None else _likely(logits, on.foil_id)}


def _likely(logits: Tensor, token: int) -> dict[str, Any]:
    share = float((logits[token] - logits.logsumexp(-1)).exp())
    return {"share": finite(share), "rank": 1 + int((logits > logits[token]).sum())}
