"""The self-check of a capture: how closely what is recomputed agrees with the model itself.

Patterns at a few rows of every layer against the model's own eager attention function; the last residual
read out against the logits of the pass; and what the parts add against the stream. Costs a few rows, not
a pass. NaN in the model is reported, not raised.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from llmwidgets.capture.record import AttentionRecord
from llmwidgets.capture.recorder import BlockTape
from llmwidgets.models.tap import AttentionCall

_TOLERANCES = {torch.float64: (1e-10, 1e-10), torch.float32: (1e-5, 1e-4)}
_HALF_TOLERANCES = (2e-2, 2e-2)


@dataclass(frozen=True)
class Integrity:
    """Largest differences between what is recomputed and the model; None where there is nothing to compare.

    `pattern` is a difference of probabilities; `readout` and `stream` are relative to the largest value.
    """

    pattern: float | None
    readout: float | None
    stream: float | None
    tolerance_pattern: float
    tolerance_readout: float
    per_layer: tuple[float | None, ...]  # of the pattern

    @property
    def ok(self) -> bool:
        pairs = [
            (self.pattern, self.tolerance_pattern),
            (self.readout, self.tolerance_readout),
            (self.stream, self.tolerance_readout),
        ]
        return all(found is None or found <= tolerance for found, tolerance in pairs)

    @property
    def sentence(self) -> str:
        """One line for people: "reproduces the model to 3e-07"."""
        named = {"attention": self.pattern, "read-out": self.readout, "residual stream": self.stream}
        found = {name: value for name, value in named.items() if value is not None}
        not_numbers = [name for name, value in found.items() if math.isnan(value)]
        if not_numbers:
            layers = [str(i) for i, value in enumerate(self.per_layer) if value is not None and math.isnan(value)]
            where = f" (attention of layer {', '.join(layers[:4])}{', ...' if len(layers) > 4 else ''})" if layers else ""
            return f"the model computes NaN: {', '.join(not_numbers)}{where}"
        if not found:
            return "nothing to check"
        if self.ok and not any(found.values()):
            return "reproduces the model exactly"
        if self.ok:
            return f"reproduces the model to {max(found.values()):.0e}"
        tolerances = {"attention": self.tolerance_pattern, "read-out": self.tolerance_readout, "residual stream": self.tolerance_readout}
        return "does not reproduce the model: " + ", ".join(f"{name} off by {v:.1e}" for name, v in found.items() if v > tolerances[name])


def assess(
    dtype: torch.dtype,
    per_layer: Iterable[float | None],
    readout: float | None,
    blocks: Iterable[BlockTape],
    rows: Tensor,
) -> Integrity:
    """Put the differences together, with tolerances for `dtype`."""
    per_layer = tuple(per_layer)
    tolerances = _TOLERANCES.get(dtype, _HALF_TOLERANCES)
    return Integrity(
        pattern=_worst(per_layer),
        readout=readout,
        stream=_worst(_stream_difference(block, rows) for block in blocks),
        tolerance_pattern=tolerances[0],
        tolerance_readout=tolerances[1],
        per_layer=per_layer,
    )


@torch.no_grad()
def pattern_difference(record: AttentionRecord, call: AttentionCall, rows: Tensor) -> float:
    """The largest difference from the model's own eager function on the same tensors at `rows` (n,)."""
    heads, keys = torch.arange(record.n_heads), torch.arange(record.mask.n_keys)
    ours = record.pattern(heads, rows, keys)  # (head, row, key)
    at = rows.to(call.query.device)
    options = dict(call.options)
    bias = options.get("position_bias")
    if isinstance(bias, Tensor) and bias.shape[2] > 1:
        options["position_bias"] = bias[:, :, at]
    with _SoftmaxInFullPrecision():
        theirs = call.eager(
            call.module,
            call.query[:, :, at],
            call.key[:, :, : record.mask.n_keys],
            call.value[:, :, : record.mask.n_keys],
            _additive_mask(record, call, rows),
            **options,
        )[1]
    if theirs is None:
        return math.nan
    looked = record.allowed(heads[:1], rows, keys)[0].any(-1)  # the eager functions spread a padding row evenly
    return largest_difference(ours[:, looked], theirs[0].to("cpu", ours.dtype)[:, looked])


class _SoftmaxInFullPrecision(TorchFunctionMode):
    """The eager functions take their softmax in float32, also in a float64 model, whose patterns are better than that."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        is_double = bool(args) and isinstance(args[0], Tensor) and args[0].dtype == torch.float64
        if is_double and kwargs.get("dtype") == torch.float32:
            kwargs["dtype"] = torch.float64
        return function(*args, **kwargs)


def largest_difference(ours: Tensor, theirs: Tensor, relative: bool = False) -> float:
    """The largest absolute difference, NaN where either is NaN; `relative` to the largest of `theirs`."""
    if ours.numel() == 0:
        return 0.0
    scale = max(float(theirs.abs().max()), 1e-30) if relative else 1.0
    return float((ours.double() - theirs.double()).abs().max()) / scale


def _additive_mask(record: AttentionRecord, call: AttentionCall, rows: Tensor) -> Tensor:
    given = call.mask
    if isinstance(given, Tensor) and given.is_floating_point():
        return given[:, :, rows.to(given.device), : record.mask.n_keys]
    allowed = record.mask.allowed(torch.arange(record.n_heads), rows, torch.arange(record.mask.n_keys))
    allowed = allowed.to(call.query.device)
    zero = torch.zeros((), dtype=call.query.dtype, device=call.query.device)
    return torch.where(allowed, zero, torch.finfo(call.query.dtype).min)[None]  # (1, 1 or head, row, key)


def _stream_difference(block: BlockTape, rows: Tensor) -> float | None:
    parts = (*block.anatomy.mixer_terms, *block.anatomy.mlp_terms)
    if not block.anatomy.is_additive or block.resid_pre is None or block.resid_post is None:
        return None
    at = rows.to(block.resid_post.device)
    total = block.resid_pre[at].double()
    for term in parts:
        total = total + term.factor * block.added[term.name].reshape(block.resid_pre.shape)[at].double()
    return largest_difference(total, block.resid_post[at].double(), relative=True)


def _worst(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    if any(math.isnan(value) for value in found):
        return math.nan
    return max(found, default=None)
