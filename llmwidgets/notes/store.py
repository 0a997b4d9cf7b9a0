"""What a kernel knows of one file of notes: the merge of its events, what still waits to be written, and who wants to hear of changes.

Always true: one store per file in a kernel, held by the handles (notes.py) that use it, and by itself while something waits. A change is in
memory before it is on the disk, and the disk's troubles raise nothing: what waits is written, in order, at the next change, at `refresh`
and by the watcher. Events that were once written and are gone from the file are not put back by themselves (an older branch was checked
out); a change of their note writes them again first, so that no file holds an edit without its beginning. Observers hear under no lock.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from .event import Event
from .log import Log
from .merge import Merge
from .note import Note
from .set_aside import SetAside
from .trouble import NotesFileWarning, of_disk, of_lines, warn
from .watching import watch

logger = logging.getLogger(__name__)

PATIENCE = 4.0  # seconds for the lock; once it was waited for in vain, IMPATIENCE
IMPATIENCE = 0.2
Make = Callable[[Merge], Iterable[Event]]


class Listener(Protocol):
    """Who is told of changes: a handle."""

    def listens(self) -> bool:
        """Whether anybody there wants to hear."""

    def hear(self) -> None:
        """Something is otherwise than it was."""


class Store:
    """The notes of one file, shared by all handles of a kernel."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.merge = Merge()
        self.lock = threading.RLock()  # the merge and what waits
        self._turn = threading.Lock()  # the file: one reader or writer of this kernel at a time
        self._whose_turn: int | None = None  # a thread
        self._log = Log(path)
        self._in_file: dict[str, Event] = {}
        self._waiting: dict[str, Event] = {}
        self._stands_for: dict[tuple[str, str], str] = {}
        self._failed: tuple[str, str] | None = None  # of the disk
        self._aside = SetAside()
        self._told: object = None
        self._listeners: weakref.WeakSet[Listener] = weakref.WeakSet()
        self._watching = False

    # what is known

    @property
    def state(self) -> str:
        """ "saved", or "unsaved" while something waits."""
        return "unsaved" if self._waits() else "saved"

    @property
    def trouble(self) -> tuple[str, str] | None:
        """A sentence and a hint on what is wrong now, or None."""
        with self.lock:
            if self._failed is None and not self._waits():
                return of_lines(self._aside.all(), self.path)
            why, hint = self._failed or ("writing was interrupted", "notes.refresh() tries again.")
            if not self._waiting:
                return f"Notes: {why}.", hint
            many = f"{len(self._waiting)} changes of notes are" if len(self._waiting) > 1 else "One change of notes is"
            return f"{many} kept in memory and not saved: {why}.", f"{hint} What waits is written as soon as it can be."

    def _waits(self) -> bool:
        """Whether something waits that nobody is just writing for the first time."""
        return bool(self._waiting) and (self._failed is not None or self._whose_turn is None)

    def notes(self) -> tuple[Note, ...]:
        """All notes that can be seen, in the order in which they were begun."""
        with self.lock:
            return self.merge.notes()

    # changes

    def change(self, make: Make) -> None:
        """Read what is new, take in the events that `make` gives for what is then known, and write them.

        What `make` raises comes through, and then nothing has changed.
        """
        if self._is_my_turn():
            self._hold(make)
            return
        made = False
        try:
            with self._my_turn():
                try:
                    with self._log.turn(IMPATIENCE if self._failed else PATIENCE):
                        self._take_in()
                        self._hold(make)
                        made = True
                        self._write()
                    self._failed = None
                except OSError as error:
                    self._failed = of_disk(error, self.path)
                    if not made:
                        with suppress(OSError):
                            self._take_in()
                        self._hold(make)
        finally:
            self._tell(quiet=True)

    def refresh(self) -> None:
        """Read what is new, and write what waits."""
        if self._is_my_turn():
            return
        with self._my_turn():
            try:
                self._take_in()
                if self._waiting:
                    with self._log.turn(IMPATIENCE):
                        self._take_in()
                        self._write()
                elif self._aside.doubtful:
                    self._look_again()
                self._failed = None
            except OSError as error:
                self._failed = of_disk(error, self.path)
        self._tell()

    def look(self) -> None:
        """The watcher's round: `refresh`, if the file looks otherwise than when it was last seen or something waits."""
        if self._waiting or self._failed or self._log.changed():
            self.refresh()

    def restores(self, event: str, field: str, former: str) -> None:
        """`event` gave a field back what `former` had said: an undo that waits for `former` may go on from it."""
        with self.lock:
            self._stands_for[event, field] = former

    def stands_for(self, event: str, field: str) -> str:
        """The event whose word on a field `event` gave back, itself for most."""
        while (event, field) in self._stands_for:
            event = self._stands_for[event, field]
        return event

    # who is told

    def listen(self, listener: Listener) -> None:
        """Tell a handle of changes from now on; while one listens, the file is watched."""
        with self.lock:
            self._listeners.add(listener)
            if not self._watching:
                self._watching = True
                watch(weakref.WeakMethod(self._round), self.path)

    def _round(self) -> bool:
        """One round of the watcher; False when nobody listens any more."""
        self.look()
        with self.lock:
            self._watching = any(listener.listens() for listener in self._listeners)
            return self._watching

    def begin_in_child(self) -> None:
        """Locks that another thread held when the process was forked would stay held for ever."""
        self.lock, self._turn, self._whose_turn, self._watching = threading.RLock(), threading.Lock(), None, False

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        with self._turn:
            self._whose_turn = threading.get_ident()
            try:
                yield
            finally:
                self._whose_turn = None

    def _is_my_turn(self) -> bool:
        """Whether this thread is at it already. The garbage collector may close a view, and with it a handle, at any moment; what it
        changes waits in memory for the next turn."""
        return self._whose_turn == threading.get_ident()

    # within the turn

    def _take_in(self) -> None:
        try:
            reading = self._log.read()
            with self.lock:
                if reading.anew:
                    self._in_file.clear()
                self.merge.unite(reading.events)
                self._is_in_file(reading.events)
                self._aside.take_in(reading)
                self._keep_while_unsaved()
        except BaseException:  # half of it may have been taken in: it is read again
            self._log.forget()
            raise

    def _look_again(self) -> None:
        """Whether the last line is torn or just being written, which is known where nobody writes."""
        try:
            with self._log.turn(IMPATIENCE):
                self._take_in()
        except OSError:
            pass  # it cannot be known; this file is not written from here now
        self._aside.be_sure()

    def _hold(self, make: Make) -> None:
        with self.lock:
            events = list(make(self.merge))
            self.merge.unite(events)
            known = (self.merge.events[event.id] for event in events)
            self._waiting.update((event.id, event) for event in known if self._file_lacks(event))
            self._keep_while_unsaved()

    def _write(self) -> None:
        self._aside.be_sure()
        while lacking := self._lacking():
            self._log.append([event.canonical for event in lacking])
            with self.lock:
                self._is_in_file(lacking)
                self._keep_while_unsaved()

    def _lacking(self) -> list[Event]:
        """What waits, and what else the file lacks of the same notes."""
        with self.lock:
            touched = {event.note for event in self._waiting.values()}
            lacking = [event for note in touched for event in self.merge.events_of(note) if self._file_lacks(event)]
        return sorted(lacking, key=lambda event: event.order)

    def _is_in_file(self, events: Iterable[Event]) -> None:
        for event in events:
            there = self._in_file.get(event.id)
            if there is None or event.canonical < there.canonical:
                self._in_file[event.id] = event
            if event.id in self._waiting and not self._file_lacks(self._waiting[event.id]):
                del self._waiting[event.id]

    def _file_lacks(self, event: Event) -> bool:
        """Whether it is not there; of two with one id and different content the smaller has to be."""
        there = self._in_file.get(event.id)
        return there is None or (there is not event and there.canonical > event.canonical)

    def _keep_while_unsaved(self) -> None:
        if self._waiting:
            UNSAVED.add(self)
        else:
            UNSAVED.discard(self)

    def _tell(self, quiet: bool = False) -> None:
        """Warn of what is new, then tell the listeners if anything is otherwise than they were last told."""
        with self.lock:
            asides = self._aside.news()
            trouble = self.trouble
            now = (self.merge.notes(), self.state, trouble)
            changed = self._told is None or now[0] is not self._told[0] or now[1:] != self._told[1:]
            was_saved = self._told is None or self._told[1] == "saved"
            self._told = now
            listeners = list(self._listeners) if changed else []
        for listener in listeners:
            listener.hear()
        unsaved = trouble if was_saved and now[1] == "unsaved" else None
        for told in (unsaved, of_lines(asides, self.path)):
            sentence = " ".join(told or ())
            try:
                if sentence:
                    warn(sentence)
            except NotesFileWarning:
                if not quiet:
                    raise
                logger.warning("%s", sentence)  # who made warnings errors still has the note


UNSAVED: set[Store] = set()
"""Those with something that waits: they are held until it is written."""
