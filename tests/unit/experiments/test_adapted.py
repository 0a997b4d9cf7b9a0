"""Modules wrapped around a matrix, as PEFT's adapters are, are changed as the one thing that they are."""

from __future__ import annotations

import pytest
import torch

from llmwidgets.capture import capture
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.sweep import sweep
from tests.architectures import build, prompt_ids


class Adapted(torch.nn.Module):
    """A linear layer with a low-rank branch beside it, wrapped as PEFT does."""

    def __init__(self, base: torch.nn.Linear) -> None:
        super().__init__()
        self.base_layer = base
        self.down = torch.nn.Linear(base.in_features, 2, bias=False)
        self.up = torch.nn.Linear(2, base.out_features, bias=False)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return self.base_layer(given) + 2 * self.up(self.down(given))


def test_an_adapted_output_projection_is_taken_whole() -> None:
    """Only the base layer's input would miss what the adapter makes of it: zeroing every head must be zeroing attention."""
    model = build("llama", torch.float64)
    for block in model.model.layers:
        block.self_attn.o_proj = Adapted(block.self_attn.o_proj).double()
    run = capture(model, prompt_ids(12))
    assert [block.output_projection for block in run.bench("a test").anatomy.blocks][1] == "model.layers.1.self_attn.o_proj"
    metric = Metric.proposed(run)
    changes = [Intervention(site, 1) for site in ("z", "attn_out")]
    every_head, attention = sorted(sweep(run, changes, metric), key=lambda outcome: outcome.index)
    assert every_head.after == pytest.approx(attention.after, abs=1e-9)
