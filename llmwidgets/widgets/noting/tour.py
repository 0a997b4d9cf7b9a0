"""A tour: an ordered list of notes that plays in a view, each step at the moment of its note; steps may ask before they show.

Always true: whichever of several threads pressed last wins, and none waits for a step that another is at; while a step asks, neither the
view nor the trait tells its answer; what of the notes changes meanwhile is told. How a view returns to a moment is returning.py's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ...notes.collection import NoteList
from ...notes.note import Note
from ...notes.words import quoted
from ..selection import TURN
from .tour_trait import asks, found, hidden, step_trait

if TYPE_CHECKING:
    from .host import Host

GUESS_TAG = "guess"


@dataclass(frozen=True)
class Guess:
    """What was expected before a step was shown. note: its id; question; guess; at: UTC, ISO 8601."""

    note: str
    question: str
    guess: str
    at: str


def tour(view: Host, notes: Iterable[Note | str], *, title: str = "") -> Tour:
    """Play notes in a view, one after the other, from the first; the view has a player, and the Tour is its other hand.

    notes: in their order, at least one, or their ids, all of them of the view's own file. Of a collection (`view.notes`, what `filter`
    gives) those that answer another note are no steps. Another tour of the view ends.

    Each step returns the view to the moment of its note, on the note's own prompt; that is run first where it is another. A note with a
    question (`ask=`) asks first, and shows on `reveal`; a guess is kept in `guesses`, and with the note as a reply tagged "guess".

    Raises ValueError without notes and for notes that are not the view's, RuntimeError for a view that is closed.

    >>> import llmwidgets as lw
    >>> import tempfile
    >>> view = lw.Inspector(lw.capture(lw.demo_model(), "The keys to the cabinet"), notes=tempfile.mkdtemp() + "/findings.jsonl")
    >>> first = view.annotate("this head looks back", layer=2, head=0)
    >>> second = view.annotate("and this one copies", layer=3, head=1, ask="Which head copies?")
    >>> tour = lw.tour(view, [first, second], title="Two heads")
    >>> view.selection.layer, view.selection.head
    (2, 0)
    >>> tour.next()
    >>> tour.guess("the first of layer 0")
    >>> tour.revealed, view.selection.layer
    (False, 2)
    >>> tour.reveal()
    >>> tour, view.selection.layer
    (Tour('Two heads', step 2 of 2, “and this one copies”; 1 guess), 3)
    >>> view.close()
    """
    if not hasattr(view, "return_to"):
        raise TypeError(f"a tour plays in a view such as lw.Inspector, not in a {type(view).__name__}")
    if view.comm is None:
        raise RuntimeError("this view is closed; make another, with the same notes=")
    made = Tour(view, _steps(view, notes), title)
    made._begin()
    return made


class Tour:
    """A tour that plays; `lw.tour` makes one. len: the number of its steps, counted from 0."""

    def __init__(self, view: Host, steps: tuple[str, ...], title: str) -> None:
        self._view, self._steps, self._title = view, steps, title
        self._lock = threading.Lock()  # taken within TURN or alone, and held for no call of others
        self._at = 0  # as it was pressed last
        self._pressed = object()  # which press that was
        self._driver: object | None = None  # who is bringing the view to a step, if anybody is
        self._told: tuple[int, list[str]] | None = None  # the step in the trait, and what of it could not be brought back
        self._shown: set[str] = set()
        self._guesses: list[Guess] = []
        self._over = False

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def at(self) -> int:
        """The number of the step, from 0."""
        return self._at

    @property
    def note(self) -> Note | None:
        """The note of the step as it reads now; None where it was deleted."""
        return found(self._view.board.notes, self._steps[self._at])

    @property
    def revealed(self) -> bool:
        """Whether the step shows its note: it asks nothing, or was revealed."""
        note = self.note
        return note is None or not self._asks(note)

    @property
    def guesses(self) -> list[Guess]:
        """What was guessed, in order."""
        with self._lock:
            return list(self._guesses)

    def go(self, at: int) -> None:
        """Go to a step. Raises ValueError for one that there is not."""
        if isinstance(at, bool) or not hasattr(at, "__index__"):
            raise TypeError(f"a step is a whole number; {at!r:.80} came")
        if not 0 <= at.__index__() < len(self):
            raise ValueError(f"there is no step {at}; this tour has {len(self)}, counted from 0")
        self._press(at.__index__())

    def next(self) -> None:
        """Go to the next step; at the last, stay."""
        self._press(by=1)

    def previous(self) -> None:
        """Go to the step before; at the first, stay."""
        self._press(by=-1)

    def guess(self, text: str) -> None:
        """Say what you expect of a step that asks, before it is shown. Raises RuntimeError after that, and for a step that asks nothing."""
        if not isinstance(text, str):
            raise TypeError(f"a guess is a text; a {type(text).__name__} came")
        if not text.strip():
            raise ValueError("the guess is empty; say what you expect, or reveal the step without one")
        self._require_playing()
        step, note = self._at, self.note
        if note is None or not note.ask:
            raise RuntimeError(f"step {step + 1} asks nothing, so there is nothing to guess")
        if note.id in self._shown:
            raise RuntimeError(f"step {step + 1} is shown already: a guess comes before its answer")
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._view.board.notes.add(text, place=note.place, tags=(GUESS_TAG,), evidence="unstated", reply_to=note.id)
        with self._lock:
            self._guesses.append(Guess(note.id, note.ask, text, now))
        self._tell()

    def reveal(self) -> None:
        """Show what the step asks about; nothing happens where it is shown."""
        self._require_playing()
        if not self.revealed:
            self._press(reveal=True)

    def end(self) -> None:
        """End the tour; the view stays as it is. Nothing happens where it is over."""
        with self._lock:
            if self._over:
                return
            self._over = True
        self._view.board.notes.unobserve(self._notes_changed)
        self._view.unobserve(self._run_changed, "run")
        with TURN:
            if self._view.touring is self:
                self._view.touring = self._view.tour = None

    def __repr__(self) -> str:
        note, guesses = self.note, len(self._guesses)
        words = "over" if self._over else f"step {self._at + 1} of {len(self)}"
        about = "deleted" if note is None else quoted(note.ask if self._asks(note) else note.text)
        more = f"; {guesses} guess{'es' if guesses > 1 else ''}" if guesses else ""
        return f"Tour({self._title!r}, {words}, {about}{more})"

    def _begin(self) -> None:
        with TURN:
            former, self._view.touring = self._view.touring, self
        if former is not None:
            former.end()
        self._view.board.notes.observe(self._notes_changed)
        self._view.observe(self._run_changed, "run")
        try:
            self._press(0)
        except BaseException:
            self.end()
            raise

    def _press(self, at: int | None = None, by: int = 0, reveal: bool = False) -> None:
        """Bring the view to a step. Where another thread is at one, that goes on to this: nobody waits, for it may hold what is needed."""
        with self._lock:
            self._require_playing()
            to = self._at + by if at is None else at
            if not 0 <= to < len(self):
                return
            if reveal:
                self._shown.add(self._steps[to])
            self._at, self._pressed = to, object()
            if self._driver is not None:
                return
            mine = self._driver = object()
        try:
            while not self._brought():
                pass
        finally:
            with self._lock:
                if self._driver is mine:
                    self._driver = None

    def _brought(self) -> bool:
        """Bring the view to the step that was pressed last, and tell; False where another was pressed meanwhile."""
        with self._lock:
            at, pressed = self._at, self._pressed
        note, left, failed = found(self._view.board.notes, self._steps[at]), [], None
        if note is not None and not self._asks(note):
            try:
                left = self._view.return_to(note, prompt=True)
            except Exception as error:  # its text is shown all the same
                failed = error
        with TURN:
            with self._lock:
                if self._over:
                    return True
                if self._pressed is not pressed:
                    return False
                self._driver = None  # under TURN: what changes from here on is told after this
                self._told = (at, left)
            self._tell()
        if failed is not None:
            raise failed
        return True

    def _tell(self) -> None:
        """Tell the page of the step; of one that the view is being brought to, when it is there."""
        with TURN:
            with self._lock:
                if self._over or self._driver is not None or self._told is None or self._view.touring is not self:
                    return
                at, left = self._told
                guess = next((one.guess for one in reversed(self._guesses) if one.note == self._steps[at]), None)
            board = self._view.board
            told = {
                "title": self._title,
                "steps": len(self),
                "at": at,
                **step_trait(board.notes, board.ground, self._steps[at], self._shown, left),
                "guess": guess,
                "hidden": hidden(board.notes, self._steps, self._shown),
            }
            if told != self._view.tour:
                self._view.tour = told

    def _notes_changed(self, notes: Any) -> None:
        self._tell()

    def _run_changed(self, change: Any) -> None:
        self._tell()

    def _asks(self, note: Note) -> bool:
        return asks(note, self._shown)

    def _require_playing(self) -> None:
        if self._over:
            raise RuntimeError("this tour is over; start it again: lw.tour(view, notes)")


def _steps(view: Host, notes: Iterable[Note | str]) -> tuple[str, ...]:
    if isinstance(notes, (str, Note)):
        raise TypeError("a tour plays a list of notes; give one note as [note]")
    given = list(notes)
    for note in given:
        if not isinstance(note, (str, Note)):
            raise TypeError(f"a tour plays notes or their ids; a {type(note).__name__} came")
    if isinstance(notes, NoteList):
        given = [note for note in given if not note.reply_to] or given
    if not given:
        raise ValueError("there are no notes to play; write one with view.annotate(...), or see whether the filter is too narrow")
    ids = tuple(note if isinstance(note, str) else note.id for note in given)
    for id in ids:
        if found(view.board.notes, id) is None:
            raise ValueError(f"note {id!r:.80} is not in {view.board.notes.path}; view.notes.load(...) brings the notes of another file in")
    return ids
