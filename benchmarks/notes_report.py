"""The notes' section of RESULTS.md, with its targets."""

from __future__ import annotations

from typing import Any

from benchmarks.limits import MANY_NOTES, NOTE_ROUNDS, VIEWED_NOTES
from benchmarks.report import row

HEADING = "# Measured: notes"
ROWS = {
    "append": "the same bytes appended and made safe on the disk, bare",
    "add_short": "a note added to a short file, lock and disk included",
    "add_long": f"a note added to a file of {MANY_NOTES:,} notes",
    "parse": f"a file of {MANY_NOTES:,} notes read as JSON, bare",
    "open": "the same file opened as notes",
    "view_none": "an Inspector of a capture made, without notes",
    "view_many": f"the same with {VIEWED_NOTES} notes that stand on the run",
    "annotate_none": "a note written in a view with few notes: picture made, told to the page",
    "annotate_many": f"the same in a view with {VIEWED_NOTES} notes",
}


def section(case: dict[str, Any], busy: bool) -> str:
    """The whole section. busy: other work ran on the machine meanwhile."""
    if case["failed"]:
        return f"{HEADING}\n\nIt {case['failed']}.\n"
    shared = "other work ran on the machine meanwhile" if busy else "nothing else of weight ran on the machine"
    rounds = f"Medians of {NOTE_ROUNDS} rounds in the kernel, one after the other in one process"
    lines = [f"{HEADING}\n\n{rounds}; a note takes {case['bytes']} bytes; {shared}.\n"]
    lines += ["| | ms |", "| --- | ---: |", *(f"| {words} | {case[name]:.2f} |" for name, words in ROWS.items())]
    lines += ["", "## Targets", "", "| target | measured | |", "| --- | ---: | --- |"]
    lines.append(row("a long file makes no note slower: at most 2 times", case["add_long"] / case["add_short"], "{:.2f} times", 2, "<="))
    lines.append(row("a file opens within 20 times its bare parsing", case["open"] / case["parse"], "{:.1f} times", 20, "<="))
    return "\n".join(lines) + "\n"
