"""What kind of head each one is, by where it looks on random repeated sequences, beside what chance would give (Olsson et al. 2022).

Always true: every score stands beside its chance level, measured on the same rows of the same sequences; the sequences have random
prefixes and random periods, so that neither the text nor a fixed distance helps (synthetic_repeats.py); the same seed gives the same
scores. Where a head looks is in head_sweep.py, what it raises in head_scores_copying.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from llmwidgets.capture import Capture, capture
from llmwidgets.capture.recorder import Cancelled, Progress
from llmwidgets.experiments.places import whole_number
from llmwidgets.models.errors import AttentionUnavailableError, CaptureStopped
from llmwidgets.models.loading import resolve

from . import bootstrap
from .head_scores_copying import CHANCE, copying_scores
from .head_sweep import head_measures, uniform_measures
from .sentences import caveat
from .synthetic_repeats import Repeat, ordinary_tokens, synthetic_repeats

if TYPE_CHECKING:
    import xarray

METHOD = "mean attention on random repeated sequences (Olsson et al. 2022, arXiv 2209.11895)"
FEWEST_SAMPLES = 2

#: Each score by attention, and the share of a head sweep that it is.
SHARES = {"previous_token": "previous", "duplicate_token": "duplicate", "induction": "after_duplicate", "first_token": "first"}
TITLES = {
    "previous_token": "attention on the token before",
    "duplicate_token": "attention on the earlier copy of the token",
    "induction": "attention on what followed the earlier copy (prefix matching)",
    "first_token": "attention on the first token",
    "copying": "how much the tokens looked at are raised in the logits, as a percentile",
}
_OTHERS = 500  # further tokens that a copied one is compared with
_QUERIES = 16  # of each second copy, for copying


def head_scores(
    model: Any,
    *,
    tokenizer: Any = None,
    n_samples: int = 10,
    seed: int = 0,
    max_tokens: int = 64,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> xarray.Dataset:
    """Score every head on `n_samples` synthetic sequences: a random prefix, then a random block of random length, twice.

    model, tokenizer: as `capture` takes them; the tokenizer is asked only for its special tokens. n_samples: 2 or more; ten show more.
    seed: of sequences and intervals. max_tokens: length of the longest sequence. progress, cancelled: as `capture` has them.

    A Dataset of `previous_token`, `duplicate_token`, `induction`, `first_token` and `copying`, (layer, head) float64 from 0 to 1: means
    over the samples. For each name also `<name>_chance`, what attention spread evenly over the allowed keys gives on the same rows
    (0.5 for copying); `<name>_samples` (sample, layer, head), the single points; `<name>_low` and `<name>_high`, the 95 % bootstrap
    interval of the mean over samples.

    - the first four are shares of attention, mean over the queries where they are defined (for duplicate_token and induction: the second
      copy), as `attention_shares` defines them
    - copying: over looks from the second copy, weighted by attention, the percentile of the token looked at among the sequence's tokens
      and about 500 random ones in what the head adds to the logits directly (final norm frozen): 1 is raised most, 0.5 is chance

    NaN where a score is undefined: a head that a layer lacks, a window too narrow to reach the earlier copy, or copying where heads
    have no linear part in the logits, the reason for which is in `attrs["copying_undefined"]`.

    Raises ValueError for n_samples below 2, for a vocabulary or context too small to vary the sequences, and for a model without
    attention (AttentionUnavailableError); CaptureStopped when cancelled.

    >>> import llmwidgets as lw
    >>> scores = head_scores(lw.demo_model(), n_samples=2)
    >>> [int(place) for place in scores.previous_token.to_series().idxmax()]  # the strongest: layer, head
    [0, 0]
    >>> bool(scores.induction.sel(layer=1).min() > 0.7 > 0.1 > scores.induction_chance.max())
    True
    """
    n_samples, seed, max_tokens = (whole_number(*given) for given in ((n_samples, "n_samples"), (seed, "seed"), (max_tokens, "max_tokens")))
    if n_samples < FEWEST_SAMPLES:
        raise ValueError(f"n_samples={n_samples} came; expected {FEWEST_SAMPLES} or more, as one sequence may be an accident")
    subject = resolve(model, tokenizer)
    repeats = synthetic_repeats(subject, n_samples, seed, max_tokens)
    ordinary = ordinary_tokens(subject)
    generator = torch.Generator().manual_seed(seed)
    samples: list[dict[str, np.ndarray]] = []
    undefined: dict[str, list[int]] = {}
    for at, repeat in enumerate(repeats):
        if cancelled is not None and cancelled():
            raise CaptureStopped(f"stopped before sequence {at} of {n_samples}")
        if progress is not None:
            progress(at, n_samples, f"sequence {at + 1} of {n_samples}")
        run = capture(subject, repeat.ids, cancelled=cancelled)
        if not run.n_heads:
            raise AttentionUnavailableError(f"no block of {run.model_name!r} has attention, so it has no heads to score")
        scores = _shares(run)
        others = ordinary[~torch.isin(ordinary, repeat.ids)]
        others = others[torch.randperm(len(others), generator=generator)[:_OTHERS]]
        scores["copying"], reasons = copying_scores(run, _some_of(repeat.second_copy, generator), others, repeat.start)
        scores["copying_chance"] = np.where(np.isnan(scores["copying"]), np.nan, CHANCE)
        undefined.update(reasons)
        samples.append(scores)
    if progress is not None:
        progress(n_samples, n_samples, "done")
    return _dataset(samples, repeats, seed, max_tokens, undefined)


def _shares(run: Capture) -> dict[str, np.ndarray]:
    """The scores by attention and their chance levels in one sequence, (layer, head) each."""
    found = {name + end: np.full((run.n_layers, run.n_heads), np.nan) for name in SHARES for end in ("", "_chance")}
    for layer, n_heads in enumerate(run.heads_per_layer):
        for head in range(n_heads):
            measured, uniform = head_measures(run, layer, head), uniform_measures(run, layer, head)
            for name, share in SHARES.items():
                defined = ~np.isnan(uniform[share])
                if defined.any():
                    found[name][layer, head] = measured[share][defined].mean(dtype=np.float64)
                    found[f"{name}_chance"][layer, head] = uniform[share][defined].mean(dtype=np.float64)
    return found


def _some_of(positions: range, generator: torch.Generator) -> list[int]:
    drawn = torch.randperm(len(positions), generator=generator)[:_QUERIES]
    return sorted(positions[at] for at in drawn.tolist())


def _dataset(
    samples: list[dict[str, np.ndarray]], repeats: list[Repeat], seed: int, max_tokens: int, undefined: dict[str, list[int]]
) -> xarray.Dataset:
    import xarray

    variables = {}
    for name, title in TITLES.items():
        unit = {"title": title, "unit": "percentile, 0 to 1" if name == "copying" else "share"}
        points = np.stack([sample[name] for sample in samples])  # (sample, layer, head)
        chance = np.stack([sample[f"{name}_chance"] for sample in samples])
        low, high = bootstrap.interval(points, seed=seed)
        plane = ("layer", "head")
        variables[name] = (plane, bootstrap.mean(points), unit)
        variables[f"{name}_chance"] = (plane, bootstrap.mean(chance), {**unit, "title": f"{title}: chance"})
        variables[f"{name}_samples"] = (("sample", *plane), points, unit)
        variables[f"{name}_low"] = (plane, low, {**unit, "title": f"{title}: lower end of the 95 % bootstrap interval"})
        variables[f"{name}_high"] = (plane, high, {**unit, "title": f"{title}: upper end of the 95 % bootstrap interval"})
    n_layers, n_heads = samples[0]["induction"].shape
    coords = {
        "layer": range(n_layers),
        "head": range(n_heads),
        "sample": range(len(samples)),
        "n_tokens": ("sample", [len(repeat.ids) for repeat in repeats]),
        "prefix": ("sample", [repeat.prefix for repeat in repeats]),
        "period": ("sample", [repeat.period for repeat in repeats]),
    }
    attrs: dict[str, Any] = {
        "title": "head scores on synthetic repeats",
        "unit": "share",
        "evidence": "observation",
        "method_name": "head_scores",
        "caveat": caveat("head_scores"),
        "method": METHOD,
        "n_samples": len(samples),
        "seed": seed,
        "max_tokens": max_tokens,
    }
    if undefined:
        attrs["copying_undefined"] = "; ".join(f"{reason} ({_listed(layers)})" for reason, layers in undefined.items())
    return xarray.Dataset(variables, coords, attrs)


def _listed(layers: list[int]) -> str:
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(str(layer) for layer in layers)}"
