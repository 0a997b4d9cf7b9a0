"""What a view is asked to show: the runs, the metric, the changes, and which of the runs that follow from them.

Always true: an `Asked` is a value; whoever asks for something else makes another. Nothing is computed here but which runs there can be and
how they are called; who makes them is exhibits.py's, who says so on the page live.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...experiments.intervention import Intervention, Interventions
from ...experiments.metric import Metric

if TYPE_CHECKING:
    from ...capture import Capture

Pairs = tuple[tuple[int, int], ...]

RUNS = ("first", "second")
UNCHANGED = ("clean", "second", "prompts")
OF_OTHER_PROMPT = "it names positions of another prompt; switch it on to make it in this one"


@dataclass(frozen=True)
class Measured:
    """What a change does when it is made alone."""

    effect: float | None = None
    after: float | None = None
    moved: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Entry:
    """A change of the list: what is changed, in which run, and whether it is made now."""

    id: int
    change: Intervention
    on: bool = True
    run: str = "first"
    failed: str | None = None
    measured: Measured | None = None

    def is_as(self, other: Entry) -> bool:
        """Whether both change the same, whatever they are called."""
        return self.run == other.run and replace(self.change, name="") == replace(other.change, name="")

    @property
    def is_bound(self) -> bool:
        """Whether it means positions of one prompt, or activations of another one."""
        made = self.change
        replacement = made.replacement
        return made.position is not None or made.key is not None or bool(replacement and replacement.prompts)


@dataclass(frozen=True)
class Asked:
    """`pairs`: positions of the first and the second prompt that stand for each other, rising; `how` they were found."""

    first: Capture | None = None
    second: Capture | None = None
    pairs: Pairs = ()
    how: str = "position"
    metric: Metric | None = None
    proposed: bool = True
    entries: tuple[Entry, ...] = field(default=())
    wish: str = "clean"

    @property
    def which(self) -> str:
        """What is shown: what was wished for, where there is such a run."""
        there = [which for which, _ in self.options]
        return next(which for which in (self.wish, _BASE[run_of(self.wish)], "clean") if which in there)

    @property
    def options(self) -> list[tuple[str, str]]:
        """Every run that can be shown, with its name."""
        two = self.second is not None
        found = [("clean", "first prompt" if two else "clean run")]
        for run in RUNS if two else RUNS[:1]:
            name = f"{run} prompt, " if two else ""
            if run == "second":
                found.append(("second", "second prompt"))
            if self.active(run):
                changed, difference = _WHICH[run]
                found.append((changed, f"{name}changed" if two else "changed run"))
                found.append((difference, f"{name}changed − clean"))
        if two:
            found.append(("prompts", "second − first"))
        return found

    def entries_on(self, run: str) -> list[Entry]:
        """The changes that are made in a run."""
        return [entry for entry in self.entries if entry.on and entry.run == run and (run == "first" or self.second is not None)]

    def active(self, run: str) -> Interventions:
        """What is changed in a run."""
        return Interventions(entry.change for entry in self.entries_on(run))

    @property
    def changes_shown(self) -> Interventions:
        """What is changed in the run that is shown."""
        return Interventions() if self.which in UNCHANGED else self.active(run_of(self.which))

    def entry(self, id: Any) -> Entry:
        """The change of this id; KeyError where there is none."""
        for entry in self.entries:
            if entry.id == id:
                return entry
        raise KeyError(f"there is no change number {id!r}; there are {', '.join(str(entry.id) for entry in self.entries) or 'none'}")

    def with_entry(self, changed: Entry) -> Asked:
        """With the entry of this id as it is now."""
        return replace(self, entries=tuple(changed if entry.id == changed.id else entry for entry in self.entries))

    def without_failures(self, failures: dict[int, str]) -> Asked:
        """With these entries (by id) switched off, and why."""
        entries = tuple(replace(e, on=False, failed=failures[e.id]) if e.id in failures else e for e in self.entries)
        return replace(self, entries=entries)

    def measured_anew(self) -> Asked:
        """With nothing known of what each change does."""
        return replace(self, entries=tuple(replace(entry, measured=None) for entry in self.entries))

    def of_run(self, first: Capture) -> Asked:
        """Asked of another run: changes that mean positions of the prompt that was there are switched off."""
        former = self.first
        same = former is not None and list(former.token_ids) == list(first.token_ids)
        entries = self.entries if same else tuple(_unbound(entry) if entry.run == "first" else entry for entry in self.entries)
        return replace(self, first=first, entries=entries).measured_anew()


_BASE = {"first": "clean", "second": "second"}
_WHICH = {"first": ("changed", "difference"), "second": ("second_changed", "second_difference")}


def run_of(which: str) -> str:
    """The run that is changed for this one: first or second.

    >>> run_of("second_difference"), run_of("changed")
    ('second', 'first')
    """
    return "second" if which.startswith("second") else "first"


def changed_of(run: str) -> str:
    """What shows this run with its changes."""
    return _WHICH[run][0]


def is_difference(which: str) -> bool:
    """Whether numbers of two runs are taken from each other."""
    return which == "prompts" or which.endswith("difference")


def swapped(pairs: Sequence[tuple[int, int]]) -> Pairs:
    """From the second prompt's point of view."""
    return tuple((second, first) for first, second in pairs)


def _unbound(entry: Entry) -> Entry:
    return replace(entry, on=False, failed=OF_OTHER_PROMPT) if entry.on and entry.is_bound else entry
