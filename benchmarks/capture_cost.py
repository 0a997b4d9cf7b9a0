"""What a capture costs beside the plain forward pass that it contains.

The two are run in turn, now one first and now the other, so that a busy moment of the machine falls on both. Each capture takes the
place of the one before, as in a view whose prompt is edited, so that it finds memory that the process already has. The first capture
of a model also probes how the model works; that is a cost of its own and stands apart.
"""

from __future__ import annotations

import statistics
from typing import Any

import torch

import llmwidgets as lw
from benchmarks.clock import taken
from benchmarks.limits import CAPTURE_ROUNDS, CAPTURE_TOKENS
from benchmarks.subject import gpt2_small_shape, prompt


def measure() -> dict[str, Any]:
    """Keys: first_s, plain_s, capture_s (medians), ratio and cpu_ratio (medians over the rounds of one by the other), megabytes,
    threads, failed (None)."""
    model, ids = gpt2_small_shape(), prompt(CAPTURE_TOKENS)

    def plain() -> None:
        with torch.no_grad():
            model(ids[None], use_cache=False)

    plain()
    first, _ = taken(lambda: lw.capture(model, ids))
    kept = lw.capture(model, ids)

    def capture() -> None:
        nonlocal kept
        kept = kept.again(ids)

    capture()
    rounds = []
    for number in range(CAPTURE_ROUNDS):
        order = (plain, capture) if number % 2 == 0 else (capture, plain)
        took = {work: taken(work) for work in order}
        rounds.append((*took[plain], *took[capture]))
    return {
        "first_s": first,
        "plain_s": statistics.median(plain_s for plain_s, _, _, _ in rounds),
        "capture_s": statistics.median(capture_s for _, _, capture_s, _ in rounds),
        "ratio": statistics.median(capture_s / plain_s for plain_s, _, capture_s, _ in rounds),
        "cpu_ratio": statistics.median(capture_cpu / plain_cpu for _, plain_cpu, _, capture_cpu in rounds),
        "megabytes": kept.nbytes / 1e6,
        "threads": torch.get_num_threads(),
        "failed": None,
    }
