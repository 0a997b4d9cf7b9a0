"""A module is the matrix that it is, whether its weights can be read or must be asked for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmwidgets.models.matrices import matrix_of


class Opaque(nn.Module):
    """A linear layer as quantised or adapted ones are: what it computes cannot be read from a `weight`."""

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.inner = inner
        self.calls: list[int] = []

    def forward(self, rows: Tensor) -> Tensor:
        self.calls.append(rows.shape[-2])
        return 2 * self.inner(rows)


def seeded(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(3)
    for parameter in module.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    return module.double()


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_is_its_transposed_weight(bias: bool) -> None:
    layer = seeded(nn.Linear(5, 3, bias=bias))
    matrix = matrix_of(layer, 5, torch.float64)
    assert torch.equal(matrix.weight, layer.weight.T)
    rows = torch.arange(10, dtype=torch.float64).reshape(2, 5)
    torch.testing.assert_close(matrix(rows), layer(rows))
    assert (matrix.bias is None) is not bias
    assert matrix.offset.shape == (3,)


def test_gpt2_s_conv1d_is_its_weight() -> None:
    layer = seeded(Conv1D(3, 5))
    matrix = matrix_of(layer, 5, torch.float64)
    assert torch.equal(matrix.weight, layer.weight)
    torch.testing.assert_close(matrix(torch.eye(5, dtype=torch.float64)), layer(torch.eye(5, dtype=torch.float64)))


def test_what_cannot_be_read_is_asked_a_few_rows_at_a_time() -> None:
    layer = Opaque(seeded(nn.Linear(1100, 4)))
    matrix = matrix_of(layer, 1100, torch.float64)
    torch.testing.assert_close(matrix.weight, 2 * layer.inner.weight.T)
    torch.testing.assert_close(matrix.bias, 2 * layer.inner.bias)
    assert max(layer.calls) <= 512


def test_a_layer_whose_output_a_hook_changes_is_asked() -> None:
    layer = seeded(nn.Linear(5, 3))
    layer.register_forward_hook(lambda module, args, output: 3 * output)
    matrix = matrix_of(layer, 5, torch.float64)
    torch.testing.assert_close(matrix.weight, 3 * layer.weight.T)
    torch.testing.assert_close(matrix.bias, 3 * layer.bias)


@pytest.mark.parametrize("opaque", [True, False])
def test_only_what_is_kept_of_the_outputs_is_given(opaque: bool) -> None:
    layer = seeded(nn.Linear(700, 6))
    matrix = matrix_of(Opaque(layer) if opaque else layer, 700, torch.float64, keep=lambda out: out[:, [4]] - out.mean(-1, keepdim=True))
    factor = 2 if opaque else 1
    torch.testing.assert_close(matrix.weight[:, 0], factor * (layer.weight[4] - layer.weight.mean(0)))
    torch.testing.assert_close(matrix.bias, factor * (layer.bias[4] - layer.bias.mean())[None])


def test_half_precision_comes_as_float32() -> None:
    layer = nn.Linear(5, 3).to(torch.bfloat16)
    matrix = matrix_of(layer, 5, torch.bfloat16)
    assert matrix.weight.dtype == matrix.bias.dtype == torch.float32
    assert torch.equal(matrix.weight, layer.weight.T.float())
