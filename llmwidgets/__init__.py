"""Live, synchronized views of what a transformer did with a prompt.

    import llmwidgets as lw
    view = lw.show(model, prompt)        # in a notebook: one Inspector; lw.show() uses the built-in model
    run = lw.capture(model, prompt)      # headless: one forward pass, a Capture

Always true: importing this package imports neither torch nor transformers nor ipywidgets. Public names load where they are first
asked for, and `dir(llmwidgets)` lists them all.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .analysis import (
        ablate,
        align,
        attention_entropy,
        attention_shares,
        attention_to_first,
        attribution_patching,
        decompose,
        direct_and_total_effect,
        direct_effect,
        direct_logit_attribution,
        edge_contribution,
        effect_of,
        estimate_ablation,
        head_scores,
        in_words,
        knock_out,
        logit_lens,
        next_token,
        norm_weighted_attention,
        patch,
        residual_norm,
        rollout,
    )
    from .capture import Capture, capture
    from .experiments.intervene import intervene
    from .experiments.intervention import Intervention, Interventions
    from .experiments.metric import Metric
    from .experiments.replacement import Replacement
    from .experiments.sweep import Outcome, sweep
    from .fields import Axis, Field, Place
    from .models.demo import demo_model
    from .notes import Note, Notes
    from .show import show
    from .widgets.noting.tour import Tour, tour
    from .widgets.selection import Selection
    from .widgets.views import HeadView, Inspector, LayerView, NotesView, PatternView, TokenView

# Where each public name lives.
_HOMES = {
    "show": ".show",
    "capture": ".capture",
    "Capture": ".capture",
    "demo_model": ".models.demo",
    "Inspector": ".widgets.views",
    "HeadView": ".widgets.views",
    "TokenView": ".widgets.views",
    "LayerView": ".widgets.views",
    "PatternView": ".widgets.views",
    "NotesView": ".widgets.views",
    "Selection": ".widgets.selection",
    "Axis": ".fields",
    "Field": ".fields",
    "Place": ".fields",
    "Note": ".notes",
    "Notes": ".notes",
    "Tour": ".widgets.noting.tour",
    "tour": ".widgets.noting.tour",
    "Intervention": ".experiments.intervention",
    "Interventions": ".experiments.intervention",
    "Metric": ".experiments.metric",
    "Outcome": ".experiments.sweep",
    "intervene": ".experiments.intervene",
    "Replacement": ".experiments.replacement",
    "sweep": ".experiments.sweep",
    "ablate": ".analysis",
    "align": ".analysis",
    "attention_entropy": ".analysis",
    "attention_shares": ".analysis",
    "attention_to_first": ".analysis",
    "attribution_patching": ".analysis",
    "decompose": ".analysis",
    "direct_and_total_effect": ".analysis",
    "direct_effect": ".analysis",
    "direct_logit_attribution": ".analysis",
    "edge_contribution": ".analysis",
    "effect_of": ".analysis",
    "estimate_ablation": ".analysis",
    "head_scores": ".analysis",
    "in_words": ".analysis",
    "knock_out": ".analysis",
    "logit_lens": ".analysis",
    "next_token": ".analysis",
    "norm_weighted_attention": ".analysis",
    "patch": ".analysis",
    "residual_norm": ".analysis",
    "rollout": ".analysis",
}

__all__ = [
    "Axis",
    "Capture",
    "Field",
    "HeadView",
    "Inspector",
    "Intervention",
    "Interventions",
    "LayerView",
    "Metric",
    "Note",
    "Notes",
    "NotesView",
    "Outcome",
    "PatternView",
    "Place",
    "Replacement",
    "Selection",
    "TokenView",
    "Tour",
    "__version__",
    "ablate",
    "align",
    "attention_entropy",
    "attention_shares",
    "attention_to_first",
    "attribution_patching",
    "capture",
    "decompose",
    "demo_model",
    "direct_and_total_effect",
    "direct_effect",
    "direct_logit_attribution",
    "edge_contribution",
    "effect_of",
    "estimate_ablation",
    "head_scores",
    "in_words",
    "intervene",
    "knock_out",
    "logit_lens",
    "next_token",
    "norm_weighted_attention",
    "patch",
    "residual_norm",
    "rollout",
    "show",
    "sweep",
    "tour",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; public names are {', '.join(sorted(_HOMES))}")
    module = import_module(_HOMES[name], __name__)
    if name in ("capture", "Capture"):
        import_module(".analysis", __name__)  # it registers the fields that a capture can give
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


class _Package(ModuleType):
    """This package. `lw.show` and `lw.capture` are functions that live in submodules of the same names."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            return  # the import system would bind the submodule over the function
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
