"""How each field of causes is made of a run: its axes, its words, when this run can have it, and the analysis that computes it.

Always true: whether a run has a field is found out without computing it, from the architecture and what was changed; what a method refuses
beyond that, its error says when the field is read. Kinds of evidence and caveats are those of the analyses; titles are short, for a menu.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...analysis import axes_of
from ...analysis.contributions.cells import first_with_heads
from ...analysis.contributions.direct import direct_logit_attribution
from ...analysis.contributions.edges import edge_contribution
from ...analysis.contributions.norm_weighted import norm_weighted_attention
from ...analysis.contributions.terms import check_readable
from ...analysis.contributions.unembedding import unembedding_of
from ...analysis.contributions.values import replaced_heads
from ...analysis.effects.ablation_estimate import estimate_ablation
from ...analysis.effects.attribution_patching import attribution_patching
from ...analysis.effects.direct_total import direct_effect
from ...analysis.effects.pairing import pairing
from ...analysis.sentences import caveat
from ...experiments.donors import is_same_model
from ...experiments.intervene import change_of
from ...experiments.intervention import Intervention, Interventions
from ...experiments.metric import Metric
from ...experiments.places import several
from ...fields import Axis, Field, Growing, Reader, Scale
from ...models.errors import ActivationUnavailableError, AttentionUnavailableError, UndefinedHereError
from . import sweeps
from .lazy import MadeWhenRead, ReadOnce, WhereDefined

if TYPE_CHECKING:
    from ...capture import Capture

TITLES = {
    "direct_contribution": "direct contribution",
    "ablation_effect": "ablation effect",
    "ablation_estimate": "ablation estimate",
    "direct_effect": "direct effect",
    "edge_contribution": "edge contribution",
    "norm_weighted_attention": "size of what each look moved",
    "decomposition": "decomposition",
    "patching_denoise": "patching, denoise",
    "patching_noise": "patching, noise",
    "patching_heads_denoise": "patching heads, denoise",
    "patching_heads_noise": "patching heads, noise",
    "patching_estimate": "patching estimate",
}
_REFUSALS = (UndefinedHereError, ActivationUnavailableError, AttentionUnavailableError)
_WITHOUT_SLOPE = ("rank", "kl")
_OVERWRITING = ("resid_pre", "resid_post")


class Maker:
    """`fields` by name, `plans` of those that grow; `lasting`: those that do not depend on the metric."""

    lasting = ("norm_weighted_attention",)

    def __init__(
        self,
        run: Capture,
        metric: Metric,
        change: Interventions,
        changed: Capture | None,
        second: Capture | None,
        pairs: Sequence[tuple[int, int]] | None,
        known: Sequence[Capture],
        note: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._run, self._metric, self._note = run, metric, note
        self._change = change_of(run) if run.change else change
        self._read = changed if change else run  # what contributions are of
        self._asked = metric.on(run)
        self._readable = _defined(lambda: check_readable(run)) and not any(self._overwrites(one) for one in self._change)
        self._sums = self._readable and _defined(lambda: unembedding_of(run))
        self._axes = axes_of(run)
        self.plans: dict[str, sweeps.Plan] = {}
        self.fields: dict[str, Field] = {}
        if "head" in self._axes:
            self._of_heads(changed, known)
        if self._sums:
            self._decomposition()
        if second is not None and not self._change and not second.change:
            self._patching(second, pairs)
        self.fields = {name: self.fields[name] for name in TITLES if name in self.fields}

    # what there is of a run alone

    def _of_heads(self, changed: Capture | None, known: Sequence[Capture]) -> None:
        run, metric, read = self._run, self._metric, self._read
        heads = (self._axes["layer"], self._axes["head"])
        self._lacking = sweeps.lacking(run, "z", heads)  # heads that layers lack
        has_z = not self._lacking.all()
        logits = "logits"
        if self._sums and read is not None and has_z:
            self._lazy("direct_contribution", logits, "direct_contribution", lambda: direct_logit_attribution(read, metric).heads.values)
        if has_z and not run.change:  # an experiment begins from an unchanged run
            alike = [each for each in known if is_same_model(run, each)]
            self._growing(
                "ablation_effect",
                sweeps.ablation(run, metric, Growing(heads, self._lacking), self._change, changed, alike),
                _zeroed(),
            )
            if not self._change and metric.quantity not in _WITHOUT_SLOPE:
                self._lazy("ablation_estimate", self._asked.unit, _screened(), lambda: estimate_ablation(run, metric).estimate.values)
        held = "frozen" if self._sums and metric.quantity == "logit_difference" else "recomputed"
        if read is not None and has_z and self._readable:
            words = caveat("direct_and_total", replacement="zero")
            self._lazy("direct_effect", self._asked.unit, words, lambda: direct_effect(read, metric, final_norm=held))
        overwritten = any(one.site in _OVERWRITING for one in self._change)  # at any position: looks reach back to all of them
        if read is None or overwritten or not _defined(lambda: replaced_heads(run, first_with_heads(run))):
            return
        if self._sums:
            self._made("edge_contribution", logits, Scale("diverging"), lambda: edge_contribution(read, metric))
        scale = Scale("sequential", 0.0, None, power=0.5)
        self._made("norm_weighted_attention", "residual stream", scale, lambda: norm_weighted_attention(read))

    def _decomposition(self) -> None:
        read, metric = self._read, self._metric
        if read is None:
            return
        names = _terms(read)
        axis = Axis("term", len(names), labels=tuple(names))

        def make() -> np.ndarray:
            found = direct_logit_attribution(read, metric, by="layer")
            capped = ", before the soft cap" if found.attrs["before_cap"] else ""
            total, error = float(found.total), found.attrs["closing_error"]
            self._note({"decomposition": f"adds up to {total:.4g}{capped}; closing error {error:.0e}"})
            return np.array([_term(found, name) for name in names])

        self._lazy("decomposition", "logits", "decomposition", make, (axis,))

    # what there is between two prompts

    def _patching(self, second: Capture, pairs: Sequence[tuple[int, int]] | None) -> None:
        run, metric, axes = self._run, self._metric, self._axes
        try:
            pairing(run, second, metric, "noise", pairs).metric_there.on(second)
        except (ValueError, IndexError, RuntimeError):  # unlike prompts or models, no partner of the position, no such token
            return
        stream = (axes["layer"], axes["position"])
        sites = [("patching", "resid_pre", stream)] + ([("patching_heads", "z", (axes["layer"], axes["head"]))] if "head" in axes else [])
        for name, site, over in sites:
            for direction in ("denoise", "noise"):
                if not sweeps.lacking(run, site, over).all():
                    plan = sweeps.patching(run, second, metric, site, direction, over, pairs)
                    self._growing(f"{name}_{direction}", plan, caveat(direction))
        if "patching_heads_noise" in self.fields and metric.quantity not in _WITHOUT_SLOPE:
            self._lazy(
                "patching_estimate",
                self._asked.unit,
                _screened(),
                lambda: attribution_patching(run, second, metric, direction="noise", verify=0, pairs=pairs).estimate.values,
            )

    # how they are put together

    def _overwrites(self, one: Intervention) -> bool:
        """Whether the stream at the metric's position is no sum of parts any more."""
        places, n = several(one.position), self._run.n_tokens
        return one.site in _OVERWRITING and (not places or any(place % n == self._asked.position for place in places))

    def _lazy(self, name: str, unit: str, words: str, make: Callable[[], np.ndarray], axes: tuple[Axis, ...] | None = None) -> None:
        over = (self._axes["layer"], self._axes["head"]) if axes is None else axes
        absent = self._lacking if axes is None else np.zeros(axes[0].size, bool)
        self._add(name, over, unit, ReadOnce(over, make, absent), "attribution", words)

    def _growing(self, name: str, plan: sweeps.Plan, words: str) -> None:
        self.plans[name] = plan
        self._add(name, plan.cells.axes, self._asked.unit, plan.cells, "intervention", words)

    def _made(self, name: str, unit: str, scale: Scale, make: Callable[[], Field]) -> None:
        axes = tuple(self._axes[coordinate] for coordinate in ("layer", "head", "query", "key"))
        words = {"edge_contribution": "edge_contribution", "norm_weighted_attention": "norm_weighted"}[name]
        reader: Reader = MadeWhenRead(lambda: make().reader)
        if self._change and self._read is not None:
            reader = WhereDefined(reader, self._read)
        self._add(name, axes, unit, reader, "attribution", words, scale)

    def _add(
        self, name: str, axes: tuple[Axis, ...], unit: str, reader: Reader, evidence: str, words: str, scale: Scale | None = None
    ) -> None:
        said = caveat(words) if " " not in words else words
        if name not in self.lasting:
            said = f"{said} Measured: {self._named(name)}."
        if self._change:
            said += " On top of the active changes." if name in self.plans else " Of the changed run."
            said += " No number where the change put something else in its place." if "query" in (axis.coordinate for axis in axes) else ""
        self.fields[name] = Field(name, TITLES[name], axes, unit, reader, scale or Scale("diverging"), evidence=evidence, caveat=said)

    def _named(self, name: str) -> str:
        sums = ("direct_contribution", "edge_contribution", "decomposition")
        return (replace(self._asked, quantity="logit_difference") if name in sums else self._asked).name


def _terms(run: Capture) -> list[str]:
    """The terms that a decomposition by layer may have, in the order in which they are written."""
    each = [f"{'attention' if n_heads else 'mixer'} {layer}\nmlp {layer}" for layer, n_heads in enumerate(run.heads_per_layer)]
    return ["embed", "position embed", *"\n".join(each).split("\n"), "norm bias", "constant"]


def _term(found: Mapping[str, object], name: str) -> float:
    """A term's share of a direct logit attribution by layer; NaN where there is no such term."""
    kind, _, layer = name.rpartition(" ")
    if not layer.isdigit():
        variable = name.replace(" ", "_")
        return float(found[variable].sum()) if variable in found else np.nan  # type: ignore[attr-defined]
    if kind not in found:
        return np.nan
    return float(found[kind].values[int(layer)])  # type: ignore[attr-defined]


def _defined(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except _REFUSALS:
        return False
    return True


def _zeroed() -> str:
    return caveat("ablation", replacement="zero")


def _screened() -> str:
    return caveat("attribution_patching")
