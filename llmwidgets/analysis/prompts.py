"""One analysis over several prompts: `over_prompts` makes a function of one run take a list of runs.

Always true: the analysis is asked of every prompt by itself and knows nothing of the others; what comes back holds the mean, its bootstrap
interval and every single point, so that no mean stands alone. Means are taken only of what is one place in all prompts: positions of
prompts of unequal length are not. What one prompt's result means is said by the analysis; in words, by sentences/
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import CaptureStopped

from .given import require_capture
from .prompt_means import PromptsError, as_dataset, refuse_other_places, refuse_unequal, together

if TYPE_CHECKING:
    import xarray

Analysis = TypeVar("Analysis", bound=Callable[..., Any])

_PER_PROMPT = 100  # steps of overall progress


def over_prompts(analysis: Analysis) -> Analysis:
    """Let `analysis(run, metric, **options)`, or `analysis(clean, corrupted, metric, **options)`, also take lists of runs.

    The runs are the parameters before `metric` (without one: the first parameter). With lists (or tuples) of runs, `metric` is one for all
    or a list with one for each; everything else is given to every prompt alike. A Dataset comes back (a DataArray counts as a Dataset of
    its own name, or of `value`), in which each variable `v` of floats is the mean over prompts, NaN taking no part; beside it stand
    `v_low` and `v_high`, the 95 % bootstrap interval (NaN for a single prompt), and `v_each` (prompt, ...), the single points (NaN for a
    prompt whose result lacks it, as where there is no ratio). Other variables (texts, ids) stay if they are alike, and are `v_each` if
    not; coordinates that differ, such as tokens, go.

    attrs: `n_prompts`, `confidence`, `interval` (how it was made), `prompts` and `fingerprints`; `before`, `clean` and `corrupted` are
    means, `closing_error` is the largest, and whatever differs between the prompts is listed as `..._each`. `progress` counts over all
    prompts. With `cancelled`, the result is that of the prompts done, `stopped` says so; where none is, it is what the first one has, or
    CaptureStopped is raised.

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
        metric = given.arguments.get("metric")
        for one in metric if _several(metric) else [metric]:
            if "metric" in names and not hasattr(one, "quantity"):
                raise TypeError(f"metric={one!r} came; expected an lw.Metric, such as Metric(' Mary', foil=' John')")
        if not any(_several(given.arguments.get(name)) for name in of_runs):
            if _several(given.arguments.get("metric")):
                raise PromptsError(
                    f"{len(given.arguments['metric'])} metrics came for a single run; give a list of runs, one for each metric"
                )
            return analysis(*args, **kwargs)
        for name, value in given.arguments.items():
            if isinstance(value, Iterator):  # every prompt needs it whole
                given.arguments[name] = list(value)
        runs = _runs(given.arguments, of_runs)
        metrics = _metrics(given.arguments.get("metric"), runs[of_runs[0]])
        results = _each(analysis, given, runs, metrics)
        return together(results, runs)

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


def _metrics(given: Any, runs: list[Any]) -> list[Any]:
    """A metric for each run. One that its run cannot be asked is an error here, before any prompt's work is done."""
    if not _several(given):
        metrics = [given] * len(runs)
    elif len(given) != len(runs):
        raise PromptsError(f"{len(given)} metrics came for {len(runs)} prompts; give one for each, or a single one for all")
    else:
        metrics = list(given)
    quantities = sorted({str(getattr(metric, "quantity", "")) for metric in metrics})
    if len(quantities) > 1:
        raise PromptsError(f"the metrics measure {' and '.join(quantities)}; a mean needs one quantity for all")
    for metric, run in zip(metrics, runs, strict=True):
        if isinstance(metric, Metric):
            metric.on(run, foil_needed=False)
    return metrics


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
            result = as_dataset(analysis(*given.args, **given.kwargs))
        except CaptureStopped:
            break
        refuse_unequal(result, first_runs)
        if results:
            refuse_other_places(results[0], result, i)
        if "stopped" in result.attrs:  # of this prompt there is only a part
            return results or [result]
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
