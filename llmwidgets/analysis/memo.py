"""What has been computed for a run, kept as long as the run and computed once, whatever thread asks first.

Always true: one lock for each (run, key), so that a long computation holds up only those who wait for the same thing. Values are
read-only by agreement, and hold no reference to their run, or it would never be let go of.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Value = TypeVar("Value")


class _Slot:
    def __init__(self) -> None:
        self.lock = Lock()
        self.filled = False
        self.value: Any = None


_SLOTS: WeakKeyDictionary[Any, dict[Hashable, _Slot]] = WeakKeyDictionary()
_GUARD = Lock()


def once(run: Any, key: Hashable, make: Callable[[], Value]) -> Value:
    """The value of `key` for this run; `make` is called the first time, and again if it raised.

    >>> class Run: pass
    >>> run = Run()
    >>> once(run, "answer", lambda: 42), once(run, "answer", lambda: 7)
    (42, 42)
    """
    with _GUARD:
        slot = _SLOTS.setdefault(run, {}).setdefault(key, _Slot())
    if slot.filled:
        return slot.value
    with slot.lock:
        if not slot.filled:
            slot.value = make()
            slot.filled = True
        return slot.value
