"""An effect in words: how far the metric moved, from where to where, over one prompt or several.

Always true: a small effect is called hardly a change, an undefined one is no number, and over several prompts the mean never stands without
its interval and the count of prompts of the other sign, and fewer than six prompts get no verdict. Which change was made, and what it
means, is for changes.py.
"""

from __future__ import annotations

import numpy as np

from .figures import NOT_DEFINED, changed, measured, number, ordinal, percent, probability
from .spot import Spot

SMALL = 0.02
"""An effect under this share of the value before counts as hardly any."""
FEW = 6
"""With fewer prompts the bootstrap interval misses the true mean far too often (of five normal values, 17 times in 100 instead of 5)."""
TOO_FEW = "too few prompts to say more."
_CONTRADICTS = {"log_probability": 0.1, "probability": 0.01}
"""How far the target must move the other way, in nats or in probability, to say that a logit difference misleads."""
_MISSING = "there is no number at this place (a part that this layer lacks, or a place that was not asked for)"
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
        each = spot.each(name) if self.n > 1 else np.empty(0)
        self.each = each[np.isfinite(each)]
        """The single points over prompts, where there are any and they are defined."""

    @property
    def is_defined(self) -> bool:
        """Whether the effect is a finite number."""
        return bool(np.isfinite(self.value))

    @property
    def limit(self) -> float:
        """Below this, in the quantity's own unit, an effect is small."""
        floor = _FLOORS.get(self.quantity, 0.0)
        return floor if not np.isfinite(self.before) or self.quantity in ("rank", "kl") else max(SMALL * abs(self.before), floor)

    @property
    def is_small(self) -> bool:
        """Whether it is called hardly any change."""
        return abs(self.value) < self.limit

    @property
    def is_worse(self) -> bool:
        """Whether the target does worse after the change (of rank and KL divergence, more is worse)."""
        return self.value > 0 if self.quantity in ("rank", "kl") else self.value < 0

    @property
    def is_settled(self) -> bool:
        """Over several prompts: whether the interval leaves zero out."""
        return self.spot.value(f"{self.name}_low") > 0 or self.spot.value(f"{self.name}_high") < 0

    @property
    def is_few(self) -> bool:
        """Whether these are several prompts, but too few of them (that differ, and where it is defined) for a verdict."""
        return self.n > 1 and min(self._distinct(), len(self.each) or self.n) < FEW

    @property
    def prompts(self) -> str:
        """ "8 prompts", and whether one of them came twice."""
        return f"{self.n} prompts" + (" (the same prompt more than once)" if self._distinct() < self.n else "")

    def too_few(self) -> str:
        """The sentence in a verdict's place where there are too few prompts for one, else ""."""
        return f"These are {TOO_FEW} " if self.is_few else ""

    def _distinct(self) -> int:
        """How many prompts, or pairs of prompts, there are that differ."""
        marks = [
            marks
            for name, marks in self.spot.attrs.items()
            if str(name).endswith("fingerprints") and isinstance(marks, (list, tuple)) and len(marks) == self.n
        ]
        return len(set(zip(*marks, strict=True))) if marks else self.n

    def undefined(self, done: str, missing: str = _MISSING) -> str:
        """The sentence for an effect that is no number; `missing`: why there is none."""
        reason = missing if np.isnan(self.value) else "a value is infinite, as when a probability falls to zero"
        return f"What {lower(done)} changes in {self.metric} is {NOT_DEFINED}: {reason}."

    def told(self, done: str) -> str:
        """The sentence without its end: "Setting head 0.0 to zero lowers ... from 8.19 to 4.31 (-3.88)"."""
        verb = "hardly changes" if self.is_small else "moves" if self.quantity == "rank" else "lowers" if self.value < 0 else "raises"
        if self.n > 1:
            return f"Over {self.prompts}, {lower(done)} {verb} {self.metric}: {self.spread()}"
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
        """Over several prompts: mean, interval, how many have the other sign, and the single points' range where these are few."""
        low, high = (changed(self.spot.value(f"{self.name}_{end}"), self.quantity) for end in ("low", "high"))
        each = self.each
        interval = f"interval {NOT_DEFINED}" if NOT_DEFINED in (low, high) else f"95 % interval {low} to {high}"
        other = int(np.count_nonzero(np.sign(each) == -np.sign(self.value)))
        small = f"{self.small_is}; " if self.is_small and self.small_is else ""
        signs = f"; {other} of {len(each)} {'has' if other == 1 else 'have'} the other sign" if len(each) and self.value else ""
        some = f", defined in {len(each)} of them" if 0 < len(each) < self.n else ""
        if len(each) and (self.is_few or (self.is_small and max(abs(each)) >= self.limit)):
            signs += f"; single prompts from {changed(min(each), self.quantity)} to {changed(max(each), self.quantity)}"
        mean = changed(self.value, self.quantity)
        start = f", from a mean of {number(self.before)}" if np.isfinite(self.before) else ""
        return f"{mean} on average{start} ({small}{interval}{some}{signs})"

    def verdict(self, it: str = "it", them: str = "it") -> str:
        """What the effect of taking something away says of the target."""
        if self.is_few:
            return TOO_FEW
        if self.n > 1 and not self.is_settled:
            return "these prompts do not settle the sign."
        where = "on this prompt" if self.n == 1 else "on average over these prompts"
        if self.is_contradicted:
            return f"the target's {self._other_way()}, so this metric alone misleads."
        if self.quantity == "kl":
            return f"the prediction depended on {them}, {where}."
        return f"{it} worked {'for' if self.is_worse else 'against'} the target, {where}."

    @property
    def is_contradicted(self) -> bool:
        """Whether the target itself moves against the logit difference, and not by a trifle only."""
        if self.n > 1 or self.quantity != "logit_difference":
            return False
        for quantity, trifle in _CONTRADICTS.items():
            before, after = self._moved(quantity)
            if abs(after - before) > trifle and (after - before) * self.value < 0:  # NaN is no more than anything
                return True
        return False

    def _moved(self, quantity: str) -> tuple[float, float]:
        """What a quantity was before and is after; NaN where that is not known."""
        before = (self.spot.attrs.get("before") or {}).get(quantity)
        return float("nan") if before is None else float(before), self.spot.value(quantity)

    def _other_way(self) -> str:
        told = self._probabilities()
        if told:
            return f"probability moves the other way, {told}"
        before, after = (number(value) for value in self._moved("log_probability"))
        return f"log-probability moves the other way, from {before} to {after}"

    def _probabilities(self) -> str:
        """The target's probability, where its change can be seen."""
        before, after = self._moved("probability")
        if not np.isfinite(before + after) or probability(before) == probability(after):
            return ""
        return f"from {probability(before)} to {probability(after)}"

    def others(self, after_verdict: bool = True) -> str:
        """What the target's rank and probability became, where the rank changed, or the verdict spoke of the probability."""
        before, after = self._moved("rank")
        if self.n > 1 or self.quantity == "rank" or not np.isfinite(before + after):
            return ""
        is_told = after_verdict and self.is_contradicted
        if round(before) == round(after):
            return f" The target stays {ordinal(after)}." if is_told else ""
        told = self._probabilities() if self.quantity != "probability" and not is_told else ""
        chances = f", its probability {told}" if told else ""
        return f" The target goes from {ordinal(before)} to {ordinal(after)}{chances}."


def lower(sentence: str) -> str:
    """The sentence as it goes on within another."""
    return sentence[:1].lower() + sentence[1:]


def _with_article(metric: str) -> str:
    """The metric's name as it stands in a sentence: "the probability of ' Mary'", but "logit(' Mary') - logit(' John')"."""
    return f"the {metric}" if metric.startswith(("probability", "log-probability", "rank", "KL", "logit difference")) else metric
