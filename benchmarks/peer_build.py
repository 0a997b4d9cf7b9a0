"""Builds one BertViz page in a process of its own, so that a limit of memory can hold it, and prints what that took as JSON.

python -m benchmarks.peer_build head_view 128 page.html
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import bertviz
import torch

from benchmarks.subject import gpt2_small_shape, prompt


def build(view: str, tokens: int, path: Path) -> dict[str, float]:
    """The pass with attentions kept, then BertViz's own function; seconds of each, the bytes of the page, and of it in a notebook file."""
    model, ids = gpt2_small_shape(attention="eager"), prompt(tokens)
    start = time.perf_counter()
    with torch.no_grad():
        attention = model(ids[None], output_attentions=True).attentions
    forward = time.perf_counter()
    page = getattr(bertviz, view)(attention, [str(token) for token in ids.tolist()], html_action="return").data
    end = time.perf_counter()
    path.write_text(f"<!doctype html><meta charset='utf-8'><body>{page}</body>", encoding="utf-8")
    return {"forward_s": forward - start, "build_s": end - forward, "sent": len(page.encode()), "saved": len(json.dumps(page))}


if __name__ == "__main__":
    view, tokens, path, memory_gb = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    limit = int(memory_gb * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    print(json.dumps(build(view, tokens, path)))
