"""A view with notes: what Python callers and the page do with them, with moments and with tours.

Always true: Python and page write through the same file (`notes`), and see the same notes; what a note is about is worked out on the run
that is shown. What else a view can do is view.py's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ...notes.note import Note
from ...notes.notes import Notes
from ..live import Live
from ..selection import TURN
from .asking import noting_methods
from .board import Board
from .moment import moment_of
from .moment_form import checked
from .notes_of_view import NotesOfView
from .returning import return_to, return_to_note
from .writing import evidence_of, moment_at, place_in, small_picture

if TYPE_CHECKING:
    from ...capture import Capture
    from ..answers import Served
    from .tour import Tour


_OPEN: WeakSet[Noted] = WeakSet()
"""Views that are open."""


class Noted(Live):
    """Traits that follow a file of notes. notes: a path, or Notes to share."""

    def __init__(self, *given: Any, notes: Notes | str | Path | None = None, **initial: Any) -> None:
        kept = notes if isinstance(notes, Notes) else Notes() if notes is None else Notes(notes)  # what is no path raises first
        super().__init__(*given, **initial)
        self.touring: Tour | None = None
        # Where the view was before it returned to a moment, and on which runs; and where it came to (None: it is on its way).
        self._before: tuple[dict[str, Any], list[Capture]] | None = None
        self._arrived: dict[str, Any] | None = None
        self._own_notes = not isinstance(notes, Notes)
        self.board = Board(kept, self._tell_noted)
        self.board.told()
        _OPEN.add(self)
        self.observe(lambda _: self._stand(), "run")

    further_methods = staticmethod(noting_methods)

    @property
    def notes(self) -> NotesOfView:
        """The notes of this view's file: iterate, filter, `.add`, `.edit`, `.remove`, `.undo`, `.to_pandas()`, `.to_markdown()`,
        `.to_w3c()`, `.save`, `.load`, `.observe`."""
        return NotesOfView(self.board.notes, self.annotate)

    def annotate(
        self,
        text: str,
        *,
        layer: int | None = None,
        head: int | None = None,
        query: int | tuple[int, int] | None = None,
        key: int | tuple[int, int] | None = None,
        tokens: str | tuple[int, int] | None = None,
        field: str | None = None,
        change: Any = None,
        tags: Iterable[str] = (),
        evidence: str | None = None,
        author: str | None = None,
        ask: str = "",
        reply_to: Note | str | None = None,
    ) -> Note:
        """Write a note on what is shown, and return it.

        text: in Markdown. layer, head, query, key: what it is about, each one place, query and key also a (start, stop) region; tokens: a
        stretch of the prompt, (start, stop) or its text where that is found once; change: an lw.Intervention; none of them: the whole run,
            or, of a reply, what it answers is about
        field: the field that shows it; by default the one that such a panel shows now
        evidence: "observed", "attributed", "correlated", "intervened", "unstated"; by default what the field is
        ask: a question that a tour asks before it shows the note

        Raises IndexError or ValueError for places and fields that the run does not have. A file that cannot be written raises nothing: the
        note stays in memory, and `view.notes.state` says so.

        >>> import llmwidgets as lw
        >>> import tempfile
        >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
        >>> view = lw.Inspector(run, notes=tempfile.mkdtemp() + "/findings.jsonl")
        >>> note = view.annotate("looks back at the *keys*", layer=3, head=1, query=-1, key=1, tags=["agreement"])
        >>> note.evidence, note.place.span("key").quote, len(view.notes)
        ('observed', ' keys', 1)
        >>> view.close()
        """
        self._require_open()
        given = {"layer": layer, "head": head, "query": query, "key": key, "tokens": tokens}
        made = None if change is None else (change if isinstance(change, Mapping) else change.to_json())
        says_none = field is None and made is None and all(value is None for value in given.values())
        if reply_to is not None and says_none:
            place = self.board.notes[reply_to if isinstance(reply_to, str) else reply_to.id].place
            evidence = evidence or "unstated"  # what an answer rests on, its writer says
        else:
            place = place_in(self.served, self.settings, field, {**given, "change": made})
        note = self.write(text, place, tags=tags, evidence=evidence, author=author, ask=ask, reply_to=reply_to)
        return self.draw(note, self.served)

    def write(self, text: str, place: Any, *, evidence: str | None = None, cursor: Mapping[str, Any] | None = None, **more: Any) -> Note:
        """A note on a place of the run that is shown, without its picture. cursor: where it stood, if that is not known yet."""
        served = self.served
        chosen = evidence_of(served, place) if evidence is None else evidence
        return self.board.notes.add(text, place=place, evidence=chosen, moment=moment_at(self._snapshot(cursor), place), **more)

    def draw(self, note: Note, served: Served | None) -> Note:
        """Give a note its small picture, of the run that it was made on."""
        picture = small_picture(served, note)
        return self.board.notes.picture_of(note, picture) if picture else note

    def later(self, task: Callable[[], Any]) -> None:
        """Do something soon, on a thread of the view's."""
        self._workers.submit(task)

    def snapshot(self) -> dict[str, Any]:
        """The moment: prompts, metric, interventions, which run is shown, the selection, fields and filters; plain JSON for `restore`."""
        return self._snapshot(None)

    def _snapshot(self, cursor: Mapping[str, Any] | None) -> dict[str, Any]:
        with TURN:
            at = self.selection.to_cursor() if cursor is None else cursor
            return moment_of(self.inquiry.asked, at, self.settings, self.framing)

    def restore(self, snapshot: Mapping[str, Any]) -> list[str]:
        """Return to a snapshot, running its prompts again where they are not the present ones. Gives what could not be brought back.

        Raises ValueError for what is no snapshot.
        """
        self._require_open()
        return return_to(self, checked(snapshot), wait=True)

    def return_to(
        self, note: Note | str | None, prompt: bool = False, wait: bool = False, stood: Mapping[str, Any] | None = None
    ) -> list[str]:
        """Return to the moment at which a note was made; None: back to where it was before. Gives what could not be brought back.

        prompt: on the note's own prompt as well, where that is another; it is run on the view's worker, unless `wait`
        stood: where the cursor was before, if it has moved to the note already
        Raises KeyError for a note that there is not.
        """
        self._require_open()
        if note is None:
            before, self._before = self._before, None
            return [] if before is None else return_to(self, before[0], wait=wait, known=before[1])
        meant = self.board.notes[note if isinstance(note, str) else note.id]
        asked = self.inquiry.asked
        before = self._snapshot(stood), [run for run in (asked.first, asked.second) if run is not None]
        if self._before is None or self._arrived not in (None, before[0]):  # who has moved on since goes back to where that led
            self._before = before
        self._arrived = None

        def arrived() -> None:
            self._arrived = self._snapshot(None)

        return return_to_note(self, meant, prompt, wait, arrived)

    def others(self) -> list[Noted]:
        """Other views with the same selection and notes that draw more than notes."""
        mine = (id(self.selection), self.board.notes.path)
        return [
            one
            for one in list(_OPEN)
            if (id(one.selection), one.board.notes.path) == mine and one._own_panels != ["notes"] and one is not self
        ]

    def close(self) -> None:
        """Take the view off the page, and let go of its captures, its notes and its threads."""
        if self.comm is None:
            return
        _OPEN.discard(self)
        if self.touring is not None:
            self.touring.end()
        self.board.close()
        self._before = None
        super().close()
        if self._own_notes and not sys.is_finalizing():  # ipywidgets closes views also when the interpreter goes
            self.board.notes.close()

    def _stand(self) -> None:
        served = self.served
        if self.comm is not None:
            self.board.on(None if served is None else served.capture)

    def _tell_noted(self, told: dict[str, Any]) -> None:
        if self.comm is not None and told != self.noted:
            self.noted = told
