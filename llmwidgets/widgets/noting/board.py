"""The board of a view: its file of notes, told to the page as they stand on the run that is shown.

Always true: every change of the notes, from this view, another one or another kernel, is told; so is every other run. The file is
notes/notes.py's; what is written here goes through it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...notes.ground import Ground
from ...notes.notes import Notes
from ..selection import TURN
from ..traits import is_editable
from .items import Items

if TYPE_CHECKING:
    from ...capture import Capture


class Board:
    """Tells `tell(trait)` of the notes whenever they or the run have changed. Close it."""

    def __init__(self, notes: Notes, tell: Callable[[dict[str, Any]], None]) -> None:
        self.notes, self._tell = notes, tell
        self._items = Items()
        self._run: Capture | None = None
        self._ground: Ground | None = None
        notes.observe(self._changed)

    def on(self, run: Capture | None) -> None:
        """Stand on another run, and tell."""
        with TURN:
            if run is not self._run:
                self._run, self._ground = run, None if run is None else Ground.of(run)
            self.told()

    @property
    def ground(self) -> Ground | None:
        """The run that notes stand on."""
        return self._ground

    def told(self) -> None:
        """Tell how things are; of two who tell at once, the later tells the later state."""
        with TURN:
            self._tell(self.trait())

    def trait(self) -> dict[str, Any]:
        """The `noted` trait."""
        notes, run = self.notes, self._run
        items, more = self._items.of(notes, self._ground, run is not None and is_editable(run))
        return {
            "path": _short(notes.path),
            "author": notes.author,
            "state": notes.state,
            "message": notes.problem,
            "hint": notes.hint,
            "undo": notes.undoable,
            "more": more,
            "items": items,
        }

    def close(self) -> None:
        """Hear no more of the file."""
        self.notes.unobserve(self._changed)
        self._run = self._ground = None

    def _changed(self, notes: Notes) -> None:
        self.told()


def _short(path: Path) -> str:
    """The file as a saved notebook may tell it: within the working folder, or its name alone."""
    try:
        return str(path.relative_to(Path.cwd().resolve()))
    except (ValueError, OSError):
        return path.name
