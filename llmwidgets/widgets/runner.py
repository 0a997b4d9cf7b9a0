"""Runs prompts for a view: one at a time, the newest wins, with progress that can be stopped.

Always true: a job that was superseded or stopped publishes nothing; a job that fails leaves what is shown as it was and says why;
progress is told at most ten times a second. What is run and how it is shown is the view's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..models.errors import CaptureStopped, PromptError
from .failures import sentence
from .workers import Workers

if TYPE_CHECKING:
    from ..capture import Capture

log = logging.getLogger("llmwidgets")

BETWEEN = 0.1  # seconds between two words of progress

Progress = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]
Work = Callable[[Progress, Cancelled], "Capture"]
"""(progress, cancelled) -> Capture. `CaptureStopped` is raised once cancelled() is true."""


def status(state: str, what: str | None = None, done: int = 0, total: int = 0, **more: Any) -> dict[str, Any]:
    """The `status` trait."""
    told = {"state": state, "what": what, "done": done, "total": total, "prompt": None, "message": None, "hint": None}
    return {**told, **more}


class Job:
    """One prompt on its way."""

    def __init__(self, prompt: str | None) -> None:
        self.prompt = prompt
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def stopped(self) -> bool:
        return self._stopped.is_set()


class Runner:
    """`tell(status)` shows progress and failures; `publish(capture, cancelled)` shows a new run, with status `ready`."""

    def __init__(
        self,
        workers: Workers,
        tell: Callable[[dict[str, Any]], None],
        publish: Callable[[Capture, Cancelled], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers, self._tell, self._publish, self._clock = workers, tell, publish, clock
        self._lock = threading.Lock()
        self._job: Job | None = None

    def start(self, work: Work, prompt: str | None) -> None:
        """Run soon, on a worker. What is running is stopped first."""
        job = self._begin(prompt)
        self._workers.submit(lambda: self._in_background(job, work))

    def here(self, work: Work, prompt: str | None) -> Capture:
        """Run now, on this thread; what goes wrong is raised as well as told."""
        job = self._begin(prompt)
        try:
            return self._work(job, work)
        except BaseException as error:
            self._failed(job, error)
            raise

    def stop(self) -> bool:
        """Stop what is running. False: nothing is."""
        with self._lock:
            job = self._job
        if job is None:
            return False
        job.stop()
        return True

    def _begin(self, prompt: str | None) -> Job:
        job = Job(prompt)
        with self._lock:
            former, self._job = self._job, job
        if former is not None:
            former.stop()
        self._tell(status("running", "waiting to start", prompt=prompt))
        return job

    def _in_background(self, job: Job, work: Work) -> None:
        try:
            self._work(job, work)
        except BaseException as error:
            self._failed(job, error)

    def _work(self, job: Job, work: Work) -> Capture:
        if job.stopped():
            raise CaptureStopped("stopped before it began")
        told = self._clock() - BETWEEN

        def progress(done: int, total: int, what: str) -> None:
            nonlocal told
            now = self._clock()
            if now - told >= BETWEEN and self._is_newest(job) and not job.stopped():
                told = now
                self._tell(status("running", what, done, total, prompt=job.prompt))

        capture = work(progress, job.stopped)
        if job.stopped():
            raise CaptureStopped("stopped")
        self._publish(capture, job.stopped)
        self._end(job)
        return capture

    def _failed(self, job: Job, error: BaseException) -> None:
        if not self._end(job):
            return  # a newer job has the word
        if isinstance(error, (CaptureStopped, KeyboardInterrupt)):
            self._tell(status("stopped", prompt=job.prompt, message="stopped"))
            return
        if not isinstance(error, PromptError):
            log.warning("running a prompt failed", exc_info=error)
        self._tell(status("failed", prompt=job.prompt, message=sentence(error), hint=_hint(error)))

    def _is_newest(self, job: Job) -> bool:
        with self._lock:
            return self._job is job

    def _end(self, job: Job) -> bool:
        """Whether this was the newest job; then nothing runs now."""
        with self._lock:
            newest = self._job is job
            if newest:
                self._job = None
            return newest


def _hint(error: BaseException) -> str | None:
    if isinstance(error, PromptError):
        return None  # its message says what to do
    if isinstance(error, MemoryError):
        return "try a shorter prompt"
    return "the run before is still shown; the kernel's log has the whole error (logger llmwidgets)"
