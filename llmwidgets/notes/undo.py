"""What one handle did and can take back, latest first.

Always true: an undo is an event like any other, that gives former values back; it takes back only what still stands as the handle left it,
so that it never takes a word from somebody else's mouth: a note that was added stays where somebody else has the last word on any of its
fields, and where a reply to it is there. Several handles of one store undo in any order: an event that gives back what
another had said stands for that one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .event import Event
from .merge import Merge
from .tree import seen
from .values import ATTACHED

StandsFor = Callable[[str, str], str]
_MOST = 1000  # steps kept
_WORDS = 32  # letters of a note's text
_UNSET: dict[str, Any] = {"tags": [], "author": "", "evidence": "unstated", "resolved": False, "ask": "", "removed": False, "picture": ""}


@dataclass(frozen=True)
class Step:
    """Something done. words: 'deleted “copies the second…”'; before: by field, the event that had the last word and the value it gave;
    by: the event that has it since ("" where that is none: an added note was never removed)."""

    note: str
    words: str
    before: Mapping[str, tuple[str, Any]]
    by: str


def step(merge: Merge, event: Event, verb: str) -> Step:
    """The step that `event` makes, told before it is taken in."""
    note = merge.note(event.note)
    words = f"{verb} {quoted('' if note is None else note.text)}"
    return Step(event.note, words, {name: _last(merge, event.note, name) for name in event.values}, event.id)


def added(event: Event) -> Step:
    """The step that a new note makes: it is undone by removing it."""
    return Step(event.note, f"added {quoted(event.values['text'])}", {"removed": ("", True)}, "")


def quoted(text: str) -> str:
    """The first words of a text as they are seen, in quotation marks.

    >>> quoted("copies the **second name** to the end of the sentence")
    '“copies the second name to the en…”'
    """
    line = seen(text) or " ".join(text.split())
    return f"“{line if len(line) <= _WORDS else line[:_WORDS].rstrip() + '…'}”"


class Steps:
    """The steps of one handle."""

    def __init__(self) -> None:
        self._each: deque[Step] = deque(maxlen=_MOST)
        self._own: set[str] = {""}  # events of this handle; "" stands for none

    def did(self, step: Step | None, *events: Event) -> None:
        """Remember a step, if it is one to take back, and the events that made it."""
        if step is not None:
            self._each.append(step)
        self._own.update(event.id for event in events)

    def latest(self, merge: Merge, stands_for: StandsFor) -> tuple[Step, dict[str, Any]] | None:
        """The latest step that can be taken back, and the values that do it."""
        answered: set[str] | None = None
        for one in reversed(self._each):
            values = {
                name: value for name, (_event, value) in one.before.items() if stands_for(_last(merge, one.note, name)[0], name) == one.by
            }
            if not values or (merge.note(one.note) is None and "removed" not in values):
                continue
            if one.by:
                return one, values
            answered = {note.reply_to for note in merge.notes()} if answered is None else answered
            if one.note not in answered and self._all_own(merge, one.note, stands_for):
                return one, values
        return None

    def undone(self, step: Step, event: Event) -> None:
        """It was taken back, by this event."""
        self._each = deque((one for one in self._each if one is not step), maxlen=_MOST)
        self._own.add(event.id)

    def _all_own(self, merge: Merge, note: str, stands_for: StandsFor) -> bool:
        """Whether this handle has the last word on every field of a note."""
        return all(stands_for(event.id, name) in self._own for name, event in merge.last_words(note).items())


def _last(merge: Merge, note: str, name: str) -> tuple[str, Any]:
    """The event that has the last word on a field, and the value it gave, as JSON has it."""
    event = merge.last_word(note, name)
    if event is None:
        return "", None if name.startswith(ATTACHED) else _UNSET.get(name)
    return event.id, event.raw["set"][name]
