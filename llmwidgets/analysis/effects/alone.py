"""The effect of each of several changes, each made alone: what a list of interventions shows beside its entries.

Always true: a change that the run does not have fails by itself, with the sentence that says why; the others are measured. Several
changes made together are `effect_of`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from llmwidgets.analysis.given import require_capture
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.sweep import sweep
from llmwidgets.models.errors import PromptError, UndefinedHereError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture
    from llmwidgets.capture.recorder import Cancelled

_FAILS_ALONE = (IndexError, UndefinedHereError, PromptError)


class Alone(NamedTuple):
    """effect: after - before, in the metric's quantity; after: that quantity; failed: why there is neither."""

    effect: float | None
    after: float | None
    failed: str | None


def effects_alone(
    run: Capture,
    changes: Sequence[Intervention | Interventions],
    metric: Metric,
    known: Iterable[Capture] = (),
    *,
    cancelled: Cancelled | None = None,
) -> list[Alone]:
    """The effect of each of `changes` on `run`, each made alone, in their order, in one sweep.

    known: Captures of the prompts that replacements name. Raises what `Metric.on` does; CaptureStopped once `cancelled()`.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> found = effects_alone(run, [Intervention("z", layer=1), Intervention("z", layer=9)], Metric(" Mary", foil=" John"))
    >>> found[0].failed, found[1].failed
    (None, 'layer 9 is outside this run, which has 4 (0 to 3)')
    """
    require_capture(run)
    metric.on(run)  # what is wrong with it is wrong for all
    changes, known = list(changes), list(known)
    try:
        return _measured(run, changes, metric, known, cancelled)
    except _FAILS_ALONE:  # found before the passes, or in one of them (a row that may look nowhere)
        return [_one(run, change, metric, known, cancelled) for change in changes]


def _one(run: Capture, change: Intervention | Interventions, metric: Metric, known: list[Capture], cancelled: Cancelled | None) -> Alone:
    try:
        return _measured(run, [change], metric, known, cancelled)[0]
    except _FAILS_ALONE as error:
        return Alone(None, None, str(error))


def _measured(
    run: Capture, changes: list[Intervention | Interventions], metric: Metric, known: list[Capture], cancelled: Cancelled | None
) -> list[Alone]:
    found: dict[int, Alone] = {}
    for outcome in sweep(run, changes, metric, known=known, cancelled=cancelled):
        found[outcome.index] = Alone(outcome.effect(metric.quantity), outcome.after[metric.quantity], None)
    return [found[index] for index in range(len(changes))]
