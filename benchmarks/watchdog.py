"""Ends the renderers of one browser past a limit of time or memory.

Playwright's own time-outs do not fire while a page's main thread is busy, so the limit has to come from outside. Only renderers that
are descendants of this process are touched.
"""

from __future__ import annotations

import contextlib
import threading
import time

import psutil


class Watchdog:
    """Use as `with Watchdog(seconds, megabytes) as dog:`; afterwards `dog.reason` says why it bit, or is None, `dog.bitten_s` after how
    long, and `dog.peak_mb` holds the largest resident memory of a renderer that it saw."""

    def __init__(self, seconds: float, megabytes: float):
        self.seconds, self.megabytes = seconds, megabytes
        self.reason: str | None = None
        self.bitten_s: float | None = None
        self.peak_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watchdog:
        self._start = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            renderers = self._renderers()
            largest = max((memory for _, memory in renderers), default=0.0)
            self.peak_mb = max(self.peak_mb, largest)
            passed = time.perf_counter() - self._start
            if largest > self.megabytes:
                self.reason = f"over {self.megabytes / 1024:.0f} GB after {passed:.0f} s"
            elif passed > self.seconds:
                self.reason = f"nothing after {passed:.0f} s, {largest / 1024:.1f} GB"
            if self.reason:
                self.bitten_s = passed
                for process, _ in renderers:
                    with contextlib.suppress(psutil.Error):
                        process.kill()
                return

    def _renderers(self) -> list[tuple[psutil.Process, float]]:
        found = []
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if "--type=renderer" in process.cmdline():
                        found.append((process, process.memory_info().rss / 2**20))
        return found
