"""The toggling's section of RESULTS.md, with its target."""

from __future__ import annotations

import platform
from typing import Any

import psutil

from benchmarks.limits import TOGGLE_MS
from benchmarks.report import row
from benchmarks.toggle import median_and_worst

HEADING = "# Measured: a head switched off and on"
ROWS = {
    "first": "on for the first time",
    "off": "off",
    "again": "on again (kept)",
    "off_again": "off again (kept)",
    "message": "an empty message to the kernel and back",
    "capture": "the prompt captured anew, in the kernel",
    "intervene": "the prompt with the head at zero (`lw.intervene`), in the kernel",
}
INTRODUCTION = f"""{HEADING}

The Inspector of the built-in model in a real JupyterLab, a change for every head in its list. One head is set to zero by a click on its
checkbox; the clock runs from the press to the painted frame in which every panel has the numbers of the changed run and none waits. Below
stands what was measured between the clicks, in the same page and kernel. The bound is of the median; {{rounds}} heads in turn, after some
that only warm up; Chromium draws in software; {{busy}}.
"""


def section(case: dict[str, Any], busy: bool) -> str:
    """The whole section. busy: other work ran on the machine meanwhile."""
    if case["failed"]:
        return f"{HEADING}\n\nIt {case['failed']}.\n"
    shared = "other work ran on the machine meanwhile" if busy else "nothing else of weight ran on the machine"
    memory = psutil.virtual_memory().total / 2**30
    lines = [INTRODUCTION.format(rounds=len(case["first"]), busy=shared)]
    lines += [f"{psutil.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}.", ""]
    lines += ["| | median, ms | worst, ms |", "| --- | ---: | ---: |"]
    for name, words in ROWS.items():
        middle, worst = median_and_worst(case[name])
        lines.append(f"| {words} | {middle:.0f} | {worst:.0f} |")
    first, again = median_and_worst(case["first"])[0], median_and_worst(case["again"])[0]
    least = median_and_worst(case["message"])[0] + median_and_worst(case["intervene"])[0]
    lines += [
        "",
        f"On for the first time takes {first / least:.1f} times an empty message and the bare pass with the head at zero together.",
    ]
    lines += ["", "## Targets", "", "| target | measured | |", "| --- | ---: | --- |"]
    lines.append(row(f"a head on for the first time within {TOGGLE_MS} ms", first, "{:.0f} ms", TOGGLE_MS, "<="))
    lines.append(row(f"a head on again within {TOGGLE_MS} ms", again, "{:.0f} ms", TOGGLE_MS, "<="))
    return "\n".join(lines) + "\n"
