"""An effect in words: how far the metric moved, from where to where, over one prompt or several.

Always true: a small effect is called hardly a change, an undefined one is no number, and over several prompts the mean never stands without
its interval and the count of prompts of the other sign. Which change was made, and what it means, is for changes.py.
"""

from __future__ import annotations

import numpy as np

from .figures import NOT_DEFINED, changed, measured, number, ordinal, percent, probability
from .spot import Spot

SMALL = 0.02
"""An effect under this share of the value before counts as hardly any."""
_CONTRADICTS = 0.01
"""How far a probability must move the other way to say that a logit difference misleads."""
_FLOORS = {"logit_difference": 0.01, "log_probability": 0.01, "kl": 0.01, "probability": 0.001, "rank": 0.5}


class EffectInWords:
    """One variable in the metric's quantity at a spot, and how it is told."""

    def __init__(self, spot: Spot, name: str, quantity: str | None = None) -> None:
        self.spot, self.name, self.value = spot, name, spot.value(name)
        self.quantity = quantity or str(spot.attrs.get("quantity", "logit_difference"))
        self.metric = _with_article(str(spot.attrs.get("metric", "the metric")))
        before = (spot.attrs.get("before") or {}).get(self.quantity)
        self.before = float("nan") if before is None else float(before)
        self.n = int(spot.attrs.get("n_prompts", 1))

    @property
    def is_defined(self) -> bool:
        return bool(np.isfinite(self.value))

    @property
    def limit(self) -> float:
        floor = _FLOORS.get(self.quantity, 0.0)
        return floor if not np.isfinite(self.before) or self.quantity in ("rank", "kl") else max(SMALL * abs(self.before), floor)

    @property
    def is_small(self) -> bool:
        return abs(self.value) < self.limit

    @property
    def is_worse(self) -> bool:
        return self.value > 0 if self.quantity in ("rank", "kl") else self.value < 0

    @property
    def is_settled(self) -> bool:
        """Over several prompts: whether the interval leaves zero out."""
        return self.spot.value(f"{self.name}_low") > 0 or self.spot.value(f"{self.name}_high") < 0

    def undefined(self, done: str) -> str:
        reason = (
            "there is no number at this place (a part that this layer lacks, or a place that was not asked for)"
            if np.isnan(self.value)
            else "a value is infinite, as when a probability falls to zero"
        )
        return f"What {lower(done)} changes in {self.metric} is {NOT_DEFINED}: {reason}."

    def told(self, done: str) -> str:
        """The sentence without its end: "Setting head 0.0 to zero lowers ... from 8.19 to 4.31 (-3.88)"."""
        verb = "hardly changes" if self.is_small else "moves" if self.quantity == "rank" else "lowers" if self.value < 0 else "raises"
        if self.n > 1:
            return f"Over {self.n} prompts, {lower(done)} {verb} {self.metric}: {self.spread()}"
        change = changed(self.value, self.quantity)
        if not np.isfinite(self.before):
            return f"{done} {verb} {self.metric} ({change})"
        before, after = (measured(value, self.quantity) for value in (self.before, self.before + self.value))
        if self.is_small:
            bracket = ", ".join(filter(None, (change, self.small_is)))
            return f"{done} hardly changes {self.metric}: {before} before, {after} after ({bracket})"
        return f"{done} {verb} {self.metric} from {before} to {after} ({change})"

    @property
    def small_is(self) -> str:
        """What counts as hardly any."""
        if self.quantity == "rank":
            return ""
        of_before = self.limit > _FLOORS.get(self.quantity, 0.0)
        return f"under {percent(SMALL)} of the value before" if of_before else f"under {self.limit}"

    def spread(self) -> str:
        """Over several prompts: mean, interval, and how many prompts have the other sign."""
        low, high = (changed(self.spot.value(f"{self.name}_{end}"), self.quantity) for end in ("low", "high"))
        each = self.spot.each(self.name)
        each = each[np.isfinite(each)]
        interval = f"interval {NOT_DEFINED}" if NOT_DEFINED in (low, high) else f"95 % interval {low} to {high}"
        other = int(np.count_nonzero(np.sign(each) == -np.sign(self.value)))
        small = f"{self.small_is}; " if self.is_small and self.small_is else ""
        signs = f"; {other} of {len(each)} {'has' if other == 1 else 'have'} the other sign" if len(each) and self.value else ""
        some = f", defined in {len(each)} of them" if 0 < len(each) < self.n else ""
        if self.is_small and len(each) and max(abs(each)) >= self.limit:
            signs += f"; single prompts from {changed(min(each), self.quantity)} to {changed(max(each), self.quantity)}"
        mean = changed(self.value, self.quantity)
        start = f", from a mean of {number(self.before)}" if np.isfinite(self.before) else ""
        return f"{mean} on average{start} ({small}{interval}{some}{signs})"

    def verdict(self, it: str = "it", them: str = "it") -> str:
        """What the effect of taking something away says of the prediction."""
        if self.n > 1 and not self.is_settled:
            return "these prompts do not settle the sign."
        where = "on this prompt" if self.n == 1 else "on average over these prompts"
        if self.is_contradicted:
            return f"the target's probability moves the other way{self._probabilities()}, so this metric alone misleads."
        if self.quantity == "kl":
            return f"the prediction depended on {them}, {where}."
        return f"the prediction used {them}, {where}." if self.is_worse else f"{it} worked against the target, {where}."

    @property
    def is_contradicted(self) -> bool:
        """Whether the target's probability moves against the logit difference, and not by a trifle only."""
        share = (self.spot.attrs.get("before") or {}).get("probability"), self.spot.value("probability")
        if self.n > 1 or self.quantity != "logit_difference" or share[0] is None or not np.isfinite(share[1]):
            return False
        return abs(share[1] - share[0]) > _CONTRADICTS and (share[1] - share[0]) * self.value < 0

    def _probabilities(self) -> str:
        before, after = (self.spot.attrs.get("before") or {}).get("probability"), self.spot.value("probability")
        return "" if before is None or not np.isfinite(after) else f", from {probability(before)} to {probability(after)}"

    def others(self) -> str:
        """What the target's rank and probability became, where the rank changed."""
        ranks = (self.spot.attrs.get("before") or {}).get("rank"), self.spot.value("rank")
        if self.n > 1 or self.quantity == "rank" or ranks[0] is None or not np.isfinite(ranks[1]) or round(ranks[0]) == round(ranks[1]):
            return ""
        told = self._probabilities() if self.quantity != "probability" and not self.is_contradicted else ""
        chances = f", its probability {told.removeprefix(', ')}" if told else ""
        return f" The target goes from {ordinal(ranks[0])} to {ordinal(ranks[1])}{chances}."


def lower(sentence: str) -> str:
    """The sentence as it goes on within another."""
    return sentence[:1].lower() + sentence[1:]


def _with_article(metric: str) -> str:
    """The metric's name as it stands in a sentence: "the probability of ' Mary'", but "logit(' Mary') - logit(' John')"."""
    return f"the {metric}" if metric.startswith(("probability", "log-probability", "rank", "KL", "logit difference")) else metric
