"""All 144 single-head zero ablations of one prompt, three ways that take turns in one run, each on one thread.

The three: a loop of forward passes with a hook, as one writes it without any library; ours; and the same loop in TransformerLens
(`lens_peer`, a process of its own with its own environment, since its dependencies are not ours). All have the same weights and
prompt, ask for the last token's logits only and keep no key-value cache. Outside of everybody's clock: the model, the pass without
any change (ours: a capture, made anew for each round), and a few heads to warm up.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import GPT2LMHeadModel

import llmwidgets as lw
from benchmarks.clock import Taken, medians, taken
from benchmarks.lens_peer import LensPeer
from benchmarks.limits import SWEEP_ROUNDS
from benchmarks.subject import FULL_VOCABULARY, HEADS, LAYERS, gpt2_small_shape, prompt
from llmwidgets.analysis.effects.ablation import ablate
from llmwidgets.experiments.metric import Metric

ALL_HEADS = [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]
Effects = list[float]


def measure(tokens: int) -> dict[str, Any]:
    """Keys: ways (name to wall_s and cpu_s, medians), capture (the same of one capture), apart (name to the largest difference of its
    effects from the loop's), largest_effect, lens (its versions, or failed: the reason why it was not measured), failed (None)."""
    torch.set_num_threads(1)
    model, ids = gpt2_small_shape(vocabulary=FULL_VOCABULARY), prompt(tokens)
    run = lw.capture(model, ids)
    metric = Metric.proposed(run)
    asked = metric.on(run)
    target, foil = asked.target_id, asked.foil_id
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with LensPeer(Path(folder), ids.tolist(), target, foil) as lens:
            took, effects, captures = in_turn(model, ids, run, metric, lens)
    loop = effects["loop"]
    return {
        "ways": {way: medians(rounds) for way, rounds in took.items()},
        "capture": medians(captures),
        "apart": {way: max(abs(a - b) for a, b in zip(found, loop, strict=True)) for way, found in effects.items() if way != "loop"},
        "largest_effect": max(map(abs, loop)),
        "median_effect": statistics.median(map(abs, loop)),
        "lens": lens.versions if lens.failed is None else {"failed": lens.failed},
        "failed": None,
    }


def in_turn(
    model: GPT2LMHeadModel, ids: torch.Tensor, run: lw.Capture, metric: Metric, lens: LensPeer
) -> tuple[dict[str, list[Taken]], dict[str, Effects], list[Taken]]:
    """The rounds of each way, its effects (of the last round), and what the captures took; another begins each round."""
    asked = metric.on(run)
    before = loop_value(model, ids, asked.target_id, asked.foil_id)
    effects: dict[str, Effects] = {}
    took: dict[str, list[Taken]] = {"loop": [], "ours": []} | ({"lens": []} if lens.failed is None else {})
    captures: list[Taken] = []

    def loop() -> Taken:
        def work() -> None:
            effects["loop"] = [loop_value(model, ids, asked.target_id, asked.foil_id, at) - before for at in ALL_HEADS]

        return taken(work)

    def ours() -> Taken:
        fresh: list[lw.Capture] = []
        captures.append(taken(lambda: fresh.append(run.again(ids))))

        def work() -> None:
            effects["ours"] = ablate(fresh[0], metric).effect.values.ravel().tolist()

        return taken(work)

    def theirs() -> Taken:
        effects["lens"], wall, cpu = lens.sweep()
        return wall, cpu

    ways: dict[str, Callable[[], Taken]] = {"loop": loop, "ours": ours, "lens": theirs}
    for head in range(3):
        loop_value(model, ids, asked.target_id, asked.foil_id, (0, head))
    ablate(run, metric, layers=[0])
    order = list(took)
    for _ in range(SWEEP_ROUNDS):
        for way in order:
            took[way].append(ways[way]())
        order = [*order[1:], order[0]]
    return took, effects, captures


def loop_value(model: GPT2LMHeadModel, ids: torch.Tensor, target: int, foil: int, without: tuple[int, int] | None = None) -> float:
    """The logit difference at the last token, of a pass without one (layer, head) or without any change."""
    hooks = []
    if without is not None:
        layer, head = without
        projection = model.transformer.h[layer].attn.c_proj
        width = model.config.n_embd // model.config.n_head

        def zero(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            z = inputs[0].clone()  # (batch, position, head x width)
            z[..., head * width : (head + 1) * width] = 0
            return (z, *inputs[1:])

        hooks.append(projection.register_forward_pre_hook(zero))
    try:
        with torch.no_grad():
            logits = model(ids[None], use_cache=False, logits_to_keep=1).logits[0, -1].double()
    finally:
        for hook in hooks:
            hook.remove()
    return float(logits[target] - logits[foil])
