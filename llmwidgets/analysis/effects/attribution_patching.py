"""Attribution patching (Nanda 2023; AtP*: Kramár et al. 2024, 2403.00745): what patching each place would do, by one straight line.

(a_donor - a_base) . d f / d a at the run that is patched, for every place of a site at once: two forward passes (one of them is the
capture itself) and one backward pass. Queries and keys go through the softmax exactly (`qk_fix`). It is a screen: the strongest places are
then patched for real, and both numbers are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import index as as_integer
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.edits import require_site, sites_of
from llmwidgets.experiments.intervention import STREAM_SITES
from llmwidgets.experiments.metric import AskedOf, Metric
from llmwidgets.models.errors import CaptureStopped, UndefinedHereError

from . import qk_fix as fix
from .gradients import Sloped, gradients
from .pairing import Pairing, pairing
from .patching import patched_values
from .separation import separation
from .table import coordinates, told

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture
    from llmwidgets.capture.record import AttentionRecord
    from llmwidgets.capture.recorder import Cancelled, Progress

METHOD = "attribution patching (Nanda 2023)"
METHOD_FIXED = "attribution patching with the QK fix (AtP*: Kramár et al. 2024, arXiv 2403.00745)"
SITES = (*STREAM_SITES, "z", "q", "k", "v", "pattern", "mlp_post")
_UNITS_OF = {"z": "head", "q": "head", "k": "kv_head", "v": "kv_head", "pattern": "head", "mlp_post": "neuron"}


@over_prompts
def attribution_patching(
    clean: Capture,
    corrupted: Capture,
    metric: Metric,
    *,
    site: str = "z",
    by_position: bool = False,
    direction: str = "denoise",
    verify: int = 10,
    qk_fix: bool = True,
    pairs: Sequence[tuple[int, int]] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> xarray.Dataset:
    """Estimate what patching would change, at every place of `site`; patch the `verify` strongest for real.

    clean, corrupted: Captures of one model on prompts of equally many tokens. direction: "denoise" puts the clean run's activations into
    the corrupted run, "noise" the corrupted run's into the clean one; `metric` is asked of the run that is patched. site: "resid_pre",
    "resid_mid", "resid_post", "attn_out", "mlp_out" (each layer and position); "z", "q" (each head), "k", "v" (each key/value head),
    "pattern" (each head), "mlp_post" (each neuron): at all positions together, or each alone with `by_position` (of a pattern: each query's
    row). q, k and v are as they enter the attention. qk_fix: go through the softmax exactly where q or k changes. pairs: as in `patch`, for
    prompts that are not aligned by position (not of patterns); what has no partner stays, and alone is NaN.

    A Dataset over layer and head, kv_head, neuron, position or query, float64 in the metric's unit: `estimate` and `verified` (after -
    before; NaN where nothing was verified or a layer lacks the site), and `recovery_estimate` (0 is the corrupted run, 1 the clean one)
    unless attrs["no_ratio"] says why not. Cancelled while it verifies, it gives what it has, with attrs["stopped"].
    attrs: clean and corrupted (every quantity on each), top_k (how many were verified),
    rank_correlation (Spearman's, of the two over these, from 3 on), and what was done. Lists of runs give means with intervals.

    Raises PromptError (a ValueError) for unlike runs, ValueError for a quantity without a gradient (rank, kl), UndefinedHereError where
    this architecture lacks the site or the run to be patched is a changed one (`intervene`), and what `metric.on` raises.

    >>> import llmwidgets as lw
    >>> clean = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> corrupted = clean.again("When Mary and John went to the store, Mary gave a drink to")
    >>> found = attribution_patching(clean, corrupted, Metric(" Mary", foil=" John"), verify=3)
    >>> found.estimate.dims, int(found.verified.notnull().sum())
    (('layer', 'head'), 3)
    """
    for run in (clean, corrupted):
        require_capture(run)
    verify = _check(site, verify)
    import xarray

    way = pairing(clean, corrupted, metric, direction, pairs)
    base, donor = way.base, way.donor
    asked = way.metric.on(base)
    if not any(site in sites_of(base, layer) for layer in range(base.n_layers)):
        require_site(base, site, 0)
    is_fixed = qk_fix and site in ("q", "k")
    dims = _dims(site, by_position)
    estimate = _stacked(_estimates(way, asked, site, by_position, is_fixed, progress, cancelled))
    verified, places, stopped = np.full_like(estimate, np.nan), strongest(estimate, verify), None
    if places:
        named = [dict(zip(dims, place, strict=True)) for place in places]
        try:
            for index, after in patched_values(base, donor, way.metric, site, named, progress, cancelled, way.pairs):
                verified[places[index]] = after[metric.quantity] - asked.before[metric.quantity]
        except CaptureStopped:
            stopped = f"stopped after {int(np.isfinite(verified).sum())} of {len(places)} places were verified"
    found = {
        "estimate": (dims, estimate, {"unit": asked.unit, "evidence": "attribution"}),
        "verified": (dims, verified, {"unit": asked.unit, "evidence": "intervention"}),
    }
    apart = separation(clean, corrupted, metric, way.metric_there)
    before = apart.corrupted if base is corrupted else apart.clean
    attrs: dict[str, Any] = {
        "title": f"attribution patching of {site}: estimated change of {asked.name}",
        "unit": asked.unit,
        "evidence": "attribution",
        "caveat": caveat("attribution_patching", qk_fix=is_fixed or site not in ("q", "k")),
        "method": METHOD_FIXED if is_fixed else METHOD,
        "method_name": "attribution_patching",
        "metric": asked.name,
        "quantity": metric.quantity,
        "n_prompts": 1,
        "site": site,
        "direction": direction,
        "replacement": "other",
        "positions": "each" if by_position or site in STREAM_SITES else "all together",
        "before": before,
        "clean": apart.clean,
        "corrupted": apart.corrupted,
        "top_k": int(np.isfinite(verified).sum()),
        **way.attrs,
    }
    if pairs is not None:
        attrs["metric"] = metric.on(clean).name
    if stopped:
        attrs["stopped"] = stopped
    if apart.gap is None:
        attrs["no_ratio"] = apart.no_ratio
    else:
        share = (before[metric.quantity] + estimate - apart.corrupted[metric.quantity]) / apart.gap
        found["recovery_estimate"] = (dims, share, {"unit": "share of clean minus corrupted", "evidence": "attribution"})
    at = tuple(np.array(places, dtype=int).reshape(len(places), len(dims)).T)
    done = np.isfinite(verified[at])
    agreement = rank_correlation(estimate[at][done], verified[at][done])
    if agreement is not None:
        attrs["rank_correlation"] = agreement
    return told(
        xarray.Dataset(found, coordinates(base, {dim: range(size) for dim, size in zip(dims, estimate.shape, strict=True)})),
        list(found),
        **attrs,
    )


def strongest(estimate: np.ndarray, k: int) -> list[tuple[int, ...]]:
    """The places of the `k` largest |estimate|, the largest first; NaN is nowhere.

    >>> strongest(np.array([[0.1, -3.0], [np.nan, 2.0]]), 2)
    [(0, 1), (1, 1)]
    """
    size = np.where(np.isnan(estimate), -1.0, np.abs(estimate)).ravel()
    k = min(k, int((size >= 0).sum()))
    found = np.argpartition(size, size.size - k)[size.size - k :] if k else np.array([], dtype=int)
    return [tuple(int(i) for i in np.unravel_index(at, estimate.shape)) for at in sorted(found, key=lambda at: (-size[at], at))]


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's rank correlation of two (n,) arrays; ties share their mean rank. None of fewer than 3, or where one is constant.

    >>> rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([-5.0, 0.0, 0.1]))
    1.0
    """
    ranks = []
    for values in (one, other):
        _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
        rank = (np.cumsum(counts) - (counts - 1) / 2)[where]
        ranks.append(rank - rank.mean() if len(rank) else rank)
    scale = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / scale if scale and len(one) >= 3 else None


def _estimates(
    way: Pairing,
    asked: AskedOf,
    site: str,
    by_position: bool,
    is_fixed: bool,
    progress: Progress | None,
    cancelled: Cancelled | None,
) -> Iterator[np.ndarray | None]:
    """Each layer's estimates, (unit,), (unit, position) or (position,); None for a layer without the site."""
    through_pattern = is_fixed or site == "pattern"
    base, donor, pairs = way.base, way.donor, way.pairs
    if site == "pattern" and pairs is not None:
        raise UndefinedHereError(
            "a row of a pattern reaches over every key of its prompt, and of these only some have partners; screen q, k, v or z instead"
        )
    slope_at = "attention_output" if through_pattern else site
    found = gradients(base, asked, [slope_at], progress=progress, cancelled=cancelled)
    for layer in range(base.n_layers):
        there = found.at.pop((slope_at, layer), None)
        if there is None:
            yield None
        elif through_pattern:
            record, other = base.attention(layer), donor.attention(layer)
            if pairs is not None:
                other = replace(record, query=_paired(other.query, record.query, pairs), key=_paired(other.key, record.key, pairs))
            effects = _through_pattern(site, layer, record, other, there, by_position)
            yield _of_pairs(effects.double(), pairs, by_position).numpy()
        else:
            change = _straight(site, _paired(donor[site, layer], there.activation, pairs), there, by_position)
            yield _of_pairs(change, pairs, by_position or site in STREAM_SITES).numpy()


def _paired(donor: Tensor, base: Tensor, pairs: Sequence[tuple[int, int]] | None) -> Tensor:
    """`donor` (..., position, width) at the positions of `base`, which keeps its own where there is no partner."""
    if pairs is None:
        return donor
    own, there = ([pair[side] for pair in pairs] for side in (0, 1))
    found = base.to(donor.device, donor.dtype, copy=True)
    found[..., own, :] = donor[..., there, :]
    return found


def _of_pairs(effects: Tensor, pairs: Sequence[tuple[int, int]] | None, by_position: bool) -> Tensor:
    """The effects (..., position), NaN where a position has no partner."""
    if pairs is None or not by_position:
        return effects
    alone = torch.ones(effects.shape[-1], dtype=torch.bool)
    alone[[own for own, _ in pairs]] = False
    return effects.masked_fill(alone, torch.nan)


def _straight(site: str, donor: Tensor, there: Sloped, by_position: bool) -> Tensor:
    change = (donor.double() - there.activation.double()) * there.gradient.double()
    if site == "mlp_post":
        change = change.T  # (neuron, position)
    else:
        change = change.sum(-1)  # (position,) or (head, position)
    return change if by_position or site in STREAM_SITES else change.sum(-1)


def _through_pattern(site: str, layer: int, base: AttentionRecord, donor: AttentionRecord, there: Sloped, by_position: bool) -> Tensor:
    fix.require_plain(base, there.activation, layer)
    if site == "k":
        effect = fix.key_effect_by_position if by_position else fix.key_effect
        return effect(base, donor.key, there.gradient)  # (kv head[, key])
    if site == "q":
        effects = fix.query_effect(base, donor.query, there.gradient)  # (head, query)
    else:
        effects = fix.pattern_effect(base, donor, there.gradient)
    return effects if by_position else effects.sum(-1)


def _check(site: str, verify: Any) -> int:
    """How many places are to be patched for real."""
    if site not in SITES:
        raise ValueError(f"site={site!r} came; expected one of {', '.join(SITES)}")
    try:
        n = -1 if isinstance(verify, bool) else as_integer(verify)
    except TypeError:
        n = -1
    if n < 0:
        raise ValueError(f"verify={verify!r} came; expected how many places to patch for real, 0 or more")
    return n


def _dims(site: str, by_position: bool) -> tuple[str, ...]:
    if site in STREAM_SITES:
        return "layer", "position"
    at = ("query" if site == "pattern" else "position",) if by_position else ()
    return "layer", _UNITS_OF[site], *at


def _stacked(each: Iterator[np.ndarray | None]) -> np.ndarray:
    """(layer, ...), NaN for what a layer lacks."""
    layers = list(each)
    shapes = [values.shape for values in layers if values is not None]
    stacked = np.full((len(layers), *(max(sizes) for sizes in zip(*shapes, strict=True))), np.nan)
    for layer, values in enumerate(layers):
        if values is not None:
            stacked[(layer, *(slice(size) for size in values.shape))] = values
    return stacked
