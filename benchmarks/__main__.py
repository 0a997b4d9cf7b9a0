"""All measurements in one run: `make bench`, or `python -m benchmarks [ours head_view model_view capture causes toggle notes]`.

Prints each case as it comes, then the tables. RESULTS.md has a section for the views, the causes, the
toggling and the notes; each is written when all of its parts have been run, and leaves the others as they are.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.limits import ATTRIBUTION_TOKENS, BUSY, CASE_SECONDS, OWN_TOKENS, PEER_TOKENS, SWEEP_SECONDS, SWEEP_TOKENS, TOTAL_SECONDS

RESULTS = Path(__file__).parent / "RESULTS.md"
VIEW_PARTS = ("ours", "head_view", "model_view", "capture")
PARTS = (*VIEW_PARTS, "causes", "toggle", "notes")


def in_its_own_process(part: str, tokens: int, left: float, at_most: float = CASE_SECONDS) -> dict[str, Any]:
    """One case in a fresh process, for the seconds that are left or `at_most`: no case inherits another's memory, caches or browser."""
    seconds = min(left, at_most)
    if seconds <= 0:
        return {"failed": f"was not run: the whole may take {TOTAL_SECONDS} s"}
    command = [sys.executable, "-m", "benchmarks.case", part, str(tokens)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            end_with_children(process.pid)
            return {"failed": f"was not through after {seconds:.0f} s"}
    if process.returncode != 0:
        return {"failed": f"ended: {(errors.strip().splitlines() or ['without a word'])[-1][:200]}"}
    return json.loads(out.splitlines()[-1])


def end_with_children(pid: int) -> None:
    """End a process and all that it started: its server, kernel and browser."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (*process.children(recursive=True), process):
            with contextlib.suppress(psutil.Error):
                one.kill()


def main(parts: list[str]) -> None:
    """Measure the named parts, or all."""
    wanted = parts or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        raise SystemExit(f"{', '.join(sorted(unknown))} came; expected some of {', '.join(PARTS)}")
    end = time.monotonic() + TOTAL_SECONDS
    if views := [part for part in VIEW_PARTS if part in wanted]:
        measure_views(views, end)
    if "causes" in wanted:
        measure_causes(end)
    if "toggle" in wanted:
        measure_toggle(end)
    if "notes" in wanted:
        measure_notes(end)


def measure_views(wanted: list[str], end: float) -> None:
    """The widget beside its peers, and the capture; writes the first section of RESULTS.md where all of it was measured."""
    from benchmarks.report import markdown

    cases: dict[tuple[str, int], dict[str, Any]] = {}
    capture: dict[str, Any] = {"failed": "was not asked for"}
    if "capture" in wanted:
        capture = in_its_own_process("capture", 0, end - time.monotonic())
        print("capture", json.dumps(capture), flush=True)
    # Side by side: at each length, ours and then the others.
    for tokens in OWN_TOKENS:
        for view in ("ours", "head_view", "model_view"):
            if view in wanted and (view == "ours" or tokens in PEER_TOKENS):
                cases[view, tokens] = in_its_own_process(view, tokens, end - time.monotonic())
                print(view, tokens, json.dumps(cases[view, tokens]), flush=True)
    if len(wanted) == len(VIEW_PARTS):
        version = subprocess.run(["chromium", "--version"], capture_output=True, text=True).stdout.split()[1:2]
        write(views=markdown(cases, capture, *(version or ["of Playwright"])))


def measure_causes(end: float) -> None:
    """Sweeps over heads beside a plain loop and TransformerLens, and attribution patching; writes the second section of RESULTS.md."""
    from benchmarks.causes_report import section

    cases: dict[tuple[str, int], dict[str, Any]] = {}
    for part, lengths in (("causes", SWEEP_TOKENS), ("attribution", ATTRIBUTION_TOKENS)):
        for tokens in lengths:
            cases[part, tokens] = in_its_own_process(part, tokens, end - time.monotonic(), SWEEP_SECONDS)
            print(part, tokens, json.dumps(cases[part, tokens]), flush=True)
    write(causes=section(cases))


def measure_toggle(end: float) -> None:
    """A head switched by a click in the view; writes the third section of RESULTS.md."""
    from benchmarks.toggle_report import section

    busy = psutil.getloadavg()[0] > BUSY
    case = in_its_own_process("toggle", 0, end - time.monotonic())
    print("toggle", json.dumps(case), flush=True)
    write(toggle=section(case, busy))


def measure_notes(end: float) -> None:
    """Notes written, opened and told to a view; writes the fourth section of RESULTS.md."""
    from benchmarks.notes_report import section

    busy = psutil.getloadavg()[0] > BUSY
    case = in_its_own_process("notes", 0, end - time.monotonic())
    print("notes", json.dumps(case), flush=True)
    write(notes=section(case, busy))


def write(**written: str) -> None:
    """Put sections, which are printed too, in their places in RESULTS.md; the others stay."""
    from benchmarks import causes_report, notes_report, toggle_report

    print(*written.values(), sep="\n")
    rest = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    kept: dict[str, str] = {}
    for name, report in (("notes", notes_report), ("toggle", toggle_report), ("causes", causes_report)):
        rest, found, after = rest.partition(report.HEADING)
        kept[name] = found + after
    kept["views"] = rest
    sections = [written.get(name, kept[name]) for name in ("views", "causes", "toggle", "notes")]
    RESULTS.write_text("\n".join(one.rstrip() + "\n" for one in sections if one.strip()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
