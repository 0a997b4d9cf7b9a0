"""What attribution patching costs, counted in forward passes of the same prompt, on one thread.

The passes and the patching take turns. The clean capture is made outside of the clock, anew for each round; the corrupted one too, and
once more inside, for who has not got it yet. The forward pass that counts is the cheapest one that gives the answer: the last token's
logits only, no key-value cache.
"""

from __future__ import annotations

import statistics
from typing import Any

import torch

import llmwidgets as lw
from benchmarks.clock import Taken, medians, taken
from benchmarks.limits import ATTRIBUTION_ROUNDS
from benchmarks.subject import FULL_VOCABULARY, gpt2_small_shape, prompt
from llmwidgets.analysis.effects.attribution_patching import attribution_patching
from llmwidgets.experiments.metric import Metric


def measure(tokens: int) -> dict[str, Any]:
    """Keys: plain, patching, with_capture (each wall_s and cpu_s, medians), passes and passes_with_capture (medians over the rounds of
    the CPU time divided by the plain pass's of that round), failed (None)."""
    torch.set_num_threads(1)
    model, ids = gpt2_small_shape(vocabulary=FULL_VOCABULARY), prompt(tokens)
    corrupted_ids = ids.clone()
    corrupted_ids[tokens // 2] = (corrupted_ids[tokens // 2] + 1) % 8_192
    first = lw.capture(model, ids)
    metric = Metric.proposed(first)

    def plain() -> None:
        with torch.no_grad():
            model(ids[None], use_cache=False, logits_to_keep=1)

    def one_round() -> tuple[Taken, Taken, Taken]:
        clean, corrupted = first.again(ids), first.again(corrupted_ids)
        once, patching = taken(plain), taken(lambda: attribution_patching(clean, corrupted, metric, site="z", verify=0))
        clean = first.again(ids)
        return once, patching, taken(lambda: attribution_patching(clean, first.again(corrupted_ids), metric, site="z", verify=0))

    one_round()
    rounds = [one_round() for _ in range(ATTRIBUTION_ROUNDS)]
    plains, patchings, with_captures = zip(*rounds, strict=True)
    return {
        "plain": medians(plains),
        "patching": medians(patchings),
        "with_capture": medians(with_captures),
        "passes": statistics.median(cpu / plain_cpu for (_, plain_cpu), (_, cpu), _ in rounds),
        "passes_with_capture": statistics.median(cpu / plain_cpu for (_, plain_cpu), _, (_, cpu) in rounds),
        "failed": None,
    }
