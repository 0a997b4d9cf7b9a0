"""The blocks that travel in a view's initial state, so that there is a picture before the kernel can answer.

Always true: they are the very blocks that the page would ask for (first_requests.py); written into a notebook they take at most
220 kB, whatever the prompt; nothing is computed here whose estimated time is above the given seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import first_requests as ask
from .answers import Cancelled, Served, never
from .traits import LINE, MOST_TEXT

if TYPE_CHECKING:
    from ..fields import Field

MOST_WRITTEN = 220_000  # bytes in a notebook file, base64 and all
AT_ONCE, LATER = 0.3, 6.0  # seconds worth spending before the run is shown, and after

CELLS_PER_SECOND = 6.0e7  # of attention
MASK_CELLS_PER_SECOND = 2.0e8
FLOPS_PER_SECOND = 2.0e10  # of read-out

# What stands first when not everything fits; the page takes them in any order.
_BY_WORTH = ("pattern", "next", "layers", "thumbnails")


def first_picture(
    served: Served, layer: int | None, head: int | None, layer_field: str, seconds: float = LATER, cancelled: Cancelled = never
) -> tuple[dict[str, Any], bool]:
    """The `first` trait, and whether `seconds` were enough for all of it."""
    blocks, written, complete = [], 0, True
    for kind, request in requests_of(served, layer, head, layer_field):
        if cancelled():
            return {"epoch": served.epoch, "blocks": blocks}, False
        if estimated_seconds(served, kind) > seconds:
            complete = False
            continue
        try:
            header, data = served.block(request, cancelled)
        except Exception:  # the page asks for it again and shows what is wrong
            continue
        size = written_size(request, header, data)
        if written + size > MOST_WRITTEN or _text_size(header) > MOST_TEXT:
            continue
        written += size
        blocks.append({"request": request, "header": header, "data": data})
    return {"epoch": served.epoch, "blocks": blocks}, complete


def requests_of(served: Served, layer: int | None, head: int | None, layer_field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind, request) of each block of a first picture, most worth first."""
    run, fields, epoch = served.capture, served.fields, served.epoch
    for kind in _BY_WORTH:
        if kind == "pattern" and "attention" in fields and layer is not None and layer >= 0 and head is not None:
            yield kind, ask.pattern(epoch, layer, head, run.n_tokens)
        elif kind == "next" and "next_token" in fields:
            yield kind, ask.next_token(epoch, run.n_tokens, fields["next_token"].axis("rank").size)
        elif kind == "layers" and layer_field in fields and fits_layer_grid(fields[layer_field]):
            axis = fields[layer_field].axis("layer")
            yield kind, ask.layer_grid(layer_field, epoch, axis.start, axis.start + axis.size, run.n_tokens, fields[layer_field].texts)
        elif kind == "thumbnails" and "attention" in fields:
            for request in ask.thumbnails(epoch, run.n_layers, run.n_heads, run.n_tokens):
                yield kind, request


def fits_layer_grid(field: Field) -> bool:
    """Whether a field is one number for each layer and position."""
    return set(field.coordinates) == {"layer", "position"}


def estimated_seconds(served: Served, kind: str) -> float:
    """About how long one block of this kind, or all thumbnails, or the references of fields, take to compute on two ordinary cores."""
    run = served.capture
    cells = run.n_tokens**2
    row = 2.0 * run.d_model * run.vocab_size
    if kind == "thumbnails":
        return run.n_layers * run.n_heads * cells / CELLS_PER_SECOND
    if kind == "references":
        return run.n_layers * run.n_heads * cells / MASK_CELLS_PER_SECOND
    if kind == "pattern":
        return cells / CELLS_PER_SECOND
    rows = 1 if kind == "next" else (run.n_layers + 1) * min(run.n_tokens, ask.LAYER_WINDOW)
    return rows * row / FLOPS_PER_SECOND


def written_size(request: dict[str, Any], header: dict[str, Any], data: bytes) -> int:
    """Bytes of a block in a notebook file: base64, and JSON with one list entry or key a line."""
    lines = json.dumps([request, {**header, "texts": None}], indent=1)
    path = 300  # the buffer's entry and its path
    return len(data) * 4 // 3 + len(lines) + LINE * lines.count("\n") + path + _text_size(header)


def _text_size(header: dict[str, Any]) -> int:
    texts = header.get("texts") or []
    return sum(len(json.dumps(text)) + LINE for text in texts)
