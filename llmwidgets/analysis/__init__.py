"""Analyses: pure functions from a Capture to labelled xarray objects, and the fields that views draw from them.

    run = lw.capture(model, prompt)
    lw.logit_lens(run, layers=[3], positions=[-1])      # an xarray.Dataset
    run.field("attention_entropy").read(layer=3)        # an xarray.DataArray
    lw.ablate(run, lw.Metric(" Mary", foil=" John"))    # an xarray.Dataset: what the answer loses without each head

Observations stand in this folder; `contributions` takes the answer apart, `effects` takes parts away or puts others in their place;
`sentences` puts both in words.

Always true: importing this package registers the fields' names and loads nothing heavy; an analysis loads where it is first used. What an
analysis has computed for a run is kept as long as the run, and may be asked for from several threads.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .catalogue import register_fields

if TYPE_CHECKING:
    from .alignment import align
    from .axes import axes_of
    from .contributions.decompose import decompose
    from .contributions.direct import direct_logit_attribution
    from .contributions.edges import edge_contribution
    from .contributions.norm_weighted import norm_weighted_attention
    from .contributions.rollout import rollout
    from .effects.ablation import ablate, effect_of
    from .effects.ablation_estimate import estimate_ablation
    from .effects.attribution_patching import attribution_patching
    from .effects.direct_total import direct_and_total_effect, direct_effect
    from .effects.knockout import knock_out
    from .effects.patching import patch
    from .entropy import attention_entropy
    from .head_scores import head_scores
    from .lens import logit_lens
    from .next_tokens import next_token
    from .patterns import attention
    from .sentences import in_words
    from .shares import attention_shares, attention_to_first
    from .stream_norm import residual_norm

_HOMES = {
    "ablate": ".effects.ablation",
    "align": ".alignment",
    "attention": ".patterns",
    "attention_entropy": ".entropy",
    "attention_shares": ".shares",
    "attention_to_first": ".shares",
    "attribution_patching": ".effects.attribution_patching",
    "axes_of": ".axes",
    "decompose": ".contributions.decompose",
    "direct_and_total_effect": ".effects.direct_total",
    "direct_effect": ".effects.direct_total",
    "direct_logit_attribution": ".contributions.direct",
    "edge_contribution": ".contributions.edges",
    "effect_of": ".effects.ablation",
    "estimate_ablation": ".effects.ablation_estimate",
    "head_scores": ".head_scores",
    "in_words": ".sentences",
    "knock_out": ".effects.knockout",
    "logit_lens": ".lens",
    "next_token": ".next_tokens",
    "norm_weighted_attention": ".contributions.norm_weighted",
    "patch": ".effects.patching",
    "residual_norm": ".stream_norm",
    "rollout": ".contributions.rollout",
}

__all__ = [
    "ablate",
    "align",
    "attention",
    "attention_entropy",
    "attention_shares",
    "attention_to_first",
    "attribution_patching",
    "axes_of",
    "decompose",
    "direct_and_total_effect",
    "direct_effect",
    "direct_logit_attribution",
    "edge_contribution",
    "effect_of",
    "estimate_ablation",
    "head_scores",
    "in_words",
    "knock_out",
    "logit_lens",
    "next_token",
    "norm_weighted_attention",
    "patch",
    "residual_norm",
    "rollout",
]

register_fields()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
