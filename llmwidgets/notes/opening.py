"""The stores that this kernel has open, one a file.

Always true: two handles of one file have one store, by whatever path they name it; a store is let go of with its last handle, when nothing
of it waits. What waits is tried once more when Python ends, and is left to the parent in a forked process.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref

from .store import UNSAVED, Store

logger = logging.getLogger(__name__)

_OPEN: weakref.WeakValueDictionary[str, Store] = weakref.WeakValueDictionary()
_OPENING = threading.Lock()


def open_store(path: str) -> Store:
    """The store of a file: the one that this kernel has of it, or a new one."""
    path = os.path.realpath(path)
    with _OPENING:
        store = _OPEN.get(path)
        if store is None:
            store = _OPEN[path] = Store(path)
        return store


def refresh_if_open(path: str) -> None:
    """Let those who have this file open see what was added to it."""
    with _OPENING:
        store = _OPEN.get(path)
    if store is not None:
        store.refresh()


def _begin_in_child() -> None:
    """A forked process has the notes, but neither the threads nor the turns of the one it came from, which writes what waits there."""
    UNSAVED.clear()
    for store in list(_OPEN.values()):
        store.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


@atexit.register
def _last_try() -> None:
    for store in list(UNSAVED):
        try:
            store.refresh()
        except Exception:
            logger.exception("notes of %s could not be written at the end", store.path)
