"""Analyses: pure functions from a Capture to labelled xarray objects, and the fields that views draw from them.

    run = lw.capture(model, prompt)
    lw.logit_lens(run, layers=[3], positions=[-1])      # an xarray.Dataset
    run.field("attention_entropy").read(layer=3)        # an xarray.DataArray

Always true: importing this package registers the fields' names and loads nothing heavy; an analysis loads where it is first used. What an
analysis has computed for a run is kept as long as the run, and may be asked for from several threads.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .catalogue import register_fields

if TYPE_CHECKING:
    from .axes import axes_of
    from .entropy import attention_entropy
    from .lens import logit_lens
    from .next_tokens import next_token
    from .patterns import attention
    from .shares import attention_shares, attention_to_first
    from .stream_norm import residual_norm

_HOMES = {
    "attention": ".patterns",
    "attention_entropy": ".entropy",
    "attention_shares": ".shares",
    "attention_to_first": ".shares",
    "axes_of": ".axes",
    "logit_lens": ".lens",
    "next_token": ".next_tokens",
    "residual_norm": ".stream_norm",
}

__all__ = [
    "attention",
    "attention_entropy",
    "attention_shares",
    "attention_to_first",
    "axes_of",
    "logit_lens",
    "next_token",
    "residual_norm",
]

register_fields()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
