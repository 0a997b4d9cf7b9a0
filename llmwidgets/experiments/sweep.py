"""A sweep: the same question asked after each of many changes, answered as the answers come.

Always true: an outcome is the metric in every quantity, in float64; outcomes come from the last layers to the first, which is the quickest
first, each with the index of its change. Nothing of the model is changed when a sweep ends, however it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmwidgets.experiments.donors import Donors
from llmwidgets.experiments.edits import edits_of
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.metric import AskedOf, Metric
from llmwidgets.experiments.passes import TOKENS_AT_ONCE, passes
from llmwidgets.models.errors import CaptureStopped

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


@dataclass(frozen=True)
class Outcome:
    """What the model says after the change number `index`: every quantity of the metric, before and after."""

    index: int
    before: dict[str, float]
    after: dict[str, float]

    def effect(self, quantity: str) -> float:
        """after - before."""
        return self.after[quantity] - self.before[quantity]


def sweep(
    run: Capture,
    changes: Sequence[Intervention | Interventions],
    metric: Metric,
    *,
    known: Iterable[Capture] = (),
    reference: Capture | AskedOf | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    tokens_at_once: int = TOKENS_AT_ONCE,
) -> Iterator[Outcome]:
    """Yield the Outcome of each of `changes` (each made alone; an Interventions is made together), as they are found.

    known: Captures of the prompts that replacements name, so that these are not captured again. reference: the run of whose distribution
    the KL divergence is taken (None: `run` itself), or the metric asked of it, where that is at another position. progress: called as
    progress(done, total, what); cancelled: asked before every block of every pass, True raises CaptureStopped. tokens_at_once: how many
    tokens go through a block together, over all experiments of a pass.

    Raises what `metric.on(run)` raises; IndexError and UndefinedHereError for places that this run does not have, before any pass.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> changes = [Intervention("z", layer=1, head=head) for head in range(4)]
    >>> effects = {found.index: found.effect("logit_difference") for found in sweep(run, changes, Metric(" Mary", " John"))}
    >>> sorted(effects)
    [0, 1, 2, 3]
    """
    if isinstance(changes, (Intervention, Interventions)):
        raise TypeError("one change came; expected a list of changes, each of which is made alone")
    if not isinstance(metric, Metric):
        raise TypeError(f"metric={metric!r} came; expected an lw.Metric, such as Metric(' Mary', foil=' John')")
    asked = metric.on(run)
    before = asked.before
    if reference is not None:
        asked = replace(reference if isinstance(reference, AskedOf) else metric.on(reference), position=asked.position)
        before = asked.values_of(run)
    donors = Donors(run, known)
    experiments = []
    for change in changes:  # thousands of them take seconds
        if cancelled is not None and cancelled():
            raise CaptureStopped(f"stopped before the first of {len(changes)} experiments")
        experiments.append(edits_of(run, Interventions.of(change), donors))

    def outcomes() -> Iterator[Outcome]:
        for index, logits in passes(run, experiments, [asked.position], progress, cancelled, tokens_at_once):
            after = {name: float(value[0]) for name, value in asked.values(logits).items()}
            yield Outcome(index, before, after)

    return outcomes()
