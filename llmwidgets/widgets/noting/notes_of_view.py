"""The notes of a view, as Python callers hold them: those of its file, and what is added stands on the run that the view shows.

Always true: nothing is kept here; a NotesOfView may be held, passed on and dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ...notes.collection import NoteList
from ...notes.note import Note

if TYPE_CHECKING:
    from ...notes.notes import Notes


class NotesOfView(NoteList):
    """A list of notes that can be written to.

    >>> import llmwidgets as lw
    >>> import tempfile
    >>> view = lw.Inspector(lw.capture(lw.demo_model(), "The keys to the cabinet"), notes=tempfile.mkdtemp() + "/findings.jsonl")
    >>> note = view.notes.add("the subject", tokens=" keys", tags=["agreement"])
    >>> note = view.notes.edit(note, text="the *subject*")
    >>> [one.text for one in view.notes.filter(tag="agreement")]
    ['the *subject*']
    >>> view.notes.remove(note)
    >>> len(view.notes), view.notes.undo(), len(view.notes)
    (0, 'deleted “the subject”', 1)
    >>> view.close()
    """

    def __init__(self, notes: Notes, annotate: Callable[..., Note]) -> None:
        self._notes = notes
        self.add = annotate
        self.edit, self.remove, self.resolve, self.undo = notes.edit, notes.remove, notes.resolve, notes.undo
        self.save, self.load, self.refresh = notes.save, notes.load, notes.refresh
        self.observe, self.unobserve = notes.observe, notes.unobserve

    def _all(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    @property
    def path(self) -> Path:
        """The file, absolute."""
        return self._notes.path

    @property
    def author(self) -> str:
        """Who signs what is written in this view; set it."""
        return self._notes.author

    @author.setter
    def author(self, name: str) -> None:
        self._notes.author = name

    @property
    def state(self) -> str:
        """ "saved", or "unsaved" while something is kept in memory only; `problem` and `hint` say why."""
        return self._notes.state

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, in a sentence, or None."""
        return self._notes.problem

    @property
    def hint(self) -> str | None:
        """What to do about `problem`."""
        return self._notes.hint
