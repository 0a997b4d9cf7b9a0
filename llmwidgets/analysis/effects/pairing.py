"""Two prompts whose positions are paired: where a metric of the one is asked on the other, and what pairs mean for a direction of patching.

Always true: pairs are (position in the clean prompt, position in the corrupted one); None stands for prompts of equal length, aligned by
position. How pairs are found is left to analysis/alignment.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llmwidgets.analysis.alignment import Pairs, checked_pairs
from llmwidgets.experiments.donors import require_like
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.places import within
from llmwidgets.models.errors import PromptError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

DIRECTIONS = ("denoise", "noise")


@dataclass(frozen=True, eq=False)
class Pairing:
    """Which run is patched, from which, and how their positions go together."""

    base: Capture
    donor: Capture
    pairs: Pairs | None  # (position of base, position of donor)
    metric: Metric  # as it is asked of base
    metric_there: Metric  # as it is asked of the corrupted run
    attrs: dict[str, Any]  # what a result says of the pairs


def pairing(clean: Capture, corrupted: Capture, metric: Metric, direction: str, pairs: Sequence[tuple[int, int]] | None) -> Pairing:
    """Check that the two runs can be patched into each other, and turn pairs and metric the way of `direction`.

    Raises PromptError for unlike runs, and where the metric's position has no partner; ValueError for a direction or pairs that are none.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"direction={direction!r} came; expected one of {', '.join(DIRECTIONS)}")
    is_denoise = direction == "denoise"
    base, donor = (corrupted, clean) if is_denoise else (clean, corrupted)
    if pairs is None:
        require_like(clean, corrupted)
        return Pairing(base, donor, None, metric, metric, {})
    checked = checked_pairs(pairs, clean.n_tokens, corrupted.n_tokens)
    if clean.n_tokens == corrupted.n_tokens == len(checked):  # every position with its own
        return pairing(clean, corrupted, metric, direction, None)
    require_like(clean, corrupted, checked)
    there = metric_there(metric, clean, checked)
    at = {"clean": within([metric.position], clean.n_tokens, "position")[0], "corrupted": there.position}
    attrs = {"pairs": [list(pair) for pair in checked], "metric_positions": at}
    own = tuple((second, first) for first, second in checked) if is_denoise else checked
    return Pairing(base, donor, own, there if is_denoise else metric, there, attrs)


def metric_there(metric: Metric, run: Capture, pairs: Sequence[tuple[int, int]] | None) -> Metric:
    """The same metric for the other prompt: at the partner of the position at which `run`, the first of each pair, is asked.

    pairs: (position of run, position of the other); None leaves the metric as it is. Raises IndexError for a position outside the run,
    PromptError (a ValueError) for one without a partner.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> metric_there(Metric(3, foil=4), run, [(0, 0), (run.n_tokens - 1, 7)]).position
    7
    """
    if pairs is None:
        return metric
    at = within([metric.position], run.n_tokens, "position")[0]
    partner = dict(pairs).get(at)
    if partner is None:
        raise PromptError(
            f"the metric is asked at position {at}, which has no partner in the other prompt; pair it with one, or ask at another position"
        )
    return replace(metric, position=partner)
