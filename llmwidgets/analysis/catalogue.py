"""The fields that a capture has, where each is made, and when a run can give it.

Always true: a maker's module is imported when its field is first made, so that the names cost nothing. A field whose identity does not
hold on this run (a pattern or a read-out that does not reproduce the model) is not offered.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from llmwidgets.fields.field import Field
from llmwidgets.fields.registry import register


def _has_attention(run: Any) -> bool:
    return any(run.heads_per_layer) and not _broken(run.integrity.pattern, run.integrity.tolerance_pattern)


def _has_stream(run: Any) -> bool:
    return run.d_model > 0


def _has_readout(run: Any) -> bool:
    found = run.integrity.readout
    return _has_stream(run) and found is not None and not _broken(found, run.integrity.tolerance_readout)


def _says_what_is_next(run: Any) -> bool:
    """A model whose queries see later tokens, such as a masked language model, says what stands here, not what comes next."""
    if not _has_readout(run):
        return False
    layer = next((layer for layer, n_heads in enumerate(run.heads_per_layer) if n_heads), None)
    return layer is None or int(run.allowed(layer, 0, queries=0).sum()) <= 1


def _broken(difference: float | None, tolerance: float) -> bool:
    return difference is not None and difference > tolerance  # not so for NaN: a model's NaN is shown as NaN


FIELDS = (
    # name, module, maker, when a run has it
    ("attention", "patterns", "attention", _has_attention),
    ("attention_entropy", "entropy", "entropy_field", _has_attention),
    ("attention_to_first", "shares", "attention_to_first_field", _has_attention),
    ("to_previous", "shares", "to_previous_field", _has_attention),
    ("to_self", "shares", "to_self_field", _has_attention),
    ("to_duplicate", "shares", "to_duplicate_field", _has_attention),
    ("to_after_duplicate", "shares", "to_after_duplicate_field", _has_attention),
    ("residual_norm", "stream_norm", "residual_norm_field", _has_stream),
    ("logit_lens", "lens_fields", "logit_lens_field", _has_readout),
    ("lens_entropy", "lens_fields", "lens_entropy_field", _has_readout),
    ("lens_kl", "lens_fields", "lens_kl_field", _has_readout),
    ("next_token", "next_tokens", "next_token_field", _says_what_is_next),
)


def register_fields() -> None:
    """Enter all of FIELDS in the registry of fields."""
    for name, module, maker, available in FIELDS:
        register(name, _Lazy(module, maker), available)


class _Lazy:
    def __init__(self, module: str, maker: str) -> None:
        self._module, self._maker = module, maker

    def __call__(self, run: Any) -> Field:
        return getattr(import_module(f"llmwidgets.analysis.{self._module}"), self._maker)(run)
