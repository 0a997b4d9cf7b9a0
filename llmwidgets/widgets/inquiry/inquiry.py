"""The inquiry that a view is: what it is asked, by the page and from Python, and that what is shown follows.

Always true: what is asked changes under TURN and is told to the page at once; a run that follows from it is made on the run worker, the
newest question wins, and a run that answers a former question is never shown. A question that this run cannot be asked raises and changes
nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from ...analysis.alignment import checked_pairs
from ...analysis.effects.alone import effects_alone
from ...analysis.effects.moved import moved_by
from ...experiments.donors import Donors, is_same_model
from ...experiments.edits import edits_of
from ...experiments.intervention import Intervention
from ...experiments.metric import Metric, token_id
from ...models.errors import CaptureStopped
from ..answers import Cancelled, Served, never
from ..failures import sentence
from ..runner import Progress, Runner, Work
from ..selection import TURN
from ..workers import Workers
from .asked import RUNS, UNCHANGED, Asked, Entry, Measured, changed_of, is_difference, run_of, swapped
from .exhibits import Exhibits
from .measuring import asked_of, metric_on
from .proposals import CANNOT, aligned, is_from, metric_for, named, taken_from

if TYPE_CHECKING:
    from ...capture import Capture
    from ...fields import Field

log = logging.getLogger("llmwidgets")

_FROM_FORMER = "it takes values from the first prompt that was there; switch it on to take them from that one all the same"


class Screen(Protocol):
    """Where it is shown."""

    @property
    def served(self) -> Served | None:
        """What is shown."""

    def present(self, served: Served, asked: Asked, cancelled: Cancelled, before: Callable[[], None] = ...) -> None:
        """Show this run; called on any thread. before: called under TURN when it is certain to be shown."""

    def tell(self, asked: Asked) -> None:
        """Say what is asked now; called under TURN."""


class Inquiry:
    """Keeps what is asked, and the runs that follow from it."""

    def __init__(self, screen: Screen, exhibits: Exhibits, runner: Runner, workers: Workers) -> None:
        self._screen, self.exhibits, self._runner, self._workers = screen, exhibits, runner, workers
        self._ids = count(1)
        self._latest = 0  # the change that was switched on last
        self.asked = Asked()

    # The runs

    def begin(self, run: Capture, cancelled: Cancelled) -> None:
        """Another first run: its clean run is shown at once, and then what was shown before, of this one."""
        former = self.asked
        asked, own = self._of_run(former, run), run is former.first
        clean = replace(asked, wish="clean")
        served = self.exhibits.begun(clean, own)

        def taken() -> None:
            nonlocal asked
            if self.asked is not former:  # something was asked while its picture was made
                asked = self._of_run(self.asked, run)
            self.exhibits.begin(clean, served, own)
            self.asked = asked

        self._screen.present(served, clean, cancelled, taken)
        with TURN:
            if self.asked is not asked:
                return  # the view was closed, or asked for more since, which is followed
            if asked.metric != clean.metric or asked.second is not clean.second:
                self._ask(asked, fresh=True, over=True)
            elif asked.which != "clean" or asked.entries != clean.entries:
                self._ask(asked, over=True)

    def _of_run(self, asked: Asked, run: Capture) -> Asked:
        """The same, asked of another first run, as far as it can be."""
        gone = [entry for entry in asked.entries if entry.run == "second" and is_from(entry, asked.first) and not is_from(entry, run)]
        asked = asked.of_run(run).without_failures({entry.id: _FROM_FORMER for entry in gone if entry.on})
        asked = aligned(replace(asked, **metric_for(asked, run)))
        return asked.without_failures({entry.id: why for entry in asked.entries if entry.on and (why := self._why_not(asked, entry))})

    def compare(self, second: Capture | None) -> None:
        """A second run beside the first, or none."""
        with TURN:
            kept = [entry for entry in self.asked.entries if entry.run == "first" and not is_from(entry, self.asked.second)]
            self._ask(aligned(replace(self.asked, second=second, entries=tuple(kept), how="position", pairs=())), fresh=True, over=True)

    def compare_soon(self, work: Work) -> None:
        """Capture the second run, and show it beside the first."""
        self._runner.start(work, None, lambda second, cancelled: self._arrived(second, cancelled))

    def _arrived(self, second: Capture, cancelled: Cancelled) -> None:
        with TURN:
            if cancelled():
                raise CaptureStopped("stopped")
            self.compare(second)

    def align(self, pairs: Iterable[Sequence[int]] | None) -> None:
        """Which tokens stand for each other; None for the proposal. Raises ValueError for pairs that are not rising or not there."""
        with TURN:
            asked = self.asked
            if asked.first is None or asked.second is None:
                raise ValueError("there is no second prompt to align; compare one first: view.compare('...')")
            if pairs is None:
                asked = aligned(replace(asked, pairs=(), how="position"))
            else:
                given = checked_pairs(pairs, asked.first.n_tokens, asked.second.n_tokens)
                asked = replace(asked, pairs=tuple(given), how="hand")
            self._ask(asked.measured_anew(), fresh=True)

    # The metric

    def measure(self, metric: Metric, proposed: bool = False) -> None:
        """Measure by another metric. Raises what `Metric.on` raises."""
        with TURN:
            if self.asked.first is None:
                raise RuntimeError("there is no run to measure yet; wait for the capture to end, or give the view a Capture")
            if not isinstance(metric, Metric):
                raise TypeError(f"metric={metric!r} came; expected an lw.Metric, such as lw.Metric(' Mary', foil=' John')")
            metric.on(self.asked.first)
            self._ask(replace(self.asked, metric=metric, proposed=proposed).measured_anew(), fresh=True)

    def measure_other(self, **given: Any) -> None:
        """The metric with another target, foil (token ids or texts; foil None: none) or position; what is not given stays."""
        run, metric = self.asked.first, self.asked.metric
        if run is None or metric is None:
            raise ValueError("this run says nothing of a next token, so nothing can be measured")
        if set(given) == {"position"} and self.asked.proposed:
            return self.measure(Metric.proposed(run, given["position"], metric.quantity), proposed=True)
        on = asked_of(run, metric)
        ids = {"target": on.target_id, "foil": on.foil_id}
        new = {name: given[name] if given.get(name, ids[name]) is None else token_id(run, given.get(name, ids[name]), name) for name in ids}
        if new["target"] == new["foil"]:  # a click on the foil makes it the target, and the other way round
            if "target" in given or on.foil_id is None:
                new["foil"] = on.target_id
            else:
                new["target"] = on.foil_id
        position = given.get("position", on.position)
        self.measure(named(run, Metric(new["target"], new["foil"], position, metric.quantity)))

    # The changes

    def new_entry(self, change: Intervention, run: str) -> Entry:
        """An entry for the list. Raises for places that the run does not have."""
        if run not in RUNS:
            raise ValueError(f"run={run!r} came; expected one of {', '.join(RUNS)}")
        entry = Entry(next(self._ids), self._counted(change, run), run=run)
        self._check(self.asked, entry)
        return entry

    def _counted(self, change: Intervention, run: str) -> Intervention:
        """With all its places counted from 0, as the page has them."""
        base = self.asked.first if run == "first" else self.asked.second
        return change if base is None else change.counted_in(base.n_layers, base.n_heads, base.n_tokens)

    def entries(self) -> tuple[Entry, ...]:
        """The list as it is."""
        return self.asked.entries

    def edit(self, edited: Callable[[tuple[Entry, ...]], Iterable[Entry]], shown: str | None = None) -> None:
        """Another list, made of the one that there is; nobody else changes it meanwhile, for messages of one page come on several threads.

        The first change that is made is shown; with none made, the clean run is. shown: what else to show. A list that this run cannot have
        raises and changes nothing.
        """
        with TURN:
            former = self.asked
            asked = replace(former, entries=tuple(edited(former.entries)), wish=shown or former.wish)
            latest = self._latest
            for entry in asked.entries:
                if entry.on and not any(entry.id == one.id and one.on for one in former.entries):
                    self._check(asked, entry)
                    latest = entry.id
            for run in RUNS:
                if asked.active(run) and not former.active(run) and run_of(former.which) == run and not is_difference(former.wish):
                    asked = replace(asked, wish=changed_of(run))
            self._latest = latest
            self._ask(asked)

    def add_patch(self, direction: str, layer: int, position: int | None, head: int | None) -> None:
        """Put one prompt's activation into the other: "noise", the second's into the first; "denoise", the first's into the second."""
        asked = self.asked
        if asked.first is None or asked.second is None:
            raise ValueError("there is no second prompt to patch from; compare one first: view.compare('...')")
        if direction not in ("noise", "denoise"):
            raise ValueError(f"direction={direction!r} came; expected noise or denoise")
        into = "first" if direction == "noise" else "second"
        pairs = asked.pairs if into == "first" else swapped(asked.pairs)
        donor = asked.second if into == "first" else asked.first
        at = position if into == "first" or position is None else dict(asked.pairs).get(position)
        if position is not None and at not in dict(pairs):
            raise ValueError(f"position {position} has no partner in the other prompt; pair it with one, or choose another position")
        site = "resid_pre" if head is None else "z"
        change = Intervention(
            site, layer, head, at, replacement=taken_from(donor, pairs, len(asked.first.token_ids), len(asked.second.token_ids))
        )
        entry = self.new_entry(change, into)
        self.edit(lambda entries: [*entries, entry], shown=changed_of(into) if asked.which in UNCHANGED else None)

    def show(self, which: str) -> None:
        """Show another of the runs. Raises ValueError for one that there is not."""
        with TURN:
            options = [name for name, _ in self.asked.options]
            if which not in options:
                raise ValueError(f"{which!r} cannot be shown; there are {', '.join(options)}")
            self._ask(replace(self.asked, wish=which))

    def _check(self, asked: Asked, entry: Entry) -> None:
        base, other = (asked.first, asked.second) if entry.run == "first" else (asked.second, asked.first)
        if base is None:
            raise RuntimeError("there is no run to change yet; wait for the capture to end, or compare a second prompt first")
        known = [other] if other is not None and is_from(entry, other) else []
        edits_of(base, [entry.change], Donors(base, known))

    def _why_not(self, asked: Asked, entry: Entry) -> str | None:
        try:
            self._check(asked, entry)
        except CANNOT as error:
            return sentence(error)
        return None

    def add(self, field: Field, again: bool) -> None:
        """Show a field of the user's. again: in place of one of the same name."""
        with TURN:
            self.exhibits.add(field, again)
            self._screen.tell(self.asked)
        if again:
            asked = self.asked
            self._screen.present(self.exhibits.made(asked, asked.which), asked, never)

    def close(self) -> None:
        """Let everything go."""
        self.exhibits.clear()
        self.asked = Asked()

    # What follows

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
