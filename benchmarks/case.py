"""One case, in a process of its own: `python -m benchmarks.case ours 128`. The last line it prints is its figures as JSON."""

from __future__ import annotations

import json
import sys


def measure(part: str, tokens: int) -> dict[str, object]:
    """The figures of one part at one length. What a part needs is imported only for it."""
    if part == "ours":
        from benchmarks import ours

        return ours.measure(tokens)
    if part == "capture":
        from benchmarks import capture_cost

        return capture_cost.measure()
    if part == "causes":
        from benchmarks import causes

        return causes.measure(tokens)
    if part == "attribution":
        from benchmarks import attribution_cost

        return attribution_cost.measure(tokens)
    if part == "toggle":
        from benchmarks import toggle

        return toggle.measure()
    if part == "notes":
        from benchmarks import notes

        return notes.measure()
    from benchmarks import peer

    return peer.measure(part, tokens)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
