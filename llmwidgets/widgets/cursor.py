"""Where a cursor stands when a run appears: what it keeps of the last one, and a head worth looking at for the first.

Always true: the answer is inside the run (layers that have heads, tokens that there are), also when a pattern is NaN or cannot be had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..capture import Capture
    from .selection import Selection


def opening(run: Capture, selection: Selection, keep_query: bool) -> dict[str, Any]:
    """The places to move `selection` to: layer and head stay where the run has them; the query goes to the last token, unless
    `keep_query` and it is inside; the key stays only with its query."""
    layer, head = selection.layer, selection.head
    if not _has_head(run, layer, head):
        kept = layer if head is None and _has_head(run, layer, 0) else None
        layer, head = first_head(run, kept)
    query = selection.query
    stays = keep_query and query is not None and 0 <= query < run.n_tokens
    key = selection.key
    return {
        "layer": layer,
        "head": head,
        "query": query if stays else run.n_tokens - 1,
        "key": key if stays and key is not None and 0 <= key < run.n_tokens else None,
        "heads": [pair for pair in selection.heads if _has_head(run, *pair)],
    }


def within(run: Capture, selection: Selection) -> dict[str, Any]:
    """The places to move `selection` to when another of the runs of one prompt is shown: it stays, but for what the run does not have."""
    layer, head = selection.layer, selection.head
    of_stream = layer in (None, -1) or (head is None and layer < run.n_layers)
    is_there = of_stream or _has_head(run, layer, head)
    found = (layer, head) if is_there else first_head(run)
    query, key = (
        at if at is None or at < run.n_tokens else other for at, other in ((selection.query, run.n_tokens - 1), (selection.key, None))
    )
    return {
        "layer": found[0],
        "head": found[1],
        "query": query,
        "key": key,
        "heads": [pair for pair in selection.heads if _has_head(run, *pair)],
    }


def first_head(run: Capture, layer: int | None = None) -> tuple[int | None, int | None]:
    """A head to open with: of the last layer (or the given one), the one whose last token looks least at the first token.

    Heads that rest on the first token have the least to show. (None, None) for a model without attention.
    """
    if layer is None:
        layers = [at for at, heads in enumerate(run.heads_per_layer) if heads > 0]
        if not layers:
            return None, None
        layer = layers[-1]
    last = run.n_tokens - 1
    try:
        share = np.asarray(run.pattern(layer, queries=last, keys=0), dtype=np.float64)  # (head,)
    except Exception:
        return layer, 0
    if last == 0 or share.size == 0 or not np.isfinite(share).any():
        return layer, 0
    return layer, int(np.nanargmin(share))


def _has_head(run: Capture, layer: int | None, head: int | None) -> bool:
    return layer is not None and head is not None and 0 <= layer < run.n_layers and 0 <= head < run.heads_per_layer[layer]
