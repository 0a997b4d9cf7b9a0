"""The causes' section of RESULTS.md: sweeps over heads and attribution patching, with the targets beside them."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import psutil

from benchmarks.limits import ATTRIBUTION_ROUNDS, ATTRIBUTION_TOKENS, SWEEP_ROUNDS, SWEEP_TOKENS
from benchmarks.report import row

HEADING = "# Measured: causes"
WAYS = {
    "loop": "(a) one forward pass per head, with a hook",
    "ours": "(b) `lw.ablate` on a capture",
    "lens": "(c) TransformerLens, `run_with_hooks` per head",
}
Cases = dict[tuple[str, int], dict[str, Any]]

INTRODUCTION = """{heading}

All 144 single-head zero ablations of one random prompt, the logits of its last token, on a model of GPT-2 small's shape (12 × 12 heads,
width 768, vocabulary 50,257, random weights), float32, one thread. The ways take turns over {rounds} rounds of one run; the figures are
medians. Outside of the clock are the model, the pass without any change and a few heads to warm up; (b) gets a new capture for
each round, so that nothing that it keeps helps the next. (a) and (c) ask for the last token's logits only and keep no key-value cache.
(c) is a `TransformerBridge`, the one model class since TransformerLens 4.0, booted from a saved copy of the same model with
its weights as they are, hooks as in its own documentation; it runs in a process and an environment of its own. Ratios are of CPU time,
which other work on the machine touches less.
"""


def section(cases: Cases) -> str:
    """The whole section, from its heading to the end of the file."""
    sweeps = {tokens: case for (part, tokens), case in cases.items() if part == "causes" and not case["failed"]}
    attributions = {tokens: case for (part, tokens), case in cases.items() if part == "attribution" and not case["failed"]}
    lines = [INTRODUCTION.format(heading=HEADING, rounds=SWEEP_ROUNDS), machine(sweeps), ""]
    lines += sweep_table(sweeps) + agreement(sweeps) + attribution_table(attributions)
    missing = [f"- {part} at {tokens:,} tokens {case['failed']}" for (part, tokens), case in cases.items() if case["failed"]]
    lines += ["## What was not measured", "", *missing, ""] if missing else []
    return "\n".join(lines + targets(sweeps, attributions)) + "\n"


def machine(sweeps: dict[int, dict[str, Any]]) -> str:
    """What it ran on, on both sides."""
    here = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    line = f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB, Python {platform.python_version()}, {here}"
    lens = next((case["lens"] for case in sweeps.values() if "failed" not in case["lens"]), None)
    return line + (f"; (c): {', '.join(f'{name} {number}' for name, number in lens.items())}." if lens else ".")


def sweep_table(sweeps: dict[int, dict[str, Any]]) -> list[str]:
    """Seconds of each way and how much quicker than the loop."""
    rows = ["## 144 heads taken away, one at a time", ""]
    rows += ["| | " + " | ".join(f"{n} tokens: CPU s | wall s | (a) / this" for n in SWEEP_TOKENS) + " |"]
    rows += [f"| --- |{' ---: |' * 3 * len(SWEEP_TOKENS)}"]
    for way, words in WAYS.items():
        cells = []
        for tokens in SWEEP_TOKENS:
            ways = sweeps.get(tokens, {"ways": {}})["ways"]
            took = ways.get(way)
            cells.append(f"{took['cpu_s']:.2f} | {took['wall_s']:.2f} | {quicker(ways, way):.2f}" if took else "· | · | ·")
        rows.append(f"| {words} | {' | '.join(cells)} |")
    captures = ", ".join(f"{case['capture']['cpu_s']:.2f} s at {tokens} tokens" for tokens, case in sweeps.items())
    reasons = {f"(c): {case['lens']['failed']}.\n" for case in sweeps.values() if "failed" in case["lens"]}
    return [*rows, "", *([f"The capture that (b) begins with takes {captures} (CPU).", ""] if captures else []), *reasons]


def quicker(ways: dict[str, Any], way: str, than: str = "loop") -> float:
    """How many times less CPU time one way takes than another."""
    return ways[than]["cpu_s"] / ways[way]["cpu_s"]


def agreement(sweeps: dict[int, dict[str, Any]]) -> list[str]:
    """How far the numbers are apart: all three measure the same."""
    rows = []
    for tokens, case in sweeps.items():
        apart = " and ".join(f"{difference:.1e} from {WAYS[way][:3]}'s" for way, difference in case["apart"].items())
        rows.append(
            f"- {tokens} tokens: the effects of (a) on the logit difference go up to {case['largest_effect']:.2f} (median size "
            f"{case['median_effect']:.2f}); they are at most {apart}."
        )
    return ["## The same numbers", "", *rows, ""] if rows else []


def attribution_table(attributions: dict[int, dict[str, Any]]) -> list[str]:
    """What attribution patching takes, beside a plain pass."""
    if not attributions:
        return []
    rows = [
        "## Attribution patching of all heads, in forward passes",
        "",
        f'`attribution_patching(clean, corrupted, metric, site="z", verify=0)` on two captures, beside the plain pass '
        f"`model(ids, use_cache=False, logits_to_keep=1)` of the same prompt; the same model, one thread, in turn, medians of "
        f"{ATTRIBUTION_ROUNDS} rounds of CPU time.",
        "",
        "| tokens | plain pass, s | patching, s | in passes | with the corrupted capture, s | in passes |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for tokens, case in attributions.items():
        plain, patching, whole = (case[part]["cpu_s"] for part in ("plain", "patching", "with_capture"))
        rows.append(f"| {tokens} | {plain:.3f} | {patching:.3f} | {case['passes']:.1f} | {whole:.3f} | {case['passes_with_capture']:.1f} |")
    return [*rows, ""]


def targets(sweeps: dict[int, dict[str, Any]], attributions: dict[int, dict[str, Any]]) -> list[str]:
    """What was to be reached, and what was."""
    rows = ["## Targets", "", "| target | measured | |", "| --- | ---: | --- |"]
    for tokens, factor in ((16, 6), (64, 2.5)):
        if tokens in sweeps:
            measured = quicker(sweeps[tokens]["ways"], "ours")
            rows.append(row(f"144 ablations at {tokens} tokens {factor} times quicker than (a)", measured, "{:.2f} ×", factor, ">="))
    for tokens in SWEEP_TOKENS:
        if "lens" in sweeps.get(tokens, {"ways": {}})["ways"]:
            measured = quicker(sweeps[tokens]["ways"], "ours", than="lens")
            rows.append(f"| at {tokens} tokens, times quicker than (c) | {measured:.2f} × | no target |")
    for tokens in ATTRIBUTION_TOKENS:
        if tokens in attributions:
            measured = attributions[tokens]["passes"]
            rows.append(row(f"attribution patching at {tokens} tokens in at most 6 passes", measured, "{:.1f} passes", 6, "<="))
    return rows
