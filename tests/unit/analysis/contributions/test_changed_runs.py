"""Of a changed run, what was changed is taken apart: parts sum to its own stream and logits, and what was zeroed has no share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import llmwidgets as lw
from llmwidgets.analysis.contributions.decompose import decompose
from llmwidgets.analysis.contributions.direct import direct_logit_attribution
from llmwidgets.analysis.contributions.edges import edge_contribution
from llmwidgets.analysis.contributions.norm_weighted import norm_weighted_attention
from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import CAUSES
from tests.unit.analysis.contributions.runs import CAUSAL, N, captured

pytestmark = pytest.mark.usefixtures("floats_stay_double")

METRIC = Metric(17, foil=101)
CHANGES = {
    "heads": lw.Intervention("z", layer=1, head=[0, 2]),
    "looks": lw.Intervention("scores", layer=1, head=1, position=-1, key=[2, 3]),
    "a query": lw.Intervention("q", layer=2, position=-1, head=1),
    "values": lw.Intervention("v", layer=0, position=[1, 4]),
    "a pattern": lw.Intervention("pattern", layer=1, head=3, position=-1),
    "neurons": lw.Intervention("mlp_post", layer=0, neuron=[1, 5]),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("name", CAUSES)
def test_the_parts_sum_to_the_changed_stream(name: str, what: str) -> None:
    changed = lw.intervene(captured(name), CHANGES[what])
    stream = changed["resid_post", -1]
    assert not torch.allclose(stream, captured(name)["resid_post", -1])
    parts = decompose(changed, [0, 3, -1])
    np.testing.assert_allclose(parts.sum("part"), stream[[0, 3, N - 1]], rtol=1e-9, atol=1e-9)
    assert parts.attrs["closing_error"] < 1e-12


@pytest.mark.parametrize("name", CAUSES)
def test_a_head_that_was_set_to_zero_wrote_nothing(name: str) -> None:
    parts = decompose(lw.intervene(captured(name), CHANGES["heads"]), [2, -1])
    assert float(np.abs(parts.sel(part=["head 1.0", "head 1.2"])).max()) == 0.0
    assert float(np.abs(parts.sel(part=["head 1.1", "head 1.3"])).max()) > 0.0


@pytest.mark.parametrize("by", ["layer", "head", "position", "neuron"])
@pytest.mark.parametrize("name", CAUSAL)
def test_the_shares_sum_to_the_changed_logits(name: str, by: str) -> None:
    run = captured(name)
    changed = lw.intervene(run, CHANGES["looks"] + CHANGES["values"] + CHANGES["neurons"])
    shares = direct_logit_attribution(changed, METRIC, by=by)
    assert shares.attrs["closing_error"] < 1e-9
    if not shares.attrs["before_cap"]:
        logits = changed.logits[-1]
        assert float(shares.total) == pytest.approx(float(logits[17] - logits[101]), abs=1e-9)


@pytest.mark.parametrize("name", CAUSAL)
def test_an_mlp_that_was_set_to_zero_has_no_share(name: str) -> None:
    shares = direct_logit_attribution(lw.intervene(captured(name), lw.Intervention("mlp_out", layer=1)), METRIC)
    assert float(shares.mlp[1]) == pytest.approx(0.0, abs=1e-12)
    assert float(shares.mlp[2]) != 0.0


def test_what_attention_adds_is_whole_where_it_was_replaced_as_a_whole() -> None:
    run = captured("llama")
    changed = lw.intervene(run, lw.Intervention("resid_mid", layer=1, position=-1))
    shares = direct_logit_attribution(changed, METRIC)
    assert bool(np.isnan(shares.heads[1]).all())
    assert float(shares.mixer[1]) != 0.0


@pytest.mark.parametrize("site", ["resid_pre", "resid_post"])
@pytest.mark.parametrize("name", CAUSAL)
def test_an_overwritten_stream_is_not_taken_apart_where_it_was_overwritten(name: str, site: str) -> None:
    run = captured(name)
    changed = lw.intervene(run, lw.Intervention(site, layer=1, position=5))
    assert changed.integrity.ok
    for ask in (lambda: decompose(changed, 5), lambda: direct_logit_attribution(changed, Metric(17, foil=101, position=5))):
        with pytest.raises(UndefinedHereError, match=r"at position 5 is not the sum of what was added.*this run is a changed one"):
            ask()
    with pytest.raises(UndefinedHereError, match="this run is a changed one"):
        edge_contribution(changed, METRIC).read(layer=0, head=1, query=5)
    assert decompose(changed, -1).attrs["closing_error"] < 1e-12
    assert direct_logit_attribution(changed, METRIC).attrs["closing_error"] < 1e-9


def test_a_stream_of_zeros_is_not_called_infinite() -> None:
    changed = lw.intervene(captured("mamba"), lw.Intervention("resid_pre", layer=1))
    assert float(changed["resid_post", 1].abs().max()) == 0.0
    with pytest.raises(UndefinedHereError, match=r"block 1 at position 11 is not the sum of what was added.*changed one"):
        decompose(changed)


@pytest.mark.parametrize("kept_bytes", [64 << 20, 0])
def test_a_look_s_share_is_of_the_changed_run(monkeypatch: pytest.MonkeyPatch, kept_bytes: int) -> None:
    monkeypatch.setattr("llmwidgets.analysis.contributions.terms.KEPT_BYTES", kept_bytes)
    changed = lw.intervene(captured("gemma2"), CHANGES["looks"] + CHANGES["values"])
    shares = direct_logit_attribution(changed, METRIC)
    row = edge_contribution(changed, METRIC).read(layer=1, head=1, query=N - 1)
    assert float(row.sum()) == pytest.approx(float(shares.heads[1, 1]), abs=1e-7)
    assert bool(np.isnan(row[[2, 3]]).all())  # cut, so masked


@pytest.mark.parametrize(("what", "replaced", "other"), [("heads", 2, 1), ("a pattern", 3, 1)])
def test_looks_are_not_weighed_where_a_head_s_output_is_not_their_sum(what: str, replaced: int, other: int) -> None:
    changed = lw.intervene(captured("gpt2"), CHANGES[what])
    for field in (norm_weighted_attention(changed), edge_contribution(changed, METRIC)):
        with pytest.raises(UndefinedHereError, match="in layer 1 this run's change put something else in the place of its heads' outputs"):
            field.read(layer=1, head=replaced, query=3)
        assert np.isfinite(field.read(layer=1, head=other, query=3)).any()
        assert np.isfinite(field.read(layer=0, head=replaced, query=3)).any()


def test_the_unchanged_run_may_have_let_go_of_its_model() -> None:
    run = lw.capture(captured("gpt2").subject.model, captured("gpt2").token_ids)
    changed = lw.intervene(run, CHANGES["heads"])
    run.detach()
    assert decompose(changed).attrs["closing_error"] < 1e-12


def test_the_size_of_a_look_is_of_the_changed_values() -> None:
    changed = lw.intervene(captured("llama"), CHANGES["values"])
    sizes = norm_weighted_attention(changed).read(layer=0, head=1, query=N - 1)
    weight = captured("llama").subject.model.model.layers[0].self_attn.o_proj.weight.detach()[:, 16:32]
    expected = changed.pattern(0, 1, queries=-1) * (changed["v", 0][0] @ weight.T).norm(dim=-1)
    np.testing.assert_allclose(sizes, expected, rtol=1e-6, atol=1e-9)
    assert float(sizes[1]) == float(sizes[4]) == 0.0
