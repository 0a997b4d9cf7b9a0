"""Looks after a file that somebody observes, about once a second.

Always true: a daemon thread that holds nothing of what it looks after; it ends by itself when that is gone, or when its round says that
nobody observes any more; a round that fails is logged and does not end it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from weakref import ref

logger = logging.getLogger(__name__)

PERIOD = 1.0  # seconds
Round = Callable[[], bool]


def watch(round: ref[Round], path: str, pause: Callable[[float], object] | None = None) -> threading.Thread:
    """Go round after each pause, until `round` is gone or returns False; the thread is the answer."""
    thread = threading.Thread(target=_go_round, args=(round, pause or time.sleep), name=f"notes:{os.path.basename(path)}", daemon=True)
    thread.start()
    return thread


def _go_round(round: ref[Round], pause: Callable[[float], object]) -> None:
    while True:
        pause(PERIOD)
        call = round()
        if call is None:
            return
        try:
            if not call():
                return
        except Exception:
            logger.exception("the file of notes could not be looked after; it is tried again")
        del call
