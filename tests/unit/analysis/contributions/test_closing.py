"""Parts that do not add up are never given, and what is not finite is refused in words."""

from __future__ import annotations

import pytest
import torch

import llmwidgets as lw
from llmwidgets.analysis.contributions import decompose as decomposing
from llmwidgets.analysis.contributions import direct
from llmwidgets.analysis.contributions.decompose import decompose
from llmwidgets.analysis.contributions.direct import direct_logit_attribution
from llmwidgets.analysis.contributions.edges import edge_contribution
from llmwidgets.analysis.contributions.norm_weighted import norm_weighted_attention
from llmwidgets.analysis.contributions.rollout import rollout
from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import build
from tests.unit.analysis.contributions.runs import IDS, captured

METRIC = Metric(17, foil=101)


def test_a_decomposition_that_does_not_add_up_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    original = decomposing.embedded
    monkeypatch.setattr(decomposing, "embedded", lambda *given: {key: 0.9 * rows for key, rows in original(*given).items()})
    with pytest.raises(UndefinedHereError, match=r"do not add up to the final residual stream here \(off by .*so they are not given"):
        decompose(captured("gpt2"))


def test_shares_that_do_not_add_up_are_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    original = direct.before_cap
    monkeypatch.setattr(direct, "before_cap", lambda *given: original(*given) + 1.0)
    with pytest.raises(UndefinedHereError, match=r"do not add up to the model's logits here \(off by 1, where .*so they are not given"):
        direct_logit_attribution(captured("gpt2"), METRIC)


def test_a_model_that_writes_to_its_stream_between_blocks_is_refused_where_it_does() -> None:
    run = lw.capture(build("gpt2"), IDS)
    model = run.bench("a test").twin.module
    handle = model.transformer.h[1].register_forward_pre_hook(lambda module, args: (args[0] + 1.0, *args[1:]))
    try:
        with pytest.raises(UndefinedHereError, match=r"the residual stream of block 1 at position 11 is not the sum of what was added"):
            decompose(run)
    finally:
        handle.remove()


@pytest.mark.parametrize("broken", ["everything", "attention"])
@pytest.mark.parametrize("name", ["gpt2", "gemma2", "bert"])
def test_nan_is_refused_in_words(name: str, broken: str) -> None:
    model = build(name)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            if broken == "everything" or (("attn" in path or "attention" in path) and ".1." in path):
                weight.fill_(torch.nan)
    run = lw.capture(model, IDS)
    sentence = r"not finite \(NaN or infinite\), so it has no parts"
    for ask in (
        lambda: decompose(run),
        lambda: direct_logit_attribution(run, METRIC),
        lambda: edge_contribution(run, METRIC),
        lambda: norm_weighted_attention(run).read(layer=0, head=0, query=2),
    ):
        with pytest.raises(UndefinedHereError, match=sentence):
            ask()
    with pytest.raises(UndefinedHereError, match=r"the attention of layer \d is not a number"):
        rollout(run)


def test_a_final_norm_of_nan_leaves_the_stream_s_parts() -> None:
    model = build("gpt2")
    with torch.no_grad():
        model.transformer.ln_f.weight.fill_(torch.nan)
    run = lw.capture(model, IDS)
    assert decompose(run).attrs["closing_error"] < 1e-5
    with pytest.raises(UndefinedHereError, match="what this model makes of its final residual stream is not finite"):
        direct_logit_attribution(run, METRIC)


@pytest.mark.parametrize("given", [True, [0, True], 1.0, "all"])
def test_only_whole_numbers_are_positions_and_layers(given: object) -> None:
    run = captured("gpt2")
    asks = {
        "positions": lambda: decompose(run, given),
        "queries": lambda: rollout(run, queries=given),
        "layers": lambda: rollout(run, layers=given),
    }
    for name, ask in asks.items():
        with pytest.raises(TypeError, match=rf"{name}=.* came; expected None, a whole number, or several"):
            ask()
