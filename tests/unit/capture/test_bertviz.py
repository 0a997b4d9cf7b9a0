"""BertViz draws what a capture gives it, and is told first what that weighs."""

from __future__ import annotations

import json
import re

import pytest
import torch
from bertviz import head_view

from llmwidgets.capture import bertviz, capture
from llmwidgets.models.errors import AttentionUnavailableError
from tests.architectures import build, prompt_ids


def test_bertviz_draws_the_capture() -> None:
    run = capture(build("gpt2"), prompt_ids(8))
    page = head_view(**run.to_bertviz(), html_action="return").data
    drawn = json.loads(re.search(r"const params = ({.*?}); // HACK", page, re.S)[1])["attention"][0]
    assert drawn["left_text"] == run.tokens
    torch.testing.assert_close(torch.tensor(drawn["attn"][2][3]), run.pattern(2, 3), rtol=0, atol=1e-6)


def test_blocks_without_attention_are_left_out() -> None:
    attention = capture(build("lfm2"), prompt_ids(8)).to_bertviz()["attention"]
    assert [tuple(layer.shape) for layer in attention] == [(1, 4, 8, 8)]


def test_a_model_without_attention_has_nothing_for_it_to_draw() -> None:
    with pytest.raises(AttentionUnavailableError, match="nothing to draw"):
        capture(build("mamba"), prompt_ids(8)).to_bertviz()


def test_its_weight_is_known_before_and_refused_over_a_limit() -> None:
    run = capture(build("gpt2"), prompt_ids(24))
    assert run.bertviz_nbytes == sum(layer.numel() * 4 for layer in run.to_bertviz()["attention"])
    with pytest.raises(MemoryError, match=r"weighs 0.0 MB, more than max_bytes=0.0 MB"):
        run.to_bertviz(max_bytes=1000)


def test_a_heavy_one_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bertviz, "_WORTH_SAYING", 1000)
    with pytest.warns(UserWarning, match=r"building 0.0 MB of attention patterns for BertViz"):
        capture(build("gpt2"), prompt_ids(24)).to_bertviz()
