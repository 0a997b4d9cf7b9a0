"""The end of "show the code" for fields of causes: contributions, effects, and patching between two prompts.

Always true: these are the analyses that a view's own fields are made of (widgets/causes/), asked in the same way: each head alone to
zero, on top of the active changes; of two prompts, the first is the clean one. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...analysis.contributions.unembedding import unembedding_of
from ...experiments.edits import sites_of
from ...experiments.intervention import Interventions
from ...experiments.metric import Metric
from ...models.errors import UndefinedHereError
from .runs import known

if TYPE_CHECKING:
    from ...capture import Capture

_PATCHED = {
    "patching_denoise": ("resid_pre", "denoise"),
    "patching_noise": ("resid_pre", "noise"),
    "patching_heads_denoise": ("z", "denoise"),
    "patching_heads_noise": ("z", "noise"),
}


class Causes:
    """Lines for the fields of causes of one run. base: its name in the code; made: what is changed in it; donors: names of the runs that
    these changes take values from; pairs: positions that stand for each other, where they are not the same."""

    def __init__(
        self,
        run: Capture,
        base: str,
        metric: Metric | None,
        made: Interventions,
        donors: Sequence[str],
        pairs: list[tuple[int, int]] | None,
    ) -> None:
        self._run, self._base, self._metric, self._made, self._donors, self._pairs = run, base, metric, made, donors, pairs

    def lines(self, name: str, of: str, metric: str = "metric", into: str = "found") -> list[str]:
        """Lines whose last one assigns the numbers of the field `name` of the run called `of`. KeyError: no such field."""
        if name in _PATCHED:
            return self._patched(*_PATCHED[name], metric, into)
        ways: dict[str, Callable[[str, str, str], list[str]]] = {
            "direct_contribution": lambda of, metric, into: [f"{into} = lw.direct_logit_attribution({of}, {metric}).heads"],
            "ablation_effect": self._ablated,
            "ablation_estimate": lambda of, metric, into: [
                f"{into} = lw.estimate_ablation({of}, {metric}).estimate",
            ],
            "direct_effect": self._direct,
            "decomposition": self._decomposed,
            "patching_estimate": self._screened,
        }
        return ways[name](of, metric, into)

    def _ablated(self, of: str, metric: str, into: str) -> list[str]:
        if of != "changed" or not self._made:
            return [f"{into} = lw.ablate({of}, {metric}).effect{self._all_layers('z')}"]
        base, quantity = self._base, self._metric.quantity if self._metric is not None else "logit_difference"
        layers = f"range({base}.n_layers)" if not self._all_layers("z") else repr(self._having("z"))
        return [
            "import numpy as np",
            f"heads = [(layer, head) for layer in {layers} for head in range({base}.heads_per_layer[layer])]",
            "each = [lw.Interventions.of(changes) + lw.Intervention('z', layer, head) for layer, head in heads]",
            f"before = {metric}.on({base}).values_of({of})[{quantity!r}]",
            f"{into} = np.full(({base}.n_layers, {base}.n_heads), np.nan)  # (layer, head)",
            f"for outcome in lw.sweep({base}, each, {metric}{known(self._donors)}):",
            f"    {into}[heads[outcome.index]] = outcome.after[{quantity!r}] - before",
        ]

    def _having(self, site: str) -> list[int]:
        return [layer for layer in range(self._run.n_layers) if site in sites_of(self._run, layer)]

    def _all_layers(self, site: str) -> str:
        """A sweep gives the layers that have the site, a view shows a row for each."""
        return "" if len(self._having(site)) == self._run.n_layers else f".reindex(layer=range({self._run.n_layers}))"

    def _direct(self, of: str, metric: str, into: str) -> list[str]:
        is_sum = self._metric is None or self._metric.quantity == "logit_difference"
        held = "frozen" if is_sum and self._reads_sums else "recomputed"
        return [f"{into} = lw.direct_effect({of}, {metric}, final_norm={held!r})"]

    @property
    def _reads_sums(self) -> bool:
        try:
            unembedding_of(self._run)
        except UndefinedHereError:
            return False
        return True

    def _decomposed(self, of: str, metric: str, into: str) -> list[str]:
        attention = "'attention'" if all(self._run.heads_per_layer) else f"'attention' if {of}.heads_per_layer[layer] else 'mixer'"
        return [
            "import numpy as np",
            f"parts = lw.direct_logit_attribution({of}, {metric}, by='layer')  # all but `total` add up to it",
            f"terms = [(part, layer) for layer in range({of}.n_layers) for part in ({attention}, 'mlp')]",
            "terms = [('embed', None), ('position_embed', None), *terms, ('norm_bias', None), ('constant', None)]",
            "each = [(parts[part] if layer is None else parts[part][layer]) if part in parts else np.nan for part, layer in terms]",
            f"{into} = np.array([float(np.sum(one)) for one in each])",
        ]

    def _patched(self, site: str, direction: str, metric: str, into: str) -> list[str]:
        asked = f"lw.patch(run, second, {metric}, site={site!r}, direction={direction!r}"
        if self._pairs is None:
            return [f"{into} = {asked}).effect{self._all_layers(site)}"]
        paired = ["# (position in the first prompt, its partner in the second)", f"pairs = {self._pairs}"]
        if direction == "noise" or site == "z":
            return [*paired, f"{into} = {asked}, pairs=pairs).effect{self._all_layers(site)}"]
        all_there = f".reindex(position=range(run.n_tokens)){self._all_layers(site)}"
        return [  # the second prompt is patched: its positions stand at their partners of the first
            *paired,
            f"effect = {asked}, pairs=pairs).effect",
            "here, there = zip(*pairs)",
            f"{into} = effect.sel(position=list(there)).assign_coords(position=list(here)){all_there}",
        ]

    def _screened(self, of: str, metric: str, into: str) -> list[str]:
        pairs = "" if self._pairs is None else f", pairs={self._pairs}"
        return [f"{into} = lw.attribution_patching(run, second, {metric}, direction='noise', verify=0{pairs}).estimate"]


CAUSES = (
    "direct_contribution",
    "ablation_effect",
    "ablation_estimate",
    "direct_effect",
    "decomposition",
    *_PATCHED,
    "patching_estimate",
)
