"""The notes of a file, to read and to change: what `lw.Notes(path)` gives.

Always true: what is wrong with an argument raises before anything changes; what is wrong with the disk never does, it is told by `state`,
`problem` and `hint`, and the notes stay in memory until they can be written. Every handle of a file in one kernel sees the same notes at
once; other kernels' come with the next change, `refresh`, or, while somebody observes, within about a second.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import given
from .collection import NoteList
from .event import Event, make_event
from .finding import evidence_of, finding, place_of
from .handle import DEFAULT, Handle, unknown
from .merge import Merge
from .note import Note
from .taking import events_of_file, write_to
from .undo import Steps, added, step
from .values import ATTACHED

if TYPE_CHECKING:
    from ..capture import Capture
    from ..fields import Place


class Notes(Handle):
    """The notes of one file.

    path: the file, made with the first note; author: who signs new notes (default: LLMWIDGETS_AUTHOR, JUPYTERHUB_USER, the login name)

    TypeError or ValueError for what is no path of a file. A file that cannot be read is told by `problem`.

    >>> import tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     notes = Notes(os.path.join(folder, "findings.jsonl"), author="ana")
    ...     note = notes.add("copies **Mary**", tags=["mover"])
    ...     note = notes.edit(note, evidence="intervened")
    ...     again = Notes(os.path.join(folder, "findings.jsonl"))
    ...     [(n.text, n.tags, n.evidence, n.author) for n in again], notes.state, notes.undo()
    ([('copies **Mary**', ('mover',), 'intervened', 'ana')], 'saved', 'edited “copies Mary”')
    """

    def __init__(self, path: str | os.PathLike[str] = DEFAULT, *, author: str | None = None) -> None:
        super().__init__(path, author=author)
        self._steps = Steps()

    @property
    def undoable(self) -> str | None:
        """What `undo` would take back, such as 'deleted “copies the second name”'; as of what was last read where somebody observes, which
        is about a second ago at most."""
        if not self.listens():  # those who do must not be told anew while they are being told
            self._store.look()
        with self._store.lock:
            found = self._steps.latest(self._store.merge, self._store.stands_for)
        return None if found is None else found[0].words

    def add(
        self,
        text: str,
        *,
        place: Place | None = None,
        run: Capture | None = None,
        layer: int | None = None,
        head: int | None = None,
        query: int | tuple[int, int] | None = None,
        key: int | tuple[int, int] | None = None,
        tokens: tuple[int, int] | str | None = None,
        field: str | None = None,
        tags: Iterable[str] = (),
        evidence: str | None = None,
        author: str | None = None,
        ask: str = "",
        reply_to: Note | str | None = None,
        moment: Mapping[str, Any] | None = None,
        picture: str = "",
    ) -> Note:
        """Keep a finding.

        place: what it is about; or run, with coordinates: layer, head; query, key: a position (negative from the end) or a (start, stop)
        span; tokens: a span, or words of the prompt that stand there once. With neither it is about no place, and a reply about what it
        answers
        field: name of the field that was looked at; evidence: one of EVIDENCE, by default that of the field, if there is a run
        ask: a question that a tour asks before it shows the note; moment: from `view.snapshot()`; picture: a PNG in base64

        TypeError, ValueError or KeyError (no note to reply to) before anything is kept.
        """
        coordinates = {"layer": layer, "head": head, "query": query, "key": key, "tokens": tokens}
        about = place_of(place, run, coordinates, field)
        answered = None if reply_to is None else given.note_id(reply_to)
        values = finding(
            text,
            about,
            tags=tags,
            author=self._author if author is None else author,
            evidence=evidence_of(run, field) if evidence is None else evidence,
            ask=ask,
            reply_to=answered or "",
            moment=moment,
        )
        image = given.picture(picture)
        id = secrets.token_hex(8)
        alone = Merge()

        def make(merge: Merge) -> list[Event]:
            if answered is not None:
                before = _there(merge, answered)
                if about is None:
                    values["place"] = given.place(before.place)
            events = [self._event(id, merge, values)]
            if image:
                events.append(make_event(id, events[0].clock + 1, {"picture": image}, by=self._author))
            self._steps.did(added(events[0]), *events)
            alone.unite(events)
            return events

        self._store.change(make)
        return self._now(id) or _there(alone, id)  # an observer may have deleted it

    def edit(
        self,
        note: Note | str,
        *,
        text: str | None = None,
        tags: Iterable[str] | None = None,
        evidence: str | None = None,
        ask: str | None = None,
        resolved: bool | None = None,
        author: str | None = None,
    ) -> Note:
        """Change what is given of a note, and return it as it reads then; what is None stays. KeyError where there is no such note."""
        values = {
            "text": None if text is None else given.text(text),
            "tags": None if tags is None else given.tags(tags),
            "evidence": None if evidence is None else given.evidence(evidence),
            "ask": None if ask is None else given.ask(ask),
            "resolved": None if resolved is None else given.flag("resolved", resolved),
            "author": None if author is None else given.author(author),
        }
        verb = "edited"
        if resolved is not None and all(value is None for name, value in values.items() if name != "resolved"):
            verb = "resolved" if resolved else "opened again"
        return self._change(note, {name: value for name, value in values.items() if value is not None}, verb)

    def resolve(self, note: Note | str, resolved: bool = True) -> Note:
        """Mark a note as resolved, or open it again."""
        return self.edit(note, resolved=resolved)

    def attach(self, note: Note | str, prompt_digest: str, spans: Mapping[str, tuple[int, int]]) -> Note:
        """Say where a note belongs on another prompt: spans of its tokens, by coordinate ("query", "key")."""
        if not isinstance(prompt_digest, str) or not prompt_digest or len(prompt_digest) > 200:
            raise ValueError(f"prompt_digest={prompt_digest!r:.80} is no digest; expected the prompt_fingerprint of a capture")
        return self._change(note, {ATTACHED + prompt_digest: given.spans(spans)}, "placed")

    def picture_of(self, note: Note | str, picture: str) -> Note:
        """Give a note its small picture, a PNG in base64. There is no undo of this by itself."""
        return self._change(note, {"picture": given.picture(picture)}, None)

    def remove(self, note: Note | str) -> None:
        """Delete a note. Its events stay in the file; `undo` brings it back. KeyError where there is no such note."""
        self._change(note, {"removed": True}, "deleted")

    def undo(self) -> str | None:
        """Take back the latest thing done through this handle that still stands; return what it was, or None."""
        words: list[str] = []

        def make(merge: Merge) -> list[Event]:
            found = self._steps.latest(merge, self._store.stands_for)
            if found is None:
                return []
            one, values = found
            event = self._event(one.note, merge, values)
            for name in values:
                self._store.restores(event.id, name, one.before[name][0])
            self._steps.undone(one, event)
            words.append(one.words)
            return [event]

        self._store.change(make)
        return words[0] if words else None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Add to another file every event that it lacks; OSError where it cannot be written. With the own path: what the file has lost."""
        target = given.notes_path(path)
        self.refresh()
        if target == self._store.path:
            self._store.change(lambda merge: merge.in_order())
            return
        with self._store.lock:
            events = self._store.merge.in_order()
        write_to(target, events)

    def load(self, path: str | os.PathLike[str]) -> NoteList:
        """Take in the notes of another file, and return those that were not here.

        path: a file of notes: the two become their union; or a notebook (.ipynb) that holds views with notes: those that are not known
        come in as the views had them, without their snapshots. OSError where it cannot be read, ValueError where it is no notebook.
        """
        events = events_of_file(given.file_path(path))
        before: set[str] = set()

        def make(merge: Merge) -> list[Event]:
            before.update(note.id for note in merge.notes())
            return [event for event, alone in events if not (alone and merge.knows(event.note))]

        self._store.change(make)
        return NoteList(note for note in self if note.id not in before)

    def _event(self, note: str, merge: Merge, values: Mapping[str, Any]) -> Event:
        clock, id = merge.next()
        event = make_event(note, clock, values, by=self._author, id=id)
        if event.complaints:
            raise ValueError(f"a note cannot hold this: {'; '.join(event.complaints)}")
        return event

    def _change(self, note: Note | str, values: dict[str, Any], verb: str | None) -> Note:
        id = given.note_id(note)
        last: list[Note] = []

        def make(merge: Merge) -> list[Event]:
            last.append(_there(merge, id))
            event = self._event(id, merge, values)
            changed = {name for name, value in event.values.items() if not _has(last[0], name, value)}
            if not changed:
                return []
            event = self._event(id, merge, {name: value for name, value in values.items() if name in changed})
            self._steps.did(None if verb is None else step(merge, event, verb), event)
            return [event]

        self._store.change(make)
        return self._now(id) or last[0]

    def _now(self, id: str) -> Note | None:
        with self._store.lock:
            return self._store.merge.note(id)


def _there(merge: Merge, id: str) -> Note:
    note = merge.note(id)
    if note is None:
        raise unknown(merge, id)
    return note


def _has(note: Note, name: str, value: Any) -> bool:
    if name.startswith(ATTACHED):
        return note.attached.get(name[len(ATTACHED) :]) == value
    return name != "removed" and getattr(note, name) == value
