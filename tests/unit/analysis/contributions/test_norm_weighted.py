"""Norm-weighted attention is the length of what a look moved."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llmwidgets.analysis.contributions.norm_weighted import norm_weighted_attention
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import CAUSES
from tests.unit.analysis.contributions.runs import N, captured, model

pytestmark = pytest.mark.usefixtures("floats_stay_double")

PROJECTION = {
    "gpt2": "transformer.h.1.attn.c_proj", "gpt_neox": "gpt_neox.layers.1.attention.dense",
    "bert": "bert.encoder.layer.1.attention.output.dense",
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_a_cell_is_the_length_of_attention_times_value_through_the_output_weights(name: str) -> None:
    run = captured(name)
    weight = model(name).get_submodule(PROJECTION.get(name, "model.layers.1.self_attn.o_proj")).weight.detach()
    weight = (weight if name == "gpt2" else weight.T).reshape(4, -1, 64)
    values = run["v", 1].repeat_interleave(4 // run["v", 1].shape[0], 0)
    moved = torch.einsum("hts,hsv,hvd->htsd", run.pattern(1), values, weight)
    expected = moved.norm(dim=-1).masked_fill(~run.allowed(1), torch.nan)
    cells = norm_weighted_attention(run).reader({"layer": range(1, 2), "head": range(4), "query": range(N), "key": range(N)})
    np.testing.assert_allclose(cells.values[0], expected, atol=1e-10)


def test_the_field_says_what_it_is_and_what_it_is_not() -> None:
    field = norm_weighted_attention(captured("gpt2"))
    assert field.caveat == "Shares of size, not of cause."
    assert (field.evidence, field.scale.kind) == ("attribution", "sequential")
    assert "2004.10102" in field.method


def test_a_head_that_a_layer_lacks_is_absent() -> None:
    field = norm_weighted_attention(captured("lfm2"))
    assert field.cell(layer=2, head=1, query=3, key=2)["state"] == "absent"
    assert field.cell(layer=1, head=1, query=3, key=4)["state"] == "masked"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("bloom", "does not use the attention interface, so its values are not seen"), ("mamba", "no block .* has attention")],
)
def test_attention_that_does_not_show_its_values_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(UndefinedHereError, match=sentence):
        norm_weighted_attention(captured(name))
