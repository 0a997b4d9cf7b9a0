"""The list of changes in a view, as Python callers hold it and as the page is told of it.

Always true: what is read is what the view has now; what is set goes through the view, which checks it against the run. The list itself is
plain data (asked.py); making the changes and measuring them is not done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from ...experiments.intervention import Intervention, Interventions
from ...experiments.places import several
from ..traits import finite
from .asked import Entry

if TYPE_CHECKING:
    import pandas


class Holder(Protocol):
    """What holds the list: the view."""

    def entries(self) -> tuple[Entry, ...]: ...

    def edit(self, edited: Callable[[tuple[Entry, ...]], Iterable[Entry]]) -> None: ...

    def new_entry(self, change: Intervention, run: str) -> Entry: ...


class Change:
    """One change of a view's list: switch it (`on`), name it (`name`), read what it does alone (`effect`, `after`), or `remove()` it."""

    def __init__(self, holder: Holder, id: int) -> None:
        self._holder, self._id = holder, id

    @property
    def intervention(self) -> Intervention:
        """What is changed."""
        return self._now.change

    @property
    def on(self) -> bool:
        """Whether it is made now."""
        return self._now.on

    @on.setter
    def on(self, on: bool) -> None:
        self._become(lambda now: replace(now, on=bool(on), failed=None))

    @property
    def name(self) -> str:
        """A name of the user's, or nothing."""
        return self._now.change.name

    @name.setter
    def name(self, name: str) -> None:
        called = "" if name is None else str(name)
        self._become(lambda now: replace(now, change=replace(now.change, name=called)))

    @property
    def run(self) -> str:
        """The prompt that it is made in: "first" or "second"."""
        return self._now.run

    @property
    def effect(self) -> float | None:
        """What it does to the view's metric when it is made alone: after - before. None until it has been measured."""
        measured = self._now.measured
        return None if measured is None else measured.effect

    @property
    def failed(self) -> str | None:
        """Why it could not be made."""
        return self._now.failed

    def remove(self) -> None:
        """Take it off the list."""
        self._holder.edit(lambda entries: [entry for entry in entries if entry.id != self._id])

    @property
    def _now(self) -> Entry:
        for entry in self._holder.entries():
            if entry.id == self._id:
                return entry
        raise LookupError("this change was removed from its view")

    def _become(self, become: Callable[[Entry], Entry]) -> None:
        _ = self._now  # LookupError for one that is gone
        self._holder.edit(lambda entries: [become(entry) if entry.id == self._id else entry for entry in entries])

    def __repr__(self) -> str:
        try:
            now = self._now
        except LookupError:
            return "Change(removed)"
        effect = "" if self.effect is None else f"; alone {self.effect:+.3g}"
        return f"Change({str(now.change)!r}, {'on' if now.on else 'off'}{effect})"


class Changes(Sequence[Change]):
    """The changes of a view, in the order in which they are made.

    >>> import llmwidgets as lw
    >>> view = lw.Inspector(lw.capture(lw.demo_model(), "The keys to the cabinet"))
    >>> zeroed = view.interventions.add(lw.Intervention("z", layer=3, head=2), name="last")
    >>> zeroed.on, len(view.interventions), str(view.interventions[0].intervention)
    (True, 1, 'last: z of head 3.2 set to zero')
    >>> zeroed.remove()
    >>> view.interventions
    Changes([])
    >>> view.close()
    """

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    def __len__(self) -> int:
        return len(self._holder.entries())

    def __getitem__(self, at: Any) -> Any:
        found = self._holder.entries()[at]
        return [Change(self._holder, entry.id) for entry in found] if isinstance(at, slice) else Change(self._holder, found.id)

    def __iter__(self) -> Iterator[Change]:
        return iter([Change(self._holder, entry.id) for entry in self._holder.entries()])

    def add(self, change: Intervention, *, name: str | None = None, on: bool = True, run: str = "first") -> Change:
        """Add a change, and return it. run: the prompt that it is made in, "first" or "second".

        Raises TypeError for what is no Intervention, IndexError and UndefinedHereError for places that this run does not have.
        """
        return self._append(change, name, on, run)

    def clear(self) -> None:
        """Take all of them off."""
        self._holder.edit(lambda entries: ())

    def to_pandas(self) -> pandas.DataFrame:
        """A row for each: what, run, on, effect, after."""
        import pandas

        columns = ["change", "name", "run", "on", "effect", "after"]
        rows = []
        for entry in self._holder.entries():
            found = entry.measured
            rows.append([entry.change.in_words, entry.change.name, entry.run, entry.on, found and found.effect, found and found.after])
        return pandas.DataFrame(rows, columns=columns)

    def _append(self, change: Intervention, name: str | None, on: bool, run: str) -> Change:
        if not isinstance(change, Intervention):
            raise TypeError(f"a {type(change).__name__} came; expected an lw.Intervention, such as lw.Intervention('z', layer=3, head=2)")
        entry = self._holder.new_entry(change if name is None else replace(change, name=str(name)), run)
        self._holder.edit(lambda entries: [*entries, replace(entry, on=bool(on))])
        return Change(self._holder, entry.id)

    def __repr__(self) -> str:
        return f"Changes([{', '.join(map(repr, self))}])"


def given_changes(given: Any) -> Interventions:
    """Interventions that a caller gave: one, several, or those of a view. TypeError for what is none."""
    if not isinstance(given, (Intervention, Iterable)):
        raise TypeError(f"interventions={given!r:.80} came; expected an lw.Intervention or a list of them, [] for none")
    if isinstance(given, Intervention):
        return Interventions([given])
    return Interventions.of([one.intervention if isinstance(one, Change) else one for one in given])


def change_trait(entry: Entry) -> dict[str, Any]:
    """One entry of the `changes` trait."""
    made, found = entry.change, entry.measured
    places = {name: _listed(getattr(made, name)) for name in ("layer", "head", "position", "key", "neuron")}
    return {
        "id": entry.id,
        "name": made.name,
        "words": made.in_words,
        "on": entry.on,
        "run": entry.run,
        "places": {"site": made.site, **places},
        "how": "zero" if made.replacement is None else made.replacement.how,
        "effect": None if found is None else finite(found.effect),
        "after": None if found is None else finite(found.after),
        "moved": [] if found is None else list(found.moved),
        "failed": entry.failed,
    }


def _listed(places: Any) -> list[int] | None:
    return None if places is None else list(several(places))
