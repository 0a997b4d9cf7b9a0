"""A sweep's outcomes as labelled arrays: one cell for each change, with every quantity beside the effect.

Always true: a cell that was not reached, because the sweep was stopped, or that the run does not have, is NaN; `attrs["stopped"]` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.metric import UNITS, AskedOf, Metric
from llmwidgets.experiments.sweep import Outcome, sweep
from llmwidgets.models.errors import CaptureStopped

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture
    from llmwidgets.capture.recorder import Cancelled, Progress

Place = tuple[int, ...]
OnOutcome = Callable[[dict[str, int], Outcome], None]


def effect_table(
    run: Capture,
    changes: Mapping[Place, Intervention | Interventions],
    metric: Metric,
    coords: Mapping[str, Sequence[int]],
    *,
    known: Iterable[Capture] = (),
    reference: Capture | AskedOf | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    on_outcome: OnOutcome | None = None,
) -> xarray.Dataset:
    """Sweep over `changes`, each at its place (indices into `coords`), and return a Dataset over the dims of `coords`.

    Variables, float64: `effect` (after - before, in the metric's quantity), and the values after: logit_difference (where there is a
    foil), log_probability, probability, kl, rank. attrs: metric, quantity, unit, before, n_prompts, tokens of the run; stopped.
    `on_outcome` is called with each place by name and its Outcome, as they come.
    """
    import xarray

    if not isinstance(metric, Metric):
        raise TypeError(f"metric={metric!r} came; expected an lw.Metric, such as Metric(' Mary', foil=' John')")
    asked = metric.on(run)
    dims = tuple(coords)
    shape = tuple(len(values) for values in coords.values())
    values = {name: np.full(shape, np.nan) for name in asked.quantities}
    effect = np.full(shape, np.nan)
    before, stopped = dict(asked.before), None
    places = list(changes)
    outcomes = sweep(run, list(changes.values()), metric, known=known, reference=reference, progress=progress, cancelled=cancelled)
    done = 0
    try:
        for outcome in outcomes:
            place, before, done = places[outcome.index], outcome.before, done + 1
            effect[place] = outcome.effect(metric.quantity)
            for name, value in outcome.after.items():
                values[name][place] = value
            if on_outcome is not None:
                on_outcome({dim: coords[dim][at] for dim, at in zip(dims, place, strict=True)}, outcome)
    except CaptureStopped:
        if not done:
            raise
        stopped = f"stopped after {done} of {len(places)}; the other places are NaN"
    variables: dict[str, Any] = {"effect": (dims, effect, {"unit": asked.unit})}
    variables |= {name: (dims, array, {"unit": UNITS[name], "title": f"{name.replace('_', ' ')} after"}) for name, array in values.items()}
    attrs = {
        "metric": asked.name,
        "quantity": metric.quantity,
        "unit": asked.unit,
        "before": before,
        "evidence": "intervention",
        "n_prompts": 1,
        **({"stopped": stopped} if stopped else {}),
    }
    return xarray.Dataset(variables, coords=coordinates(run, coords), attrs=attrs)


def told(found: xarray.Dataset, main: Sequence[str], **attrs: Any) -> xarray.Dataset:
    """The result with `attrs`; the `main` variables carry what a field of theirs shows: title, evidence, caveat, method, metric."""
    found = found.assign_attrs(attrs)
    for name in main:
        of_field = {
            key: found.attrs[key] for key in ("title", "evidence", "caveat", "method", "method_name", "metric") if key in found.attrs
        }
        found[name].attrs = {**of_field, **found[name].attrs}
    return found


def coordinates(run: Capture, coords: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The coordinates of a result: its places by dimension, and beside positions, queries and keys their tokens."""
    tokens = run.tokens
    found: dict[str, Any] = {}
    for dim, places in coords.items():
        found[dim] = list(places)
        if dim in ("position", "query", "key"):
            name = "token" if dim == "position" else f"{dim}_token"
            found[name] = (dim, np.array([tokens[place] for place in places], dtype=object))
    return found
