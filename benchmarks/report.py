"""The measured figures as Markdown, with the targets beside them. What is written comes from the run, nothing else."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import psutil

from benchmarks.limits import (
    BUILD_GB,
    BUILD_SECONDS,
    CAPTURE_ROUNDS,
    CAPTURE_TOKENS,
    OPEN_MB,
    OPEN_SECONDS,
    OWN_TOKENS,
    PEER_TOKENS,
)

PACKAGES = ("torch", "transformers", "bertviz", "jupyterlab", "ipywidgets", "anywidget", "playwright")
Cases = dict[tuple[str, int], dict[str, Any]]

INTRODUCTION = """# Measured

One run of `make bench`, all cases one after the other on one machine. The model has GPT-2 small's shape (12 × 12 heads, width 768), random
weights and a vocabulary of 8,192. The imports (torch, transformers, each side's own package) and the making of the model stand outside the
clock on both sides; the forward pass stands inside on both. Each case has a process and a browser of its own.

*Ours* is measured in a real JupyterLab, from the run of the cell to the painted view: `lw.show` with the first capture of the model and
its probe, the kernel's messages (all that the page's web sockets received, the widget's own script among it), JupyterLab's work, the
drawing. BertViz's pages are built by `html_action="return"` from eager attention, and opened as a served page, with no notebook around
them; the three libraries that they load from a CDN are answered from the disk at once and not counted. A view that did not open within
{open} s or {gb} GB (or was not built within {build} s and {build_gb} GB) is given as such. Chromium draws in software; each figure is one
run, latencies are medians. A hover is timed from the pointer's event, a click from the press, both to the painted frame.
"""


def markdown(cases: Cases, capture: dict[str, Any], chromium: str) -> str:
    """The whole report."""
    lines = [INTRODUCTION.format(open=OPEN_SECONDS, gb=OPEN_MB // 1024, build=BUILD_SECONDS, build_gb=BUILD_GB)]
    lines += [machine(chromium), ""]
    lines += table("Run to painted, s (Python included)", cases, "total_s", "{:.2f}")
    lines += table("of these in Python, s (forward pass and building the view)", cases, "python_s", "{:.2f}")
    lines += table("Bytes that the page received until then", cases, "sent", "{:,.0f} kB", 1e-3)
    lines += table("Bytes that the saved notebook grew by", cases, "saved", "{:,.0f} kB", 1e-3)
    lines += table("Look at something else, ms: hover a token (head_view, ours), click a head (model_view)", cases, "look_ms", "{:.0f}")
    lines += table("Ours: frames from hover to repaint", cases, "look_frames", "{:.0f}", only="ours")
    lines += table("Ours: click on another head to its pattern painted, ms", cases, "click_ms", "{:.0f}", only="ours")
    lines += failures(cases)
    lines += capture_cost(capture)
    lines += targets(cases, capture)
    return "\n".join(lines) + "\n"


def machine(chromium: str) -> str:
    """One line on what it ran on."""
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{psutil.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}, Chromium {chromium}, {packages}."


def table(title: str, cases: Cases, key: str, form: str, factor: float = 1, only: str | None = None) -> list[str]:
    """One quantity: a row a view, a column a length."""
    views = [only] if only else ["ours", "head_view", "model_view"]
    rows = [f"## {title}", "", f"| | {' | '.join(f'{n:,}' for n in OWN_TOKENS)} |", f"| --- |{' ---: |' * len(OWN_TOKENS)}"]
    for view in views:
        cells = []
        for tokens in OWN_TOKENS:
            case = cases.get((view, tokens))
            value = case.get(key) if case else None
            cells.append(form.format(value * factor) if value is not None else "did not open" if case and case["failed"] else "·")
        rows.append(f"| {view} | {' | '.join(cells)} |")
    return [*rows, ""]


def failures(cases: Cases) -> list[str]:
    """Why a case did not open."""
    reasons = [f"- {view} at {tokens:,} tokens {case['failed']}" for (view, tokens), case in cases.items() if case["failed"]]
    return ["## What did not open", "", *(reasons or ["Everything opened."]), ""]


def capture_cost(capture: dict[str, Any]) -> list[str]:
    """The capture beside the plain forward pass."""
    if capture["failed"]:
        return [f"## A capture at {CAPTURE_TOKENS:,} tokens", "", f"It {capture['failed']}.", ""]
    return [
        f"## A capture at {CAPTURE_TOKENS:,} tokens",
        "",
        f"The plain pass is `model(ids, use_cache=False)` under `torch.no_grad()`: the user's own, with the logits of all positions. "
        f"Plain {capture['plain_s']:.2f} s, capture {capture['capture_s']:.2f} s (medians of {CAPTURE_ROUNDS} rounds in turn, "
        f"{capture['threads']} threads), ratio **{capture['ratio']:.2f}** (of the process's CPU time {capture['cpu_ratio']:.2f}). Each "
        f"capture takes the place of the one before, as in a view whose prompt is edited. The first capture of the model, with its probe, "
        f"takes {capture['first_s']:.2f} s; it keeps {capture['megabytes']:.0f} MB.",
        "",
    ]


def targets(cases: Cases, capture: dict[str, Any]) -> list[str]:
    """What was to be reached, and what was."""
    rows = ["## Targets", "", "| target | measured | |", "| --- | ---: | --- |"]
    ours = cases.get(("ours", 128), {})
    for view, factor in (("head_view", 5), ("model_view", 30)):
        other = cases.get((view, 128), {})
        theirs, given_up = other.get("total_s"), other.get("at_least_s")
        if ours.get("total_s") and (theirs or given_up):
            form = "{:.1f} ×" if theirs else "more than {:.1f} × (given up)"
            rows.append(
                row(f"painted {factor} times sooner than {view} at 128 tokens", (theirs or given_up) / ours["total_s"], form, factor, ">=")
            )
    opened = [cases["ours", tokens] for tokens in OWN_TOKENS if cases.get(("ours", tokens), {"failed": ""})["failed"] is None]
    if opened:
        rows.append(
            row("at most 1 MB until the first paint, at any length", max(case["sent"] for case in opened) / 1e6, "{:.2f} MB", 1, "<=")
        )
        rows.append(row("hover repainted within two frames", max(case["look_frames"] for case in opened), "{:.0f} frames", 2, "<="))
    long = cases.get(("ours", 1_024), {})
    if long.get("click_ms"):
        rows.append(row("a clicked head of 1,024 tokens painted within 120 ms", long["click_ms"], "{:.0f} ms", 120, "<="))
    if not capture["failed"]:
        target = f"capture at {CAPTURE_TOKENS:,} tokens at most 1.15 times the plain pass"
        rows.append(row(target, capture["ratio"], "{:.2f} ×", 1.15, "<="))
    missing = [f"{tokens:,}" for tokens in OWN_TOKENS if cases.get(("ours", tokens), {"failed": ""})["failed"] is not None]
    return [*rows, "", f"Without ours at {', '.join(missing)} tokens, which gave no figures."] if missing else rows


def row(target: str, measured: float, form: str, bound: float, sense: str) -> str:
    """One target and whether it was reached."""
    reached = measured >= bound if sense == ">=" else measured <= bound
    missed = "**not shown**" if form.startswith("more than") else "**not reached**"
    return f"| {target} | {form.format(measured)} | {'reached' if reached else missed} |"


assert set(PEER_TOKENS) <= set(OWN_TOKENS)
