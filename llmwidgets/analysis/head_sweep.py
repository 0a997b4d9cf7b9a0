"""One sweep over a head's pattern, a band of rows at a time, for everything that is summed up per query: entropy and shares.

Definitions, for query t with the allowed keys A(t) and weights p(t, s):
- entropy: that of the weights scaled to sum 1 (what goes to a sink that is no token is left out), in nats; uniform: ln |A(t)|.
- a share is the sum of p(t, s) over its target keys; uniform: |targets in A(t)| / |A(t)|.
  first: s = 0. self: s = t. previous: s = t - 1. duplicate: earlier keys s < t with the same token id as t. after_duplicate: keys s < t
  whose token before, s - 1, is a duplicate of t (where an induction head looks).
A share is defined where some but not all allowed keys are its targets. Elsewhere (no earlier copy; the first token, which can look only
at itself) it is NaN here and absent in fields, and takes no part in means, neither in the share's nor in the uniform one's.

Always true: no more than a band of one head's pattern exists at once; each head is swept once a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from .looks import Looks, looks_of
from .memo import once

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

SHARES = ("first", "previous", "self", "duplicate", "after_duplicate")

_CELLS_AT_ONCE = 1 << 18  # of a pattern: 1 MB of float32, which stays in a core's cache


@dataclass(frozen=True, eq=False)
class Pairs:
    """Target cells in row order. rows, keys: (n,) int64; `bounds[t]:bounds[t + 1]` are those of row t."""

    rows: np.ndarray
    keys: np.ndarray
    bounds: np.ndarray


def targets(run: Capture) -> dict[str, Pairs]:
    """The target cells of each share, masks aside."""
    return once(run, "targets", lambda: _targets(np.asarray(run.token_ids)))


def head_measures(run: Capture, layer: int, head: int) -> dict[str, np.ndarray]:
    """Entropy and shares of one head: (query,) float32 each, NaN where undefined; swept once a run."""
    return once(run, ("sweep", layer, head), lambda: _sweep(run, layer, head))


def uniform_measures(run: Capture, layer: int, head: int) -> dict[str, np.ndarray]:
    """The same for attention spread evenly over the allowed keys, from the mask alone; NaN where undefined."""
    looks = looks_of(run, layer, head)
    return once(run, ("uniform", id(looks)), lambda: _uniform(run, looks))


def _sweep(run: Capture, layer: int, head: int) -> dict[str, np.ndarray]:
    n = run.n_tokens
    looks, cells = looks_of(run, layer, head), targets(run)
    measured = {name: np.zeros(n, np.float32) for name in ("entropy", *SHARES)}
    rows = max(1, _CELLS_AT_ONCE // n)
    for top in range(0, n, rows):
        band = range(top, min(top + rows, n))
        at = slice(band.start, band.stop)
        first, last = looks.columns(np.asarray(band))
        if first == last:
            continue
        weights = run.pattern(layer, head, queries=at, keys=slice(first, last))  # (query, key)
        total = weights.sum(dim=-1)
        # w ln w of whole vectors: torch's entr goes number by number. A weight of 0 gives 0, and NaN stays NaN.
        negative = weights.clamp(min=torch.finfo(weights.dtype).tiny).log_().mul_(weights).sum(dim=-1)
        entropy = torch.log(total) - negative / total
        measured["entropy"][at] = torch.where(total > 0, entropy.clamp(min=0), total * torch.nan).numpy()
        for name in SHARES:
            measured[name][at] = _sum_of(weights, cells[name], band, first).numpy()
    defined = uniform_measures(run, layer, head)
    return {name: np.where(np.isnan(defined[name]), np.float32(np.nan), values) for name, values in measured.items()}


def _sum_of(weights: torch.Tensor, cells: Pairs, band: range, first: int) -> torch.Tensor:
    """Sum of the target cells in each row of a band whose columns begin at key `first`."""
    some = slice(cells.bounds[band.start], cells.bounds[band.stop])
    rows, keys = cells.rows[some] - band.start, cells.keys[some] - first
    inside = (keys >= 0) & (keys < weights.shape[1])
    rows, keys = torch.from_numpy(rows[inside]), torch.from_numpy(keys[inside])
    return torch.zeros(len(band), dtype=weights.dtype).index_add_(0, rows, weights[rows, keys])


def _uniform(run: Capture, looks: Looks) -> dict[str, np.ndarray]:
    count = looks.count
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = {"entropy": np.where(count > 0, np.log(count), np.nan).astype(np.float32)}
        for name, cells in targets(run).items():
            allowed = looks.at(cells.rows, cells.keys)
            hits = np.bincount(cells.rows[allowed], minlength=len(count))
            share = np.where((hits > 0) & (hits < count), hits / count, np.nan)
            measured[name] = share.astype(np.float32)
    return measured


def _targets(ids: np.ndarray) -> dict[str, Pairs]:
    n = len(ids)
    every = np.arange(n)
    rows, keys = [], []
    for query in range(n):
        earlier = np.flatnonzero(ids[:query] == ids[query])
        rows.append(np.full(len(earlier), query))
        keys.append(earlier)
    duplicate_rows, duplicate_keys = np.concatenate(rows), np.concatenate(keys)
    after = duplicate_keys + 1 < duplicate_rows
    return {
        "first": _pairs(every, np.zeros(n, np.int64), n),
        "previous": _pairs(every[1:], every[:-1], n),
        "self": _pairs(every, every, n),
        "duplicate": _pairs(duplicate_rows, duplicate_keys, n),
        "after_duplicate": _pairs(duplicate_rows[after], duplicate_keys[after] + 1, n),
    }


def _pairs(rows: np.ndarray, keys: np.ndarray, n: int) -> Pairs:
    return Pairs(rows.astype(np.int64), keys.astype(np.int64), np.searchsorted(rows, np.arange(n + 1)))
