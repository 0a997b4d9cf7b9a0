"""Runs prompts for a view: one at a time, the newest wins, with progress that can be stopped.

Always true: a job that was superseded or stopped publishes nothing; a job that fails leaves what is shown as it was and says why;
progress is told at most ten times a second. What is run and how it is shown is the view's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ..models.errors import CaptureStopped, PromptError
from .failures import sentence
from .workers import Workers

log = logging.getLogger("llmwidgets")

BETWEEN = 0.1  # seconds between two words of progress

Progress = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]
Work = Callable[[Progress, Cancelled], Any]
"""(progress, cancelled) -> what is shown: mostly a Capture. `CaptureStopped` is raised once cancelled() is true."""
Publish = Callable[[Any, Cancelled], None]


def status(state: str, what: str | None = None, done: int = 0, total: int = 0, **more: Any) -> dict[str, Any]:
    """The `status` trait."""
    told = {"state": state, "what": what, "done": done, "total": total, "prompt": None, "message": None, "hint": None}
    return {**told, **more}


class Job:
    """One run on its way."""

    def __init__(self, prompt: str | None, publish: Publish, quiet: bool = False) -> None:
        self.prompt, self.publish, self.quiet = prompt, publish, quiet
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def stopped(self) -> bool:
        return self._stopped.is_set()


class Runner:
    """`tell(status)` shows progress and failures; `publish(capture, cancelled)` shows a new run, with status `ready`.

    A quiet job answers a question about runs that are there: it tells of progress only when it takes a while. `missed(quiet, error)`
    hears of a job that failed or was stopped, and that no newer one took the place of.
    """

    def __init__(
        self,
        workers: Workers,
        tell: Callable[[dict[str, Any]], None],
        publish: Publish,
        clock: Callable[[], float] = time.monotonic,
        missed: Callable[[bool, BaseException], None] = lambda quiet, error: None,
    ) -> None:
        self._missed = missed
        self._workers, self._tell, self._publish, self._clock = workers, tell, publish, clock
        self._lock = threading.Lock()
        self._job: Job | None = None

    @property
    def captures(self) -> bool:
        """Whether a prompt is on its way."""
        with self._lock:
            return self._job is not None and not self._job.quiet

    def start(self, work: Work, prompt: str | None, publish: Publish | None = None, quietly: bool = False) -> None:
        """Run soon, on a worker. What is running is stopped first."""
        job = self._begin(Job(prompt, publish or self._publish, quietly))
        self._workers.submit(lambda: self._in_background(job, work))

    def here(self, work: Work, prompt: str | None) -> Any:
        """Run now, on this thread; what goes wrong is raised as well as told."""
        job = self._begin(Job(prompt, self._publish))
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

    def show(self, capture: Any) -> None:
        """Publish what is there already, in place of what is running; of several at a time only the newest is shown."""
        job = Job(None, self._publish)
        with self._lock:
            former, self._job = self._job, job
        if former is not None:
            former.stop()
        try:
            self._publish(capture, job.stopped)
        except CaptureStopped:
            if self._is_newest(job):
                raise
        finally:
            self._end(job)

    def _begin(self, job: Job) -> Job:
        with self._lock:
            former, self._job = self._job, job
        if former is not None:
            former.stop()
        if not job.quiet:
            self._tell(status("running", "waiting to start", prompt=job.prompt))
        return job

    def _in_background(self, job: Job, work: Work) -> None:
        try:
            self._work(job, work)
        except BaseException as error:
            self._failed(job, error)

    def _work(self, job: Job, work: Work) -> Any:
        if job.stopped():
            raise CaptureStopped("stopped before it began")
        told = self._clock() - (0 if job.quiet else BETWEEN)

        def progress(done: int, total: int, what: str) -> None:
            nonlocal told
            now = self._clock()
            if now - told >= BETWEEN and self._is_newest(job) and not job.stopped():
                told = now
                self._tell(status("running", what, done, total, prompt=job.prompt))

        capture = work(progress, job.stopped)
        if job.stopped():
            raise CaptureStopped("stopped")
        job.publish(capture, job.stopped)
        self._end(job)
        return capture

    def _failed(self, job: Job, error: BaseException) -> None:
        if not self._end(job):
            return  # a newer job has the word
        if isinstance(error, (CaptureStopped, KeyboardInterrupt)):
            self._tell(status("stopped", prompt=job.prompt, message="stopped"))
            self._missed(job.quiet, error)
            return
        if not isinstance(error, PromptError):
            log.warning("running a prompt failed", exc_info=error)
        self._tell(status("failed", prompt=job.prompt, message=sentence(error), hint=_hint(error)))
        self._missed(job.quiet, error)

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
