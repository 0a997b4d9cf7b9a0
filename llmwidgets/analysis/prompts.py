"""One analysis over several prompts: `over_prompts` makes a function of one run take a list of runs.

Always true: the analysis is asked of every prompt by itself and knows nothing of the others; what comes back holds the mean, its bootstrap
interval and every single point, so that no mean stands alone. Means are taken only of what is one place in all prompts: positions of
prompts of unequal length are not. What one prompt's result means is said by the analysis; in words, by sentences.py.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from llmwidgets.fields.field import Field
from llmwidgets.models.errors import CaptureStopped

from .bootstrap import RESAMPLES, interval, mean
from .given import require_capture

if TYPE_CHECKING:
    import xarray

Analysis = TypeVar("Analysis", bound=Callable[..., Any])

CONFIDENCE, SEED = 0.95, 0
_PER_PROMPT = 100  # steps of overall progress
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


def over_prompts(analysis: Analysis) -> Analysis:
    """Let `analysis(run, metric, **options)`, or `analysis(clean, corrupted, metric, **options)`, also take lists of runs.

    The runs are the parameters before `metric` (without one: the first parameter). With lists (or tuples) of runs, `metric` is one for all
    or a list with one for each; everything else is given to every prompt alike. A Dataset comes back (a DataArray counts as a Dataset of
    its own name, or of `value`), in which each variable `v` of floats is the mean over prompts, NaN taking no part; beside it stand
    `v_low` and `v_high`, the 95 % bootstrap interval (NaN for a single prompt), and `v_each` (prompt, ...), the single points. Other
    variables (texts, ids) stay if they are alike, and are `v_each` if not; coordinates that differ, such as tokens, go.

    attrs: `n_prompts`, `confidence`, `interval` (how it was made), `prompts` and `fingerprints`; `before` is the mean, `closing_error` the
    largest, and whatever differs between the prompts is listed as `..._each`. `progress` counts over all prompts. With `cancelled`, the
    result is that of the prompts done, `stopped` says so, and CaptureStopped is raised if none is.

    Raises PromptsError (a ValueError): no runs; lists of unequal length; runs of several models; metrics of several quantities; a result
    by position, query or key of prompts of unequal length. TypeError: a lazy Field, which is read and not averaged.

    >>> import llmwidgets as lw
    >>> @over_prompts
    ... def share_to_itself(run):
    ...     return lw.attention_shares(run).to_self.mean("query")
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> found = share_to_itself([run, run.again("When Mary and John went to the store")])
    >>> list(found.data_vars), found.to_self_each.dims
    (['to_self', 'to_self_low', 'to_self_high', 'to_self_each'], ('prompt', 'layer', 'head'))
    """
    signature = inspect.signature(analysis)
    names = list(signature.parameters)
    of_runs = names[: max(1, names.index("metric"))] if "metric" in names else names[:1]

    @wraps(analysis)
    def asked(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:
            return analysis(*args, **kwargs)  # Python's own message names the function
        if not any(_several(given.arguments.get(name)) for name in of_runs):
            if _several(given.arguments.get("metric")):
                raise PromptsError(
                    f"{len(given.arguments['metric'])} metrics came for a single run; give a list of runs, one for each metric"
                )
            return analysis(*args, **kwargs)
        runs = _runs(given.arguments, of_runs)
        results = _each(analysis, given, runs, _metrics(given.arguments.get("metric"), len(runs[of_runs[0]])))
        return _together(results, runs)

    return asked  # type: ignore[return-value]


def _several(given: Any) -> bool:
    return isinstance(given, (list, tuple))


def _runs(given: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[Any]]:
    """The runs by parameter, all lists of one length and of one model."""
    for name in names:
        if not _several(given[name]):
            raise PromptsError(f"{name} is a single run, but a list came beside it; give lists of equal length for {' and '.join(names)}")
    runs = {name: list(given[name]) for name in names}
    counts = {name: len(each) for name, each in runs.items()}
    if 0 in counts.values():
        raise PromptsError("an empty list of runs came; give at least one Capture")
    if len(set(counts.values())) > 1:
        came = " and ".join(f"{count} {name}" for name, count in counts.items())
        raise PromptsError(f"{came} runs came; give as many of each, in the order in which they belong together")
    every = [run for each in runs.values() for run in each]
    for run in every:
        require_capture(run)
    models = {id(run.subject.model): run.model_name for run in every}
    if len(models) > 1:
        raise PromptsError(
            f"the runs are of {len(models)} models ({', '.join(models.values())}); a mean over prompts is of one model. "
            "Capture every prompt with the same model object: run.again(prompt)"
        )
    return runs


def _metrics(given: Any, n: int) -> list[Any]:
    if not _several(given):
        return [given] * n
    if len(given) != n:
        raise PromptsError(f"{len(given)} metrics came for {n} prompts; give one for each, or a single one for all")
    quantities = sorted({str(getattr(metric, "quantity", "")) for metric in given})
    if len(quantities) > 1:
        raise PromptsError(f"the metrics measure {' and '.join(quantities)}; a mean needs one quantity for all")
    return list(given)


def _each(analysis: Callable[..., Any], given: inspect.BoundArguments, runs: Mapping[str, list[Any]], metrics: list[Any]) -> list[Any]:
    """The result of every prompt, as Datasets that agree; fewer where it was cancelled, but at least one."""
    first_runs = next(iter(runs.values()))
    n = len(first_runs)
    progress, cancelled = given.arguments.get("progress"), given.arguments.get("cancelled")
    results: list[xarray.Dataset] = []
    for i in range(n):
        if cancelled is not None and cancelled():
            break
        given.arguments.update({name: each[i] for name, each in runs.items()})
        if "metric" in given.arguments:
            given.arguments["metric"] = metrics[i]
        if progress is not None:
            given.arguments["progress"] = _overall(progress, i, n)
        try:
            result = _dataset(analysis(*given.args, **given.kwargs))
        except CaptureStopped:
            break
        if cancelled is not None and cancelled():
            break  # this prompt's result may be of a part only
        _refuse_unequal(result, first_runs)
        if results:
            _refuse_other_shape(results[0], result, i)
        results.append(result)
        if progress is not None:
            progress((i + 1) * _PER_PROMPT, n * _PER_PROMPT, f"prompt {i + 1} of {n}")
    if not results:
        raise CaptureStopped(f"cancelled before the first of {n} prompts was done")
    return results


def _overall(progress: Callable[[int, int, str], None], i: int, n: int) -> Callable[[int, int, str], None]:
    def told(done: int, total: int, what: str) -> None:
        part = done * _PER_PROMPT // total if total else 0
        progress(i * _PER_PROMPT + part, n * _PER_PROMPT, f"prompt {i + 1} of {n}: {what}")

    return told


def _dataset(result: Any) -> xarray.Dataset:
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


def _refuse_unequal(result: xarray.Dataset, runs: Sequence[Any]) -> None:
    by_token = [name for name in _OF_TOKENS if name in result.dims]
    lengths = [run.n_tokens for run in runs]
    if by_token and len(set(lengths)) > 1:
        raise PromptsError(
            f"the result is by {' and '.join(by_token)}, and the prompts have {', '.join(map(str, lengths))} tokens: the same position is "
            "not the same place in them. Choose prompts of equal length, aligned word by word, or ask by layer and head alone"
        )


def _refuse_other_shape(first: xarray.Dataset, other: xarray.Dataset, i: int) -> None:
    missing = sorted(set(map(str, first.data_vars)) ^ set(map(str, other.data_vars)))
    if missing:
        raise PromptsError(f"prompts 0 and {i} do not give the same quantities ({', '.join(missing)}); give every metric a foil, or none")
    for name, variable in first.variables.items():
        if name in first.data_vars or (name in _PLACES and variable.dims):
            same = name in other.variables and variable.dims == other[name].dims and variable.shape == other[name].shape
            if not same or (name in _PLACES and not np.array_equal(variable.values, other[name].values)):
                raise PromptsError(f"prompts 0 and {i} give {name} for other places; ask both for the same places")


def _together(results: Sequence[xarray.Dataset], runs: Mapping[str, list[Any]]) -> xarray.Dataset:
    import xarray

    first, n = results[0], len(results)
    kept = [
        name
        for name, coord in first.coords.items()
        if all(name in one.coords and coord.variable.equals(one[name].variable) for one in results)
    ]
    variables: dict[str, Any] = {}
    for name, variable in first.data_vars.items():
        attrs = _merged([one[name].attrs for one in results])
        each = np.stack([one[name].values for one in results])  # (prompt, ...)
        if np.issubdtype(each.dtype, np.floating):
            low, high = interval(each, confidence=CONFIDENCE, resamples=RESAMPLES, seed=SEED)
            title = attrs.get("title", name)
            ends = {end: {**attrs, "title": f"{title}, {end} end of the {CONFIDENCE:.0%} interval"} for end in ("lower", "upper")}
            variables[name] = (variable.dims, mean(each).astype(each.dtype), attrs)
            variables[f"{name}_low"] = (variable.dims, low.astype(each.dtype), ends["lower"])
            variables[f"{name}_high"] = (variable.dims, high.astype(each.dtype), ends["upper"])
        elif all(variable.variable.equals(one[name].variable) for one in results):
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
            **({"stopped": f"cancelled after {n} of {asked} prompts"} if n < asked else {}),
        },
    )


def _merged(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all have alike, and of the rest every one."""
    names = list(dict.fromkeys(name for attrs in each for name in attrs))
    merged: dict[str, Any] = {}
    for name in names:
        values = [attrs.get(name) for attrs in each]
        if len({json.dumps(value, sort_keys=True, default=repr) for value in values}) == 1:
            merged[name] = values[0]
            continue
        if name == "before" and all(isinstance(value, Mapping) for value in values):
            shared = [key for key in values[0] if all(value.get(key) is not None for value in values)]
            merged[name] = {key: float(mean([value[key] for value in values])) for key in shared}
        elif name == "closing_error" and all(isinstance(value, (int, float)) for value in values):
            merged[name] = float(np.max(np.abs(values)))
        elif name == "metric":
            measure = _MEASURES.get(str(each[0].get("quantity")), "the metric")
            merged[name] = f"{measure} (each prompt's own tokens and position)"
        merged[f"{name}_each"] = values
    return merged
