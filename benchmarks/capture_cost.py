"""What a capture costs beside the plain forward pass that it contains.

The two are run in turn, so that a busy moment of the machine falls on both. The first capture of a model also probes how the model
works; that is a cost of its own and stands apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import llmwidgets as lw
from benchmarks.limits import CAPTURE_ROUNDS, CAPTURE_TOKENS
from benchmarks.subject import gpt2_small_shape, prompt


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure() -> dict[str, Any]:
    """Keys: first_s, plain_s, capture_s (medians), ratio (median over the rounds of one by the other), megabytes, threads."""
    model, ids = gpt2_small_shape(), prompt(CAPTURE_TOKENS)

    def plain() -> None:
        with torch.no_grad():
            model(ids[None], use_cache=False)

    plain()
    first = seconds(lambda: lw.capture(model, ids))
    kept = lw.capture(model, ids)
    rounds = [(seconds(plain), seconds(lambda: kept.again(ids))) for _ in range(CAPTURE_ROUNDS)]
    return {
        "first_s": first,
        "plain_s": statistics.median(one for one, _ in rounds),
        "capture_s": statistics.median(other for _, other in rounds),
        "ratio": statistics.median(other / one for one, other in rounds),
        "megabytes": kept.nbytes / 1e6,
        "threads": torch.get_num_threads(),
    }
