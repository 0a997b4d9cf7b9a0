"""What follows from a question: the run that answers it is made and shown, and each change is measured alone.

Always true: what is asked changes under TURN and is told to the page at once; a run that follows from it is made on the run worker, the
newest question wins, and a run that answers a former question is never shown. Where a run does not come about, the question is taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Protocol

from ...analysis.effects.alone import effects_alone
from ...analysis.effects.moved import moved_by
from ...experiments.donors import is_same_model
from ...models.errors import CaptureStopped
from ..answers import Cancelled, Served
from ..failures import sentence
from ..runner import Progress, Runner
from ..selection import TURN
from ..workers import Workers
from .asked import RUNS, UNCHANGED, Asked, Measured, run_of
from .exhibits import Exhibits
from .measuring import metric_on
from .proposals import CANNOT

log = logging.getLogger("llmwidgets")


class Screen(Protocol):
    """Where it is shown."""

    @property
    def served(self) -> Served | None:
        """What is shown."""

    def present(self, served: Served, asked: Asked, cancelled: Cancelled, before: Callable[[], None] = ...) -> None:
        """Show this run; called on any thread. before: called under TURN when it is certain to be shown."""

    def tell(self, asked: Asked) -> None:
        """Say what is asked now; called under TURN."""


class Following:
    """Keeps what is asked, and sees to it that what is shown follows."""

    def __init__(self, screen: Screen, exhibits: Exhibits, runner: Runner, workers: Workers) -> None:
        self._screen, self.exhibits, self._runner, self._workers = screen, exhibits, runner, workers
        self._ids = count(1)
        self._latest = 0  # the change that was switched on last
        self.asked = Asked()

    def _ask(self, asked: Asked, fresh: bool = False, over: bool = False) -> None:
        """Ask this from now on. Called under TURN. fresh: the metric or the second run is another, so fields of causes are. over: also
        where a prompt is being captured, for it has just come."""
        former, self.asked = self.asked, asked
        if fresh and former.first is asked.first:
            try:
                self.exhibits.measure(asked)
            except BaseException:  # what cannot be asked changes nothing
                self.asked = former
                self.exhibits.measure(former)
                raise
        self._screen.tell(asked)
        self._follow(over)

    def _follow(self, over: bool = False) -> None:
        """See to it that what is shown is what is asked."""
        asked = self.asked
        if asked.first is None or (self._runner.captures and not over):
            return  # a prompt is on its way: what is shown follows when it is there
        self._runner.start(
            lambda progress, cancelled: self._made(asked, progress, cancelled),
            None,
            lambda served, cancelled: self._show(served, asked, cancelled),
            quietly=True,
        )

    def _made(self, asked: Asked, progress: Progress, cancelled: Cancelled) -> Served:
        try:
            return self.exhibits.made(asked, asked.which, progress, cancelled)
        except CANNOT as error:
            self._refuse(asked, sentence(error))
            raise CaptureStopped("these changes cannot be made together") from error

    def missed(self, quiet: bool, error: BaseException) -> None:
        """A run did not come about, and nothing newer takes its place. quiet: it followed from what is asked, so that is taken back; else a
        prompt did not come, and what was asked meanwhile is asked of the run that stays."""
        with TURN:
            asked, shown = self.asked, self._screen.served
            if asked.first is None or shown is None:
                return
            if not quiet:
                there = self.exhibits.kept(asked, asked.which)
                if there is None or there.epoch != shown.epoch:
                    self._follow()
            elif asked.which not in UNCHANGED:
                is_stop = isinstance(error, CaptureStopped)
                self._refuse(asked, "stopped before its run was there; switch it on to make it" if is_stop else sentence(error))
            elif asked.which != "clean":
                self._ask(replace(asked, wish="clean"))

    def _refuse(self, asked: Asked, why: str) -> None:
        """Switch off the change that was switched on last, for with it these cannot be made."""
        with TURN:
            on = asked.entries_on(run_of(asked.which))
            latest = next((entry for entry in on if entry.id == self._latest), on[-1] if on else None)
            if latest is not None and self.asked.entries_on(latest.run) == asked.entries_on(latest.run):
                self._ask(self.asked.without_failures({latest.id: why}))

    def _show(self, served: Served, asked: Asked, cancelled: Cancelled) -> None:
        self._screen.present(served, asked, cancelled)
        self._workers.submit(lambda: self._measure_each(asked))

    def _measure_each(self, asked: Asked) -> None:
        """What each change does alone: not waited for by what is shown."""
        for run in RUNS:
            base = asked.first if run == "first" else asked.second
            unknown = [entry for entry in asked.entries if entry.run == run and entry.measured is None and (entry.on or not entry.failed)]
            metric = metric_on(asked, run)
            if base is None or metric is None or not unknown:
                continue
            known = [each for each in (asked.first, asked.second) if each is not None and is_same_model(base, each)]
            try:
                found = effects_alone(base, [entry.change for entry in unknown], metric, known=known)
                moved = [moved_by(base, entry.change) if why is None else [] for entry, (_, _, why) in zip(unknown, found, strict=True)]
            except Exception as error:  # the list stands without these numbers
                log.warning("the changes could not be measured one by one", exc_info=error)
                continue
            with TURN:
                now = self.asked
                if now.metric != asked.metric or now.first is not asked.first or now.second is not asked.second:
                    return
                for entry, (effect, after, _), rows in zip(unknown, found, moved, strict=True):
                    here = next((one for one in now.entries if one.id == entry.id and one.is_as(entry)), None)
                    if here is not None:
                        now = now.with_entry(replace(here, measured=Measured(effect, after, tuple(rows))))
                self.asked = now
                self._screen.tell(now)
