"""An analysis says what it expects when something that is no Capture comes."""

from __future__ import annotations

import pytest
from transformers import BertConfig, BertForMaskedLM

import llmwidgets as lw
from tests.architectures import build, prompt_ids

ANALYSES = ("attention_entropy", "attention_shares", "attention_to_first", "logit_lens", "next_token", "residual_norm")


@pytest.mark.parametrize("name", ANALYSES)
def test_a_model_or_a_view_in_place_of_a_capture_is_refused_with_the_way_out(name: str) -> None:
    analysis = getattr(lw, name)
    with pytest.raises(TypeError, match=r"GPT2LMHeadModel came; make one with lw\.capture"):
        analysis(build("gpt2"))
    view = lw.HeadView(lw.capture(build("gpt2"), prompt_ids(4)))
    with pytest.raises(TypeError, match=r"view HeadView came; give its \.capture"):
        analysis(view)
    view.close()


def test_a_masked_language_model_has_a_lens_but_no_next_token() -> None:
    config = BertConfig(vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    run = lw.capture(BertForMaskedLM(config).eval(), [3, 4, 5, 6])
    assert "logit_lens" in run.fields and "next_token" not in run.fields
    assert "next_token" in lw.capture(build("gpt2"), prompt_ids(4)).fields
