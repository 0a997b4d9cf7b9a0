"""A norm is found out by running it, and with its statistics frozen it is a linear map."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from llmwidgets.models.errors import UndefinedHereError
from llmwidgets.models.norms import norm_form


class OnePlus(nn.Module):
    """Gemma's way: the weight is stored as gamma - 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stored = nn.Parameter(torch.zeros(width, dtype=torch.float64))

    def forward(self, rows: Tensor) -> Tensor:
        return rows * torch.rsqrt(rows.pow(2).mean(-1, keepdim=True) + 1e-6) * (1 + self.stored)


class Strange(nn.Module):
    def forward(self, rows: Tensor) -> Tensor:
        return torch.tanh(rows)


def norm_of(kind: str, width: int, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    norm = {
        "layer": lambda: nn.LayerNorm(width, eps=0.3),
        "layer without bias": lambda: nn.LayerNorm(width, bias=False),
        "rms": lambda: nn.RMSNorm(width, eps=0.3),
        "one plus": lambda: OnePlus(width),
        "no weights": lambda: nn.LayerNorm(width, elementwise_affine=False),
    }[kind]().double()
    for parameter in norm.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return norm


KINDS = st.sampled_from(["layer", "layer without bias", "rms", "one plus", "no weights"])
CASES = {"kind": KINDS, "width": st.integers(3, 40), "seed": st.integers(0, 1000)}


@settings(max_examples=40, deadline=None)
@given(**CASES)
def test_the_frozen_norm_of_the_whole_is_the_norm(kind: str, width: int, seed: int) -> None:
    norm = norm_of(kind, width, seed)
    rows = 5 * torch.randn(4, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 2
    with torch.no_grad():
        gave = norm(rows)
    form = norm_form(norm, width, torch.float64)
    torch.testing.assert_close(form.frozen(rows, gave).apply(rows) + form.beta, gave, rtol=1e-9, atol=1e-9)
    assert form.centred is ("layer" in kind or kind == "no weights")


@settings(max_examples=40, deadline=None)
@given(**CASES)
def test_the_frozen_norm_is_linear_and_pulling_back_is_its_adjoint(kind: str, width: int, seed: int) -> None:
    norm = norm_of(kind, width, seed)
    a, b, direction = torch.randn(3, 2, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    with torch.no_grad():
        frozen = norm_form(norm, width, torch.float64).frozen(a + b, norm(a + b))
    torch.testing.assert_close(frozen.apply(2 * a + b), 2 * frozen.apply(a) + frozen.apply(b), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close((frozen.apply(a) * direction).sum(-1), (a * frozen.pull_back(direction)).sum(-1), rtol=1e-9, atol=1e-9)


def test_the_scale_is_the_norm_s_own_whatever_its_epsilon() -> None:
    norm = nn.LayerNorm(6, eps=0.5).double()
    rows = torch.tensor([[1.0, 2, 3, 4, 5, 9], [0.1, 0, 0, 0, 0, 0.2]], dtype=torch.float64)
    form = norm_form(norm, 6, torch.float64)
    part = torch.tensor([1.0, 0, 0, 0, 0, 0], dtype=torch.float64)
    expected = (part - part.mean()) / (rows.var(-1, unbiased=False) + 0.5).sqrt()[:, None]
    torch.testing.assert_close(form.frozen(rows, norm(rows).detach()).apply(part.expand(2, 6)), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_norm_in_lower_precision_is_found_out_too(dtype: torch.dtype) -> None:
    form = norm_form(nn.RMSNorm(16, eps=1e-5).to(dtype), 16, dtype)
    assert not form.centred
    torch.testing.assert_close(form.gamma, torch.ones(16), rtol=1e-2, atol=1e-2)


def test_some_positions_of_a_frozen_norm_are_its_map_there() -> None:
    norm = norm_of("rms", 8, 1)
    rows = torch.randn(5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    frozen = norm_form(norm, 8, torch.float64).frozen(rows, norm(rows).detach())
    torch.testing.assert_close(frozen.at(torch.tensor([3, 1])).apply(rows[[3, 1]]), frozen.apply(rows)[[3, 1]])


def test_what_is_no_norm_is_refused_by_name() -> None:
    with pytest.raises(
        UndefinedHereError, match=r"Strange blocks\.0\.squash is neither a layer norm nor an RMS norm, so no part of the stream"
    ):
        norm_form(Strange(), 8, torch.float64, "blocks.0.squash")
