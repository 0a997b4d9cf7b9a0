"""Events in, notes out: the union of events from any number of files, and what it says.

Always true: what a Merge says depends on the set of events alone, not on their order, their number of repetitions or the files that they
came in. Each field of a note is a register of its own: the event latest in (clock, id) has the last word. Two events of one id with
different content, which no writer of ours makes, count as the one whose canonical JSON is the smaller. Nothing is ever taken out again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .event import LAST_CLOCK, Event, id_after
from .note import Note
from .values import ATTACHED

#: Fields whose change is an edit of the note, as `modified` tells it.
EDITS = ("text", "tags", "evidence", "ask", "resolved")


@dataclass
class _Registers:
    """What is known of one note: its first event, and for each field the event that has the last word on it."""

    first: Event
    last: dict[str, Event] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        if event.order < self.first.order:
            self.first = event
        for name in event.values:
            if name not in self.last or self.last[name].order < event.order:
                self.last[name] = event


class Merge:
    """The events that are known, by id, and the notes that they make.

    >>> from .event import make_event
    >>> merge, note = Merge(), "00000000000000aa"
    >>> merge.unite([make_event(note, 2, {"text": "attends to **Mary**"}), make_event(note, 1, {"text": "hm", "place": {}})])
    {'00000000000000aa'}
    >>> [n.text for n in merge.notes()]
    ['attends to **Mary**']
    """

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.clock = 0
        self._of: dict[str, list[str]] = {}  # note: ids of its events
        self._registers: dict[str, _Registers] = {}
        self._notes: dict[str, Note] = {}
        self._rank: dict[str, tuple[tuple[int, str], str]] = {}  # by note: the order of its first event, and its id
        self._ranks: list[tuple[tuple[int, str], str]] = []  # of the notes that can be seen, sorted
        self._listed: tuple[Note, ...] | None = ()

    def unite(self, events: Iterable[Event]) -> set[str]:
        """Take events in; return the ids of the notes that these events speak of in a way that was not known."""
        try:
            return self._unite(events)
        except BaseException:  # an interrupt may have come between any two steps: what is known is put together anew
            known = list(self.events.values())
            Merge.__init__(self)
            self._unite(known)
            raise

    def _unite(self, events: Iterable[Event]) -> set[str]:
        touched: set[str] = set()
        for event in events:
            known = self.events.get(event.id)
            if known is None:
                self._of.setdefault(event.note, []).append(event.id)
                self._enter(event)
                touched.add(event.note)
            elif event is not known and event.canonical < known.canonical:
                self._of[known.note].remove(known.id)
                self._of.setdefault(event.note, []).append(event.id)
                self.events[event.id] = event
                for note in (known.note, event.note):
                    self._begin_again(note)
                    touched.add(note)
            self.clock = max(self.clock, event.clock)
        for note in touched:
            self._fold(note)
        return touched

    def notes(self) -> tuple[Note, ...]:
        """All notes that can be seen, in the order in which they were begun."""
        if self._listed is None:
            self._listed = tuple(self._notes[id] for _order, id in self._ranks)
        return self._listed

    def note(self, id: str) -> Note | None:
        """A note that can be seen, or None."""
        return self._notes.get(id)

    def knows(self, note: str) -> bool:
        """Whether there was ever an event of this note, be it removed or not begun."""
        return bool(self._of.get(note))

    def events_of(self, note: str) -> list[Event]:
        """The events of a note, in order."""
        return sorted((self.events[id] for id in self._of.get(note, ())), key=lambda event: event.order)

    def in_order(self) -> list[Event]:
        """All events, in order."""
        return sorted(self.events.values(), key=lambda event: event.order)

    def next(self) -> tuple[int, str | None]:
        """The clock of an event that comes after all that are known; and, where that has run out, an id that does."""
        if self.clock < LAST_CLOCK:
            return self.clock + 1, None
        return LAST_CLOCK, id_after(max(event.id for event in self.events.values() if event.clock == LAST_CLOCK))

    def last_word(self, note: str, name: str) -> Event | None:
        """The event that gave a field of a note its value."""
        return self.last_words(note).get(name)

    def last_words(self, note: str) -> Mapping[str, Event]:
        """By field of a note, the event that gave it its value."""
        registers = self._registers.get(note)
        return {} if registers is None else registers.last

    def _enter(self, event: Event) -> None:
        self.events[event.id] = event
        registers = self._registers.get(event.note)
        if registers is None:
            registers = self._registers[event.note] = _Registers(event)
        registers.take(event)

    def _begin_again(self, note: str) -> None:
        self._registers.pop(note, None)
        for id in self._of.get(note, ()):
            self._enter(self.events[id])

    def _fold(self, note: str) -> None:
        registers = self._registers.get(note)
        made = _note(note, registers)
        former = self._rank.pop(note, None)
        if former is not None:
            del self._ranks[bisect_left(self._ranks, former)]
        self._notes.pop(note, None)
        self._listed = None
        if made is not None and registers is not None:
            self._notes[note] = made
            self._rank[note] = (registers.first.order, note)
            insort(self._ranks, self._rank[note])


def _note(id: str, registers: _Registers | None) -> Note | None:
    """The note that registers make; None where it has not begun (no text or place is known) or was removed."""
    last = {} if registers is None else registers.last
    if registers is None or "text" not in last or "place" not in last:
        return None
    values: dict[str, Any] = {name: event.values[name] for name, event in last.items()}
    if values.pop("removed", False):
        return None
    attached = {name[len(ATTACHED) :]: values.pop(name) for name in sorted(values) if name.startswith(ATTACHED)}
    edited = max((last[name] for name in EDITS if name in last), key=lambda event: event.order)
    return Note(
        id,
        created=registers.first.at,
        modified=edited.at,
        attached={digest: spans for digest, spans in attached.items() if spans},
        **values,
    )
