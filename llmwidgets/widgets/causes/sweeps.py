"""Fields that grow: which cells each has, and the sweep that finds the numbers of those still missing.

Always true: an effect is after - before in the metric's quantity, as the headless analyses give it (`ablate`, `patch`); places come in the
order in which those make them, and numbers as the passes find them, the last layers first; a sweep runs on a twin of its own, so that
reading the run never waits for it. When it runs is growth.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...analysis.effects.pairing import pairing
from ...experiments.edits import layers_with
from ...experiments.intervention import Intervention, Interventions
from ...experiments.metric import Metric
from ...experiments.replacement import Replacement
from ...experiments.sweep import sweep
from ...fields import Axis, Growing

if TYPE_CHECKING:
    from ...capture import Capture

Place = Mapping[str, int]
Pairs = Sequence[tuple[int, int]]
Cancelled = Callable[[], bool]
Effects = Callable[[Sequence[Place], Cancelled], Iterator[tuple[Place, float]]]
"""(places, cancelled) to each place with its effect, as they come; CaptureStopped once cancelled() is true."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The cells of one growing field, and what finds them."""

    cells: Growing
    effects: Effects


def lacking(run: Capture, site: str, axes: Sequence[Axis]) -> np.ndarray:
    """Which cells over (layer, ...) do not exist: layers without the site, heads that a layer lacks; bool."""
    absent = np.ones(tuple(axis.size for axis in axes), bool)
    for layer in layers_with(run, site):
        absent[layer, : run.heads_per_layer[layer] if axes[1].coordinate == "head" else None] = False
    return absent


def ablation(
    run: Capture, metric: Metric, cells: Growing, change: Interventions, changed: Capture | None, known: Sequence[Capture]
) -> Plan:
    """Each head alone to zero, in `cells` over (layer, head); with a change, on top of it, against the changed run."""

    def effects(places: Sequence[Place], cancelled: Cancelled) -> Iterator[tuple[Place, float]]:
        own, each = run.apart(), [change + Intervention("z", **place) for place in places]
        before = _before(own, metric, change, changed, known, cancelled) if change else None
        for outcome in sweep(own, each, metric, known=known, cancelled=cancelled):
            was = outcome.before if before is None else before
            yield places[outcome.index], outcome.after[metric.quantity] - was[metric.quantity]

    return Plan(cells, effects)


def patching(
    clean: Capture, corrupted: Capture, metric: Metric, site: str, direction: str, axes: Sequence[Axis], pairs: Pairs | None
) -> Plan:
    """Each cell of `site` patched between the two prompts: the effect on the run that is patched.

    Positions are those of the clean prompt, in both directions; one without a partner is absent. Raises what `patch` does.
    """
    way = pairing(clean, corrupted, metric, direction, pairs)
    put, absent = Replacement.other(way.donor, way.pairs), lacking(way.base, site, axes)
    there: Mapping[int, int] = {place: place for place in range(clean.n_tokens)}  # where a position of the clean prompt is, in the base
    if way.pairs is not None and axes[1].coordinate == "position":
        there = {first: base for base, first in way.pairs} if direction == "denoise" else {base: base for base, _ in way.pairs}
        absent[:, [place for place in axes[1].range if place not in there]] = True

    def effects(places: Sequence[Place], cancelled: Cancelled) -> Iterator[tuple[Place, float]]:
        each = [Intervention(site, **_at(place, there), replacement=put) for place in places]
        asked = metric.on(clean)
        for outcome in sweep(way.base.apart(), each, way.metric, known=[way.donor], reference=asked, cancelled=cancelled):
            yield places[outcome.index], outcome.effect(metric.quantity)

    return Plan(Growing(axes, absent), effects)


def _at(place: Place, there: Mapping[int, int]) -> dict[str, int]:
    return {coordinate: there[at] if coordinate == "position" else at for coordinate, at in place.items()}


def _before(
    run: Capture, metric: Metric, change: Interventions, changed: Capture | None, known: Sequence[Capture], cancelled: Cancelled
) -> Mapping[str, float]:
    if changed is not None:
        return metric.on(run).values_of(changed)
    return next(sweep(run, [change], metric, known=known, cancelled=cancelled)).after
