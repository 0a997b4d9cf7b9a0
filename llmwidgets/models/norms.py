"""A norm with its statistics frozen, as the linear map that it then is.

A layer norm is gamma * (y - mean) / s + beta, an RMS norm gamma * y / s, with s a number of each position. Which of the two a module is,
and its gamma and beta, are found by running it on chosen inputs and held to another one; s comes from what the module really gave. So
names of classes, weights stored as 1 + gamma and the place of epsilon do not matter. What is neither is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from llmwidgets.models.errors import UndefinedHereError
from llmwidgets.models.inputs import device_of

_CLOSE = {torch.float64: 1e-6, torch.float32: 1e-4}  # casts inside may be to float32
_CLOSE_IN_HALF = 3e-2


@dataclass(frozen=True, eq=False)
class NormForm:
    """What a norm is, but for its statistics. float32 (float64 for a float64 module), on the CPU."""

    gamma: Tensor  # (d_model,)
    beta: Tensor  # (d_model,), zeros where there is none
    centred: bool  # takes the mean away

    def linear(self, rows: Tensor) -> Tensor:
        """gamma times the rows (..., d_model), centred where the norm does so: all but the scale and beta."""
        return self.gamma * (rows - rows.mean(-1, keepdim=True) if self.centred else rows)

    def frozen(self, given: Tensor, gave: Tensor) -> FrozenNorm:
        """This norm with the statistics that it had when it was `given` (n, d_model) and `gave` (n, d_model)."""
        shape, target = self.linear(given), gave - self.beta
        size = (shape * shape).sum(-1)
        return FrozenNorm(self, torch.where(size > 0, (shape * target).sum(-1) / size, torch.zeros_like(size)))


@dataclass(frozen=True, eq=False)
class FrozenNorm:
    """A linear map for each of n positions: what the norm is while its statistics stay put."""

    form: NormForm
    inverse_scale: Tensor  # (n,) 1 / s

    def apply(self, parts: Tensor) -> Tensor:
        """Carry parts (..., n, d_model) through; beta, which belongs to none of them, is left out."""
        return self.form.linear(parts) * self.inverse_scale[:, None]

    def pull_back(self, direction: Tensor) -> Tensor:
        """The direction (n, d_model) before the norm whose product with a part is that of `direction` with the part after it."""
        weighed = self.form.gamma * direction
        return (weighed - weighed.mean(-1, keepdim=True) if self.form.centred else weighed) * self.inverse_scale[:, None]

    def at(self, places: Tensor) -> FrozenNorm:
        """The map at some of the positions."""
        return replace(self, inverse_scale=self.inverse_scale[places])


def norm_form(module: nn.Module, width: int, dtype: torch.dtype, name: str = "") -> NormForm:
    """Find what kind of norm `module` is, from what it gives for inputs (1, n, width) of `dtype`.

    gamma is right up to a factor near 1, which `frozen` takes up in the scale. Raises UndefinedHereError where the module is neither a
    layer norm nor an RMS norm.

    >>> form = norm_form(nn.RMSNorm(4, eps=1e-6), 4, torch.float32)
    >>> form.centred, [round(weight, 3) for weight in form.gamma.tolist()]
    (False, [1.0, 1.0, 1.0, 1.0])
    """
    generator = torch.Generator().manual_seed(0)
    signs = torch.ones(width, dtype=torch.float64)
    signs[torch.randperm(width, generator=generator)[: width // 2]] = -1.0
    other = torch.randn(2, width, dtype=torch.float64, generator=generator) + torch.tensor([[0.0], [1.0]])
    given = torch.cat([torch.stack([4 * signs, -4 * signs]), 3 * other]).to(dtype).double()  # (4, width)
    gave = _run(module, given, dtype)
    if gave.shape != given.shape:
        raise UndefinedHereError(_refusal(module, name))
    beta = (gave[0] + gave[1]) / 2  # both kinds are odd about it
    tolerance = _CLOSE.get(dtype, _CLOSE_IN_HALF)
    for centred in (True, False):
        rows = given - given.mean(-1, keepdim=True) if centred else given
        gamma = (gave[0] - beta) / rows[0] * (rows[0].pow(2).mean().sqrt())
        form = NormForm(gamma, beta, centred)
        fitted = form.frozen(given, gave).apply(given) + beta
        if float((fitted - gave).abs().max()) <= tolerance * float(gave.abs().max()):
            kept = torch.float64 if dtype == torch.float64 else torch.float32
            return NormForm(gamma.to(kept), beta.to(kept), centred)
    raise UndefinedHereError(_refusal(module, name))


def _run(module: nn.Module, rows: Tensor, dtype: torch.dtype) -> Tensor:
    with torch.no_grad():
        return module(rows.to(device_of(module), dtype)[None])[0].detach().to("cpu", torch.float64)


def _refusal(module: nn.Module, name: str) -> str:
    called = f"{type(module).__name__} {name}".strip()
    return f"{called} is neither a layer norm nor an RMS norm, so no part of the stream can be carried through it"
