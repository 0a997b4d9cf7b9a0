"""Where attention goes when looks are cut: in the clean run's own softmax, with those looks forbidden.

Always true: it is about one layer alone, with the queries and keys of the clean run: exact for that layer when nothing before it is
changed, and before anything after it reacts. What a row lost its other keys gain, each in proportion to what it had (an attention sink
takes its part too, and is no key). What the cut does to the answer is told elsewhere (`alone`, `knockout`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from llmwidgets.analysis.given import require_capture
from llmwidgets.capture.record import AttentionRecord
from llmwidgets.experiments.edits import require_site, sites_of
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.places import Places, several, within

from .cuts import Cuts

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

MOST_KEYS = 4


def moved_by(run: Capture, change: Intervention, most: int = 8) -> list[dict[str, Any]]:
    """The rows of attention that `change`, an intervention on "scores", moves most, largest share first: plain data, ready for JSON.

    run: the clean run. Each row is {"layer", "head", "query", "share", "to"}: the share (0 to 1) of the query's attention that stood on the
    cut keys, and up to four keys that gain most by it, [{"key", "share"}], `share` being the gain. The gains of all keys add up to the
    row's share, less what an attention sink takes. Rows that lose nothing are left out; so is everything for other sites: [].

    Raises IndexError and UndefinedHereError for places that this run does not have, and UndefinedHereError where a row would have nothing
    left to look at.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> (row,) = moved_by(run, Intervention("scores", layer=3, head=2, position=-1, key=1))
    >>> row["query"], bool(abs(row["share"] - float(run.pattern(3, 2, -1, 1))) < 1e-6), len(row["to"])
    (13, True, 4)
    """
    require_capture(run)
    if not isinstance(change, Intervention):
        raise TypeError(f"got {type(change).__name__}; expected an lw.Intervention: what moved is told for each change by itself")
    if change.site != "scores":
        return []
    queries, keys = _all(change.position, run.n_tokens, "position"), _all(change.key, run.n_tokens, "key")
    rows: list[tuple[float, int, int, int]] = []  # share, layer, head, query
    for layer in _layers(run, change.layer):
        if not bool(run.allowed(layer, 0, queries, keys).any()):
            continue  # a window that sees none of them
        cuts = Cuts(run, queries, keys, [layer])
        cuts.require_something_left()
        heads = _all(change.head, run.heads_per_layer[layer], "head (of scores)")
        shares, rows_here = cuts.moved(layer, heads), cuts.queries  # (head, query)
        largest = np.argsort(-np.where(shares > 0, shares, 0.0), axis=None, kind="stable")[:most]  # NaN, where there was no look, is not
        for i, j in zip(*np.unravel_index(largest, shares.shape), strict=True):
            rows.append((float(shares[i, j]), layer, heads[i], rows_here[j]))
    rows = sorted((row for row in rows if row[0] > 0), key=lambda row: (-row[0], row[1:]))
    return [
        {"layer": layer, "head": head, "query": query, "share": share, "to": _largest(gains(run, layer, head, query, keys))}
        for share, layer, head, query in rows[:most]
    ]


def gains(run: Capture, layer: int, head: int, query: int, cut: list[int]) -> Tensor:
    """(key,) float64: what each key gains in this row when it may not look at the keys `cut`; 0 for those and for forbidden ones."""
    heads, rows = torch.tensor([head]), torch.tensor([query])
    found = torch.zeros(run.n_tokens, dtype=torch.float64)
    record = run.attention(layer)
    assert isinstance(record, AttentionRecord)  # the site "scores" is there, so its attention was recorded
    for block in record.blocks(heads, rows):
        keys = torch.arange(block.start, block.start + block.scores.shape[-1])
        scores = block.scores.masked_fill(block.forbidden, -torch.inf)[0, 0].to("cpu", torch.float64)
        sink = torch.full((0,), 0.0) if block.sinks is None else block.sinks[0, 0].to("cpu")
        without = scores.masked_fill(torch.isin(keys, torch.tensor(cut)), -torch.inf)
        before, after = (torch.cat([row, sink.double()]).softmax(-1)[: len(keys)] for row in (scores, without))
        found[keys] = (after - before).masked_fill(without == -torch.inf, 0.0)
    return found


def _largest(gained: Tensor) -> list[dict[str, Any]]:
    order = sorted(range(len(gained)), key=lambda key: (-float(gained[key]), key))
    return [{"key": key, "share": float(gained[key])} for key in order[:MOST_KEYS] if gained[key] > 0]


def _layers(run: Capture, layers: Places) -> list[int]:
    if layers is None:
        found = [layer for layer in range(run.n_layers) if "scores" in sites_of(run, layer)]
    else:
        found = sorted(set(within(several(layers), run.n_layers, "layer")))
    for layer in found or [0]:
        require_site(run, "scores", layer)
    return found


def _all(places: Places, size: int, name: str) -> list[int]:
    return list(range(size)) if places is None else sorted(set(within(several(places), size, name)))
