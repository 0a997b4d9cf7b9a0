"""A projection that is wrapped (LoRA) is one matrix: attention is divided by what the whole of it does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import llmwidgets as lw
from llmwidgets.analysis.contributions.decompose import decompose
from llmwidgets.analysis.contributions.direct import direct_logit_attribution
from llmwidgets.analysis.contributions.edges import edge_contribution
from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import build
from tests.unit.analysis.contributions.runs import IDS, N

pytestmark = pytest.mark.usefixtures("floats_stay_double")

METRIC = Metric(17, foil=101)


class Adapted(nn.Module):
    """A layer and a low-rank addition to it, as PEFT puts them together."""

    def __init__(self, base_layer: nn.Module, n_in: int, n_out: int) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.lora_A = nn.Linear(n_in, 3, bias=False, dtype=torch.float64)
        self.lora_B = nn.Linear(3, n_out, bias=False, dtype=torch.float64)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.base_layer(rows) + 2.0 * self.lora_B(self.lora_A(rows))


def adapted(name: str) -> lw.Capture:
    torch.manual_seed(0)
    model = build(name, torch.float64)
    paths = ("attn.c_proj", "mlp.c_proj") if name == "gpt2" else ("self_attn.o_proj", "mlp.down_proj")
    for block in model.transformer.h if name == "gpt2" else model.model.layers:
        for path in paths:
            base = block.get_submodule(path)
            sizes = base.weight.shape if name == "gpt2" else base.weight.shape[::-1]
            block.set_submodule(path, Adapted(base, *sizes))
    return lw.capture(model, IDS)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_a_head_writes_through_the_adapter_too(name: str) -> None:
    run = adapted(name)
    assert run.bench("a test").anatomy.blocks[1].output_projection.rpartition(".")[2] in ("c_proj", "o_proj")
    parts = decompose(run, range(N))
    np.testing.assert_allclose(parts.sum("part"), run["resid_post", -1], rtol=1e-9, atol=1e-9)
    kinds = set(parts.kind.values.tolist())
    assert "head" in kinds and "attention" not in kinds
    if name == "llama":
        own = run.subject.model.model.layers[1].self_attn.o_proj
        only = torch.zeros(N, 4, 16, dtype=torch.float64)
        only[:, 2] = run["z", 1][2]
        np.testing.assert_allclose(parts.sel(part="head 1.2"), own(only.flatten(1)).detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("by", ["layer", "head", "position"])
@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_shares_through_adapters_sum_to_the_logits(name: str, by: str) -> None:
    run = adapted(name)
    shares = direct_logit_attribution(run, METRIC, by=by)
    assert shares.attrs["closing_error"] < 1e-7
    assert "mixer" not in shares
    if by == "head":
        row = edge_contribution(run, METRIC).read(layer=1, head=1, query=N - 1)
        assert float(row.sum()) == pytest.approx(float(shares.heads[1, 1]), abs=1e-7)


def test_the_neurons_of_an_adapted_mlp_are_refused_in_words() -> None:
    with pytest.raises(UndefinedHereError, match="no MLP of this model is seen to be one matrix of neurons"):
        direct_logit_attribution(adapted("llama"), METRIC, by="neuron")
