"""The inquiry that a view is: what it is asked, by the page and from Python.

Always true: a question that this run cannot be asked raises and changes nothing. That what is shown follows is following.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...analysis.alignment import checked_pairs
from ...experiments.donors import Donors
from ...experiments.edits import edits_of
from ...experiments.intervention import Intervention
from ...experiments.metric import Metric, token_id
from ...models.errors import CaptureStopped
from ..answers import Cancelled, never
from ..failures import sentence
from ..runner import Work
from ..selection import TURN
from .asked import OF_OTHER_PROMPT, RUNS, UNCHANGED, Asked, Entry, changed_of, is_difference, run_of, swapped
from .following import Following
from .measuring import asked_of
from .proposals import CANNOT, aligned, is_from, metric_for, named, taken_from

if TYPE_CHECKING:
    from ...capture import Capture
    from ...fields import Field

_FROM_FORMER = "it takes values from the first prompt that was there; switch it on to take them from that one all the same"


Check = Callable[[Asked, Entry], None]


class Inquiry(Following):
    """What can be asked: another run, a second one, a metric, changes, another of the runs."""

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
        metric = metric_for(asked, run)
        asked = asked.of_run(run).without_failures({entry.id: _FROM_FORMER for entry in gone if entry.on})
        asked = aligned(replace(asked, **metric))
        of_places = [entry for entry in asked.entries if entry.on or entry.failed == OF_OTHER_PROMPT]
        return asked.without_failures({entry.id: why for entry in of_places if (why := self._why_not(asked, entry))})

    def compare(self, second: Capture | None) -> None:
        """A second run beside the first, or none."""
        with TURN:
            kept = [entry for entry in self.asked.entries if entry.run == "first" and not is_from(entry, self.asked.second)]
            self._ask(aligned(replace(self.asked, second=second, entries=tuple(kept), how="position", pairs=())), fresh=True, over=True)

    def compare_soon(self, work: Work) -> None:
        """Capture the second run, and show it beside the first. Raises RuntimeError while a prompt is on its way, which it would stop."""
        if self._runner.captures:
            raise RuntimeError("a prompt is being run; compare when it is there, or stop it first")
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

    def become(self, other: Callable[[Asked, Check], Asked], over: bool = False) -> None:
        """Ask everything else at once, made of what is asked now.

        other: gets a check that raises for a change that a run cannot have. over: also where a prompt is being captured, for it has come
        """
        with TURN:
            former = self.asked
            asked = other(former, self._check)
            self._latest = max((entry.id for entry in asked.entries if entry.on), default=0)
            basis = lambda of: (of.metric, id(of.second), of.pairs)  # noqa: E731
            is_fresh = basis(asked) != basis(former)
            self._ask(asked.measured_anew() if is_fresh else asked, fresh=is_fresh, over=over)

    def new_id(self) -> int:
        """A number for a change that no other one has had."""
        return next(self._ids)

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
        names_both = "target" in given and "foil" in given
        if new["target"] == new["foil"] and not names_both:  # a click on the foil makes it the target, and the other way round
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
        is_there = run_of(asked.which) == into and asked.which not in UNCHANGED
        self.edit(lambda entries: [*entries, entry], shown=None if is_there else changed_of(into))

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
