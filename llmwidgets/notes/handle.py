"""A handle of a file of notes: what it shows, what is wrong with the file, and who wants to hear of changes.

Always true: a handle holds its store (store.py) and shares it with the other handles of the file; it watches only while somebody observes.
What changes notes is notes.py's.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import given
from .collection import NoteList
from .merge import Merge
from .note import Note, UnknownNoteError
from .observing import Observers
from .opening import open_store

DEFAULT = "llmwidgets-notes.jsonl"
"""The file of notes where none is named: in the folder in which the kernel works."""

Handler = Callable[[Any], object]


class Handle(NoteList):
    """The notes of a file as they are now; read when it is opened."""

    def __init__(self, path: str | os.PathLike[str] = DEFAULT, *, author: str | None = None) -> None:
        # Nobody gave the default, so nobody is told that it can be none: the store says it.
        self._store = open_store(given.absolute(DEFAULT) if path == DEFAULT else given.notes_path(path))
        self._author = _who() if author is None else given.author(author)
        self._observers: Observers[Handle] = Observers()
        self._store.refresh()

    def _all(self) -> tuple[Note, ...]:
        return self._store.notes()

    def _where(self) -> str:
        return f" in {self.path.name}" + (f" · {self.state}: {self.problem}" if self.problem else "")

    def _unknown(self, id: str) -> UnknownNoteError:
        with self._store.lock:
            return unknown(self._store.merge, id)

    @property
    def path(self) -> Path:
        """The file, absolute."""
        return Path(self._store.path)

    @property
    def author(self) -> str:
        """Who signs what is written through this handle."""
        return self._author

    @author.setter
    def author(self, name: str) -> None:
        self._author = given.author(name)

    @property
    def state(self) -> str:
        """ "saved", or "unsaved" while something is kept in memory only."""
        return self._store.state

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, in a sentence, or None."""
        trouble = self._store.trouble
        return trouble and trouble[0]

    @property
    def hint(self) -> str | None:
        """What to do about `problem`."""
        trouble = self._store.trouble
        return trouble and trouble[1]

    def refresh(self) -> None:
        """Read what other kernels wrote, and write what waits."""
        self._store.refresh()

    def observe(self, handler: Handler) -> None:
        """Call `handler(notes)` after every change, in the thread that made it or the watcher's; until `unobserve`, `close`, or nobody
        holds this handle any more."""
        self._observers.add(handler)
        self._store.listen(self)

    def unobserve(self, handler: Handler) -> None:
        """Call it no more."""
        self._observers.remove(handler)

    def close(self) -> None:
        """Nobody observes through this handle any more; what waits is written if it can be."""
        self._observers.clear()
        self._store.refresh()

    def listens(self) -> bool:
        """Whether anybody observes."""
        return len(self._observers) > 0

    def hear(self) -> None:
        """Tell those who observe."""
        self._observers.tell(self)


def unknown(merge: Merge, id: str) -> UnknownNoteError:
    """Why a note cannot be seen, in a sentence."""
    removed = merge.last_word(id, "removed")
    if removed is not None and removed.values["removed"]:
        return UnknownNoteError("this note was deleted meanwhile; undo, where it was deleted, brings it back")
    if merge.knows(id):
        return UnknownNoteError("of this note only later changes are known here; it is there as soon as its beginning is read")
    return UnknownNoteError(f"there is no note here with the id {id:.80}; the id of one is its `id`")


def _who() -> str:
    for name in ("LLMWIDGETS_AUTHOR", "JUPYTERHUB_USER"):
        if os.environ.get(name):
            return given.author(os.environ[name][:200])
    try:
        return given.author(getpass.getuser()[:200])
    except (OSError, KeyError, ImportError):
        return ""
