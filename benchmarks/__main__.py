"""All measurements in one run: `make bench`, or `python -m benchmarks [ours head_view model_view capture]`.

Prints each case as it comes, then the tables; writes them to benchmarks/RESULTS.md when every part has been run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.limits import OWN_TOKENS, PEER_TOKENS

RESULTS = Path(__file__).parent / "RESULTS.md"
PARTS = ("ours", "head_view", "model_view", "capture")


def in_its_own_process(part: str, tokens: int = 0) -> dict[str, Any]:
    """One case in a fresh process: no case inherits another's memory, caches or open browser."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.case", part, str(tokens)], capture_output=True, text=True)
    if done.returncode != 0:
        return {"failed": f"the measurement ended: {done.stderr.strip().splitlines()[-1][:200]}"}
    return json.loads(done.stdout.splitlines()[-1])


def main(parts: list[str]) -> None:
    """Measure the named parts, or all."""
    from benchmarks.report import markdown

    wanted = parts or list(PARTS)
    cases: dict[tuple[str, int], dict[str, Any]] = {}
    # Side by side: at each length, ours and then the others.
    for tokens in OWN_TOKENS:
        for view in ("ours", "head_view", "model_view"):
            if view in wanted and (view == "ours" or tokens in PEER_TOKENS):
                cases[view, tokens] = in_its_own_process(view, tokens)
                print(view, tokens, json.dumps(cases[view, tokens]), flush=True)
    if "capture" not in wanted:
        return
    capture = in_its_own_process("capture")
    print("capture", json.dumps(capture), flush=True)
    if len(wanted) == len(PARTS):
        version = subprocess.run(["chromium", "--version"], capture_output=True, text=True).stdout.split()[1:2]
        text = markdown(cases, capture, *(version or ["of Playwright"]))
        RESULTS.write_text(text, encoding="utf-8")
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
