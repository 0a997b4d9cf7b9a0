"""How long a piece of work takes, by the wall's clock and by this process's own CPU time, which a busy neighbour touches less."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

Taken = tuple[float, float]


def taken(work: Callable[[], object]) -> Taken:
    """Seconds of wall and of the process's CPU time that one call takes."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - busy


def medians(rounds: Sequence[Taken]) -> dict[str, float]:
    """Keys: wall_s, cpu_s."""
    return {"wall_s": statistics.median(wall for wall, _ in rounds), "cpu_s": statistics.median(cpu for _, cpu in rounds)}
