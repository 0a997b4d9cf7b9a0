"""Where slow answers are worked out: a few threads, or at once where there are none (Pyodide).

Always true: submitting never blocks where threads exist; after `close` nothing more is taken, and what has not started
never will.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol


class Workers(Protocol):
    """Something that runs tasks, soon."""

    def submit(self, task: Callable[[], None]) -> None: ...

    def later(self, seconds: float, task: Callable[[], None]) -> None:
        """Run a short task after a while, beside the others."""

    def close(self) -> None: ...


class Threads:
    """A pool of `count` threads."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=f"llmwidgets-{name}")

    def submit(self, task: Callable[[], None]) -> None:
        """Run the task on the next free thread; after `close` it is dropped."""
        try:
            self._pool.submit(task)
        except RuntimeError:  # closed, or the interpreter is going down
            return

    def later(self, seconds: float, task: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, task)
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class AtOnce:
    """No threads: the task runs before `submit` returns."""

    def __init__(self) -> None:
        self._open = True

    def submit(self, task: Callable[[], None]) -> None:
        if self._open:
            task()

    def later(self, seconds: float, task: Callable[[], None]) -> None:
        """Nothing goes on in between here, so there is no later: what was submitted before is done."""

    def close(self) -> None:
        self._open = False


def make_workers(count: int, name: str) -> Workers:
    """Threads where the platform has them."""
    return AtOnce() if sys.platform == "emscripten" else Threads(count, name)
