"""What notes cost: written to files of two lengths, opened, and told to a view; beside what any program would have to do for the same.

All of it in the kernel, on the built-in model. The bare work that stands beside: the same bytes written and made safe on the disk by one
`write` and one `fsync`; the same file read as JSON, line by line.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llmwidgets as lw
from benchmarks.clock import medians, taken
from benchmarks.limits import MANY_NOTES, NOTE_ROUNDS, VIEWED_NOTES

TEXT = "From the last token this head gives **{}%** of its attention to Mary. It may be what says her name."


def measure() -> dict[str, Any]:
    """Milliseconds (median of the wall's clock) by name, `bytes` a note in the file, and `failed`."""
    run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {**written(folder, run), **viewed(folder, run)}
    return {**found, "failed": ""}


def written(folder: Path, run: lw.Capture) -> dict[str, float]:
    """Notes without a view."""
    short, long = (lw.Notes(folder / f"{which}.jsonl", author="ana") for which in ("short", "long"))
    with (folder / "many.jsonl").open("w") as many:
        for i in range(MANY_NOTES):
            event = {"v": 1, "id": f"{i:016x}", "clock": i + 1, "note": f"{i:016x}", "at": "2026-01-01T00:00:00Z", "by": "ana"}
            values = {"text": TEXT.format(i), "place": {"cursor": {"layer": i % 4, "head": i % 3}}}
            many.write(json.dumps({**event, "set": values}) + "\n")
    long.load(folder / "many.jsonl")
    add = lambda notes: lambda: notes.add(TEXT.format(99), run=run, layer=1, head=3, query=-1, key=1)  # noqa: E731
    made = {"add_short": milliseconds(add(short)), "add_long": milliseconds(add(long))}
    line = (folder / "short.jsonl").read_bytes().splitlines(keepends=True)[-1]
    bare = os.open(folder / "bare.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def append() -> None:
        os.write(bare, line)
        os.fsync(bare)

    made["append"] = milliseconds(append)
    os.close(bare)
    copies = iter(range(1_000))

    def opened() -> None:
        copy = folder / f"copy{next(copies)}.jsonl"
        os.link(folder / "many.jsonl", copy)  # a kernel keeps what it has read of a path
        assert len(lw.Notes(copy)) == MANY_NOTES

    made["open"] = milliseconds(opened, rounds=5)
    made["parse"] = milliseconds(lambda: [json.loads(line) for line in (folder / "many.jsonl").read_bytes().splitlines()], rounds=5)
    return {**made, "bytes": len(line)}


def viewed(folder: Path, run: lw.Capture) -> dict[str, float]:
    """Notes in a view: the view made, and one more note told to the page, with none there and with many."""
    made = {}
    for which, count in (("none", 0), ("many", VIEWED_NOTES)):
        notes = lw.Notes(folder / f"viewed-{which}.jsonl", author="ana")
        for i in range(count):
            notes.add(TEXT.format(i), run=run, layer=i % 4, head=i % 3, query=i % 14, key=0)

        def shown(notes: lw.Notes = notes) -> None:
            lw.Inspector(run, notes=notes).close()

        made[f"view_{which}"] = milliseconds(shown)
        view = lw.Inspector(run, notes=notes)
        made[f"annotate_{which}"] = milliseconds(lambda: view.annotate(TEXT.format(99), layer=1, head=3, query=-1, key=1))  # noqa: B023
        view.close()
    return made


def milliseconds(work: Callable[[], object], rounds: int = NOTE_ROUNDS) -> float:
    """The median; the first round warms up."""
    work()
    return 1000 * medians([taken(work) for _ in range(rounds)])["wall_s"]
