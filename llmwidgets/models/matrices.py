"""A module as the matrix that it is: weight and bias, for taking its output apart by its inputs.

Always true: `row @ weight + bias` is what the module gives for a row. Plain `nn.Linear` and `Conv1D` are read; anything else (quantised,
adapted, offloaded) is asked, by pushing the identity through it. Whether a module is linear at all is for the caller to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llmwidgets.models.inputs import device_of

_ROWS_AT_ONCE = 512
_NUMBERS_AT_ONCE = 1 << 23  # of a weight that is widened piece by piece


@dataclass(frozen=True, eq=False)
class Matrix:
    """An affine map of row vectors, on the CPU, float32 (float64 for a float64 module). Not to be written to: it may be the model's."""

    weight: Tensor  # (in, out)
    bias: Tensor | None  # (out,)

    def __call__(self, rows: Tensor) -> Tensor:
        """The map of rows (..., in): (..., out)."""
        mapped = rows.to(self.weight.dtype) @ self.weight
        return mapped if self.bias is None else mapped + self.bias

    @property
    def offset(self) -> Tensor:
        """The bias (out,), zeros without one."""
        return torch.zeros_like(self.weight[0]) if self.bias is None else self.bias


def matrix_of(module: nn.Module, width: int, dtype: torch.dtype, keep: Callable[[Tensor], Tensor] | None = None) -> Matrix:
    """Return the matrix of `module`, which takes rows of `width` numbers of `dtype`.

    keep: what is wanted of the outputs, a linear map (rows, out) to (rows, k), such as one token's column of an unembedding; it is applied
    to a few rows at a time, so that the whole is never copied.

    >>> layer = nn.Linear(3, 2)
    >>> matrix = matrix_of(layer, 3, torch.float32, keep=lambda outputs: outputs[:, [1]])
    >>> matrix.weight.shape, bool(torch.equal(matrix.weight[:, 0], layer.weight[1]))
    (torch.Size([3, 1]), True)
    """
    with torch.no_grad():
        read = _read(module)
        if keep is None and read is not None:
            weight, bias = read
            return Matrix(_widened(weight), None if bias is None or not bool(bias.any()) else _widened(bias))  # shared where it can be
        keep = keep or (lambda outputs: outputs)
        if read is None:
            offset = _asked(module, torch.zeros(1, width), dtype)  # (1, out)
            rows = (piece - offset for piece in _identity_pushed(module, width, dtype))
        else:
            weight, bias = read
            offset = None if bias is None else _widened(bias[None])
            rows = (_widened(piece) for piece in weight.split(max(1, _NUMBERS_AT_ONCE // weight.shape[1])))
        kept = torch.cat([keep(piece) for piece in rows])
        bias_kept = None if offset is None or not bool(offset.any()) else keep(offset)[0]
    return Matrix(kept, bias_kept)


def _read(module: nn.Module) -> tuple[Tensor, Tensor | None] | None:
    """Weight (in, out) and bias where the module is nothing but them."""
    if module._forward_hooks or module._forward_pre_hooks or "forward" in module.__dict__:
        return None  # something else takes part in what it gives
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or not weight.is_floating_point() or weight.device.type == "meta":
        return None
    if type(module) is nn.Linear:
        return weight.t(), module.bias
    if type(module).__name__ == "Conv1D" and type(module).__module__.startswith("transformers."):
        return weight, getattr(module, "bias", None)
    return None


def _identity_pushed(module: nn.Module, width: int, dtype: torch.dtype) -> Iterator[Tensor]:
    for start in range(0, width, _ROWS_AT_ONCE):
        rows = torch.zeros(min(_ROWS_AT_ONCE, width - start), width)
        rows[:, start:].fill_diagonal_(1.0)
        yield _asked(module, rows, dtype)


def _asked(module: nn.Module, rows: Tensor, dtype: torch.dtype) -> Tensor:
    return _widened(module(rows.to(device_of(module), dtype)[None])[0])  # with a batch dimension: some kernels take no other


def _widened(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float64 if tensor.dtype == torch.float64 else torch.float32)
