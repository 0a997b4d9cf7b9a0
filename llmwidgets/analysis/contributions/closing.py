"""Whether parts add up to what they are parts of, within what the model's own rounding explains.

Always true: parts that do not add up are never given; the refusal says by how much they are off, and names what was changed where the run
is a changed one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from llmwidgets.models.errors import UndefinedHereError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

CLOSE = {torch.float64: 1e-5, torch.float32: 1e-3}
_CLOSE_IN_HALF = 5e-2
_ADDED_UP = 3  # roundings add up over the blocks, too


def dtype_of(model: nn.Module) -> torch.dtype:
    """What the model computes in."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.get_default_dtype())


def closeness(model: nn.Module) -> float:
    """How far apart two ways of computing the same thing may be here, of the largest value."""
    return CLOSE.get(dtype_of(model), _CLOSE_IN_HALF)


def require_closing(run: Capture, error: float, largest: float, model: nn.Module, whole: str) -> None:
    """Raise UndefinedHereError unless parts, the largest of which is `largest`, sum to `whole` up to rounding."""
    if not error <= _ADDED_UP * closeness(model) * largest:
        raise UndefinedHereError(
            f"the parts do not add up to {whole} here (off by {error:.2g}, where the largest is {largest:.2g}), so they are not given; "
            + why_not(run)
        )


def require_steps(run: Capture, off: float, layer: int, position: int, tolerance: float) -> None:
    """Raise UndefinedHereError where a block's input, or its terms, are `off` from what comes before and after (of the largest value)."""
    if off <= tolerance:
        return
    if off != off or off == float("inf"):
        raise not_finite(f"the residual stream of block {layer} at position {position}")
    raise UndefinedHereError(
        f"the residual stream of block {layer} at position {position} is not the sum of what was added to it (off by {off:.2g} of its "
        "largest value), so it cannot be taken apart; " + why_not(run)
    )


def not_finite(what: str) -> UndefinedHereError:
    """The error for NaN or infinity in what is to be taken apart."""
    return UndefinedHereError(
        f"{what} is not finite (NaN or infinite), so it has no parts. Look at the model's weights, or load it in float32 or bfloat16 if "
        "it runs in float16"
    )


def why_not(run: Capture) -> str:
    """What may stand in the way, and what to do instead."""
    if run.change:
        return (
            "this run is a changed one, and what overwrites the stream (resid_pre, resid_post), or the output of a norm, is no sum of "
            "parts. Change what heads and MLPs give instead (z, mlp_post), or ask about the unchanged run"
        )
    return "something that this model does to its stream is in none of its parts; ablation needs no such sum"
