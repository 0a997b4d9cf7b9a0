"""One growing field on its way: idle, running, ready, stopped or failed, with the version of its numbers.

Always true: the version grows after numbers were put, never before, so that whoever asks under a version gets at least its numbers; a word
of progress is told at most five times a second, and at every end. What was found stays, and going on asks for the missing cells only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...models.errors import CaptureStopped
from ..failures import told
from .sweeps import Plan

BETWEEN = 0.2  # seconds between two words of progress
_HINT = "what was found stays; the kernel's log has the whole error (logger llmwidgets)"


class Growth:
    """A field that fills in. `told()` is its entry in the `progress` trait."""

    def __init__(self, plan: Plan, versions: Iterator[int], tell: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.cells = plan.cells
        self._plan, self._versions, self._tell, self._clock = plan, versions, tell, clock
        self._lock = threading.Lock()
        self._job: threading.Event | None = None  # set: it is to stop
        self._state, self._version = "idle", next(versions)
        self._message: str | None = None
        self._hint: str | None = None

    def told(self) -> dict[str, Any]:
        """How far it is."""
        with self._lock:
            return {
                "version": self._version, "state": self._state, "done": self.cells.done, "total": self.cells.total,
                "message": self._message, "hint": self._hint, "note": None,
            }  # fmt: skip

    def begin(self) -> Callable[[], None] | None:
        """What is to be run on a worker, or None where it runs already or nothing is missing."""
        with self._lock:
            if self._job is not None or self._state == "ready":
                return None
            job = self._job = threading.Event()
            self._state, self._message, self._hint = "running", None, None
        return lambda: self._run(job)

    def stop(self) -> bool:
        """Stop it, also before it has begun; False: it does not run. What it has found stays."""
        with self._lock:
            job, self._job = self._job, None
            if job is None:
                return False
            job.set()
            self._state, self._version = "stopped", next(self._versions)
        self._tell()
        return True

    def abandon(self) -> None:
        """Stop it and say nothing of it."""
        with self._lock:
            job, self._job = self._job, None
            self._tell = _nobody
        if job is not None:
            job.set()

    def _run(self, job: threading.Event) -> None:
        last, put = self._clock(), False
        try:
            if not job.is_set():
                for place, effect in self._plan.effects(list(self.cells.missing()), job.is_set):
                    self.cells.put(place, effect)
                    put, now = True, self._clock()
                    if now - last >= BETWEEN and not job.is_set():
                        last, put = now, False
                        self._renew(job)
            self._end(job, "ready", put)
        except CaptureStopped:
            self._end(job, "stopped", put)
        except Exception as error:
            self._end(job, "failed", put, told(error))

    def _renew(self, job: threading.Event) -> None:
        with self._lock:
            self._version = next(self._versions)
        self._tell()

    def _end(self, job: threading.Event, state: str, put: bool, failure: Mapping[str, Any] | None = None) -> None:
        """Of a job that was stopped, only what it found meanwhile counts: the word is its successor's, or that it stopped."""
        with self._lock:
            is_current = self._job is job
            if not (is_current or put):
                return
            self._version = next(self._versions)
            if is_current:
                self._job, self._state = None, state
            elif self._job is None and state == "ready":
                self._state = state  # the last numbers came in spite of the stop
            if is_current and failure is not None:
                self._message, self._hint = failure["message"], failure["hint"] or _HINT
        self._tell()


def _nobody() -> None:
    """Nobody is told."""
