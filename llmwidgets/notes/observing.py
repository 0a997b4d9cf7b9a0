"""Who wants to hear that notes have changed.

Always true: each is called once a change, in the order in which they came; one that fails is logged and does not keep it from the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)
Told = TypeVar("Told")


class Observers(Generic[Told]):
    """Handlers of one argument.

    >>> heard, observers = [], Observers()
    >>> observers.add(heard.append)
    >>> observers.tell("news"), heard
    (None, ['news'])
    """

    def __init__(self) -> None:
        self._each: tuple[Callable[[Told], object], ...] = ()

    def __len__(self) -> int:
        return len(self._each)

    def add(self, handler: Callable[[Told], object]) -> None:
        """Call it from now on; one that is there already is not there twice. TypeError for what cannot be called."""
        if not callable(handler):
            raise TypeError(f"handler={handler!r:.80} cannot be called; expected a function of one argument, the notes")
        self._each = (*(one for one in self._each if one != handler), handler)

    def remove(self, handler: Callable[[Told], object]) -> None:
        """Call it no more."""
        self._each = tuple(one for one in self._each if one != handler)

    def clear(self) -> None:
        """Call none any more."""
        self._each = ()

    def tell(self, told: Told) -> None:
        """Call all."""
        for handler in self._each:
            try:
                handler(told)
            except Exception:
                logger.exception("an observer of notes failed: %r", handler)
