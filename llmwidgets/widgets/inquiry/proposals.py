"""What can be asked of given runs: a metric that they answer, how their tokens pair, what is patched from where.

Always true: nothing here changes what is asked; each gives a value, or says why there is none.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...analysis.alignment import align, checked_pairs
from ...analysis.effects.pairing import pairing
from ...experiments.donors import require_like
from ...experiments.metric import Metric
from ...experiments.replacement import Replacement
from ...models.errors import FoilNeededError
from ..failures import sentence
from .asked import Asked, Entry, Pairs
from .measuring import asked_of

if TYPE_CHECKING:
    from ...capture import Capture

log = logging.getLogger("llmwidgets")

CANNOT = (LookupError, ValueError, TypeError, RuntimeError)
"""What asking a run for what it has not raises."""


def metric_for(asked: Asked, run: Capture) -> dict[str, Any]:
    """For another run: the metric that was chosen, where it can be asked; else the run's first choice against its second, or none."""
    if asked.metric is not None and not asked.proposed:
        try:
            return {"metric": _on(asked.metric, run, asked.first), "proposed": False}
        except (*CANNOT, FoilNeededError):
            pass
    try:
        return {"metric": Metric.proposed(run, _last_token(run)), "proposed": True}
    except Exception as error:  # no read-out, no numbers, a detached model: nothing can be measured
        log.debug("no metric is proposed: %s", error)
        return {"metric": None, "proposed": True}


def _last_token(run: Capture) -> int:
    """The last position that is no padding."""
    return int(run.inputs.attention_mask.nonzero()[-1])


def _on(metric: Metric, run: Capture, former: Capture | None) -> Metric:
    """At the last token, where it was asked at the last one of the run before, or where there is no such position."""
    at_last = former is not None and metric.position in (-1, former.n_tokens - 1, _last_token(former))
    if at_last or not -run.n_tokens <= metric.position < run.n_tokens:
        metric = replace(metric, position=_last_token(run))
    metric.on(run)
    return metric


def named(run: Capture, metric: Metric) -> Metric:
    """The metric with its tokens as texts where these lead back to them, so that it can be read."""
    tokenizer = run.subject.tokenizer

    def text_of(token: Any) -> Any:
        if tokenizer is None or not isinstance(token, int):
            return token
        text = run.token_text([token])[0]
        return text if list(tokenizer(text, add_special_tokens=False)["input_ids"]) == [token] else token

    return replace(metric, target=text_of(metric.target), foil=text_of(metric.foil))


def aligned(asked: Asked) -> Asked:
    """With its tokens paired: by hand as they were, where they still are there; else as proposed."""
    if asked.first is None or asked.second is None:
        return replace(asked, pairs=(), how="position")
    if asked.how == "hand" and asked.pairs:
        try:
            checked_pairs(asked.pairs, asked.first.n_tokens, asked.second.n_tokens)
            return asked
        except ValueError:
            pass
    found = align(asked.first.token_ids, asked.second.token_ids)
    return replace(asked, pairs=tuple(found.pairs), how=found.how)


def patching_problem(asked: Asked) -> str | None:
    """Why nothing can be patched between the two prompts."""
    if asked.first is None or asked.second is None:
        return None
    if not asked.pairs:
        return "no token of one prompt stands for one of the other"
    try:
        if asked.metric is None:
            require_like(asked.first, asked.second, asked.pairs)
        else:
            asked_of(asked.second, pairing(asked.first, asked.second, asked.metric, "noise", asked.pairs).metric_there)
    except CANNOT as error:
        return sentence(error)
    if asked.first.change or asked.second.change:
        return "one of the two runs is itself a changed one; values are patched between unchanged runs"
    return None


def is_from(entry: Entry, run: Capture | None) -> bool:
    """Whether it puts activations of this run in."""
    replacement = entry.change.replacement
    return run is not None and replacement is not None and tuple(run.token_ids) in replacement.prompts


def taken_from(donor: Capture, pairs: Pairs, first: int, second: int) -> Replacement:
    """Each position by its partner; by itself where all of them stand for themselves."""
    own = first == second and pairs == tuple((place, place) for place in range(first))
    return Replacement.other(donor) if own else Replacement.other(donor, positions=pairs)
