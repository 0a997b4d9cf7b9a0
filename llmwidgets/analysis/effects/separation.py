"""How far a clean and a corrupted prompt are apart in a metric: whether a share of their difference means anything.

Always true: no ratio is taken of a difference that is small beside what is measured; the result then says so in one sentence, and no
number is ever infinite.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from llmwidgets.experiments.metric import AskedOf, Metric

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

#: In a quantity's own unit: below it, and below what rounding does in the model's dtype, the two prompts hardly differ.
LEAST = {"logit_difference": 0.05, "log_probability": 0.05, "probability": 0.01, "kl": 0.01, "rank": 1.0}


@dataclass(frozen=True)
class Separation:
    """Every quantity on both runs, and the difference that ratios are taken of; None where there is none to speak of."""

    clean: dict[str, float]
    corrupted: dict[str, float]
    gap: float | None
    no_ratio: str | None


def separation(clean: Capture, corrupted: Capture, metric: Metric, there: Metric | None = None) -> Separation:
    """Compare the two runs in the metric's quantity (KL: from the clean run's distribution). there: the metric as it is asked of the
    corrupted run, where that is at another position."""
    asked = metric.on(clean)
    other = asked if there is None else replace(asked, position=there.on(corrupted).position)
    values, others = asked.before, other.values_of(corrupted)
    gap = values[metric.quantity] - others[metric.quantity]
    if abs(gap) >= max(LEAST[metric.quantity], _rounding(clean, asked)):  # not so for NaN
        return Separation(values, others, gap, None)
    words = f"{values[metric.quantity]:.3g} on the clean one, {others[metric.quantity]:.3g} on the corrupted one"
    return Separation(
        values, others, None, f"The two prompts hardly differ in {asked.name}: {words}. So no share of the difference is given."
    )


def _rounding(run: Capture, asked: AskedOf) -> float:
    """How far apart rounding alone may put two logits of this model's dtype; 0 for what is no difference of logits."""
    if asked.quantity not in ("logit_difference", "log_probability"):
        return 0.0
    dtype = run.subject.model.dtype
    spacing = torch.finfo(dtype).eps if dtype.is_floating_point else 0.0
    return 4 * spacing * float(asked.clean[asked.clean.isfinite()].abs().max())
