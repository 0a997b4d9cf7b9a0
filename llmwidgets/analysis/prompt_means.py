"""Results of several prompts as one: the mean, its interval and every single point.

Always true: only what is the same place in every prompt is taken together, and what one prompt lacks is NaN there, not zero. Asking the
analysis of every prompt is the business of prompts.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from llmwidgets.fields.field import Field

from .bootstrap import RESAMPLES, interval, mean

if TYPE_CHECKING:
    import xarray

CONFIDENCE, SEED = 0.95, 0
_OF_TOKENS = ("position", "query", "key")
_PLACES = (*_OF_TOKENS, "layer", "head", "kv_head", "neuron", "part", "site")
_MEASURES = {
    "logit_difference": "logit difference of target and foil",
    "log_probability": "log-probability of the target",
    "probability": "probability of the target",
    "kl": "KL divergence from the clean run",
    "rank": "rank of the target",
}


class PromptsError(ValueError):
    """Several prompts that cannot be taken together: of unequal length or number, of other models, none at all."""


def as_dataset(result: Any) -> xarray.Dataset:
    """One prompt's result as a Dataset; TypeError for a lazy Field, and for what is no labelled array."""
    import xarray

    if isinstance(result, xarray.Dataset):
        return result
    if isinstance(result, xarray.DataArray):
        return result.to_dataset(name=result.name or "value").assign_attrs(result.attrs)
    if isinstance(result, Field):
        raise TypeError(
            f"the field {result.name!r} is lazy and is not averaged over prompts; ask it of one run at a time and read the places that "
            "are wanted: [analysis(run, ...).read(layer=0, head=0) for run in runs]"
        )
    raise TypeError(f"the analysis gave a {type(result).__name__}; over several prompts it must give a DataArray or a Dataset")


def refuse_unequal(result: xarray.Dataset, runs: Sequence[Any]) -> None:
    """Raise PromptsError where the result is by position, query or key and the runs are of unequal length."""
    by_token = [name for name in _OF_TOKENS if name in result.dims]
    lengths = [run.n_tokens for run in runs]
    if by_token and len(set(lengths)) > 1:
        raise PromptsError(
            f"the result is by {' and '.join(by_token)}, and the prompts have {', '.join(map(str, lengths))} tokens: the same position is "
            "not the same place in them. Choose prompts of equal length, aligned word by word, or ask by layer and head alone"
        )


def refuse_other_places(first: xarray.Dataset, other: xarray.Dataset, i: int) -> None:
    """Raise PromptsError where prompt `i`'s result is about other places (layers, heads, positions, ...) than the first one's."""
    for name in sorted(set(map(str, first.variables)) & set(map(str, other.variables))):
        one, two = first[name].variable, other[name].variable
        alike = one.dims == two.dims and one.shape == two.shape
        if not alike or (name in first.coords and name in _PLACES and one.dims and not np.array_equal(one.values, two.values)):
            raise PromptsError(f"prompts 0 and {i} give {name} for other places; ask both for the same places")


def together(results: Sequence[xarray.Dataset], runs: Mapping[str, list[Any]]) -> xarray.Dataset:
    """The results of prompts 0 to len(results) - 1 as one, as `over_prompts` describes it.

    runs: all that were asked about, by the name of their parameter; more than there are results where it was cancelled.
    """
    import xarray

    first, n = results[0], len(results)
    kept = [
        name
        for name, coord in first.coords.items()
        if all(name in one.coords and coord.variable.equals(one[name].variable) for one in results)
    ]
    variables: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in results for name in one.data_vars):
        having = [one[name] for one in results if name in one]
        variable, attrs = having[0], _merged([one.attrs for one in having])
        each = np.stack(
            [one[name].values if name in one else np.full(variable.shape, _absent(variable)) for one in results]
        )  # (prompt, ...)
        if np.issubdtype(each.dtype, np.floating):
            low, high = interval(each, confidence=CONFIDENCE, resamples=RESAMPLES, seed=SEED)
            title = attrs.get("title", name)
            ends = {end: {**attrs, "title": f"{title}, {end} end of the {CONFIDENCE:.0%} interval"} for end in ("lower", "upper")}
            variables[name] = (variable.dims, mean(each).astype(each.dtype), attrs)
            variables[f"{name}_low"] = (variable.dims, low.astype(each.dtype), ends["lower"])
            variables[f"{name}_high"] = (variable.dims, high.astype(each.dtype), ends["upper"])
        elif len(having) == n and all(variable.variable.equals(one.variable) for one in having):
            variables[name] = (variable.dims, variable.values, attrs)
            continue
        variables[f"{name}_each"] = (("prompt", *variable.dims), each, attrs)
    of_runs: dict[str, Any] = {}
    for i, (name, given) in enumerate(runs.items()):
        before = f"{name}_" if i else ""
        of_runs[f"{before}prompts"] = [run.token_ids if run.prompt is None else run.prompt for run in given[:n]]
        of_runs[f"{before}fingerprints"] = [run.fingerprint for run in given[:n]]
    asked = len(next(iter(runs.values())))
    made = f"percentile bootstrap of the mean over {n} prompts, {RESAMPLES} resamples, seed {SEED}"
    return xarray.Dataset(
        variables,
        coords={**{name: first.coords[name].variable for name in kept}, "prompt": range(n)},
        attrs={
            **_merged([one.attrs for one in results]),
            "n_prompts": n,
            "confidence": CONFIDENCE,
            "interval": made if n > 1 else "none: one prompt gives no interval",
            **of_runs,
            **({"stopped": f"cancelled after {n} of {asked} prompts"} if n < asked and "stopped" not in first.attrs else {}),
        },
    )


def _absent(variable: xarray.DataArray) -> np.ndarray:
    """What stands for a quantity that a prompt does not have, such as a share of the way where two prompts hardly differ."""
    if np.issubdtype(variable.dtype, np.floating):
        return np.full(variable.shape, np.nan, variable.dtype)
    return np.full(variable.shape, None, object)


def _merged(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all have alike, and of the rest every one."""
    names = list(dict.fromkeys(name for attrs in each for name in attrs))
    merged: dict[str, Any] = {}
    for name in names:
        values = [attrs.get(name) for attrs in each]
        if len({json.dumps(value, sort_keys=True, default=repr) for value in values}) == 1:
            merged[name] = values[0]
            continue
        if name in ("before", "clean", "corrupted") and all(isinstance(value, Mapping) for value in values):
            shared = [key for key in values[0] if all(value.get(key) is not None for value in values)]
            merged[name] = {key: float(mean([value[key] for value in values])) for key in shared}
        elif name == "closing_error" and all(isinstance(value, (int, float)) for value in values):
            merged[name] = float(np.max(np.abs(values)))
        elif name == "metric":
            merged[name] = _metric_of(each[0])
        elif name == "title" and all("metric" in attrs for attrs in each):
            titles = {str(attrs.get("title")).replace(str(attrs["metric"]), _metric_of(attrs)) for attrs in each}
            if len(titles) == 1:
                merged[name] = titles.pop()
        merged[f"{name}_each"] = values
    return merged


def _metric_of(attrs: Mapping[str, Any]) -> str:
    """What prompts with tokens and positions of their own have in common."""
    quantity = attrs.get("quantity", "logit_difference" if attrs.get("unit") == "logits" else None)
    return f"{_MEASURES.get(str(quantity), 'the metric')} (each prompt's own tokens and position)"
