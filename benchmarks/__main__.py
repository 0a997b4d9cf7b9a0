"""All measurements in one run: `make bench`, or `python -m benchmarks [ours head_view model_view capture]`.

Prints each case as it comes, then the tables; writes them to benchmarks/RESULTS.md when every part has been run.
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

from benchmarks.limits import CASE_SECONDS, OWN_TOKENS, PEER_TOKENS, TOTAL_SECONDS

RESULTS = Path(__file__).parent / "RESULTS.md"
PARTS = ("ours", "head_view", "model_view", "capture")


def in_its_own_process(part: str, tokens: int, seconds: float) -> dict[str, Any]:
    """One case in a fresh process, for at most `seconds`: no case inherits another's memory, caches or open browser."""
    if seconds <= 0:
        return {"failed": f"was not run: the whole may take {TOTAL_SECONDS} s"}
    command = [sys.executable, "-m", "benchmarks.case", part, str(tokens)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, errors = process.communicate(timeout=min(seconds, CASE_SECONDS))
        except subprocess.TimeoutExpired:
            end_with_children(process.pid)
            return {"failed": f"was not through after {min(seconds, CASE_SECONDS):.0f} s"}
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
    from benchmarks.report import markdown

    wanted = parts or list(PARTS)
    cases: dict[tuple[str, int], dict[str, Any]] = {}
    capture: dict[str, Any] = {"failed": "was not asked for"}
    end = time.monotonic() + TOTAL_SECONDS
    if "capture" in wanted:
        capture = in_its_own_process("capture", 0, end - time.monotonic())
        print("capture", json.dumps(capture), flush=True)
    # Side by side: at each length, ours and then the others.
    for tokens in OWN_TOKENS:
        for view in ("ours", "head_view", "model_view"):
            if view in wanted and (view == "ours" or tokens in PEER_TOKENS):
                cases[view, tokens] = in_its_own_process(view, tokens, end - time.monotonic())
                print(view, tokens, json.dumps(cases[view, tokens]), flush=True)
    if len(wanted) == len(PARTS):
        version = subprocess.run(["chromium", "--version"], capture_output=True, text=True).stdout.split()[1:2]
        text = markdown(cases, capture, *(version or ["of Playwright"]))
        RESULTS.write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
