"""The self-check says how well the model is reproduced, notices when it is not, and reports NaN."""

from __future__ import annotations

import pytest
import torch

from llmwidgets.capture import capture
from llmwidgets.capture.recorder import Recorder
from tests.architectures import REPLAYED, WITH_ATTENTION, build, prompt_ids


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_the_model_is_reproduced_in_every_layer(name: str) -> None:
    integrity = capture(build(name), prompt_ids()).integrity
    assert integrity.ok
    assert len(integrity.per_layer) == (4 if name == "gpt_neo" else 3)
    assert all(found is not None and found <= 1e-6 for found in integrity.per_layer)
    assert integrity.readout is not None and integrity.readout <= 1e-6
    assert integrity.sentence.startswith("reproduces the model to ")


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gptj"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_tolerances_follow_the_dtype(name: str, dtype: torch.dtype) -> None:
    integrity = capture(build(name, dtype), prompt_ids()).integrity
    assert integrity.ok, integrity
    assert integrity.tolerance_pattern == (1e-10 if dtype == torch.float64 else 2e-2)


def test_a_wrong_scale_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Recorder._record

    def wrong(self: Recorder, call: object) -> object:
        made = record(self, call)
        object.__setattr__(made, "scaling", made.scaling * 1.1)
        return made

    monkeypatch.setattr(Recorder, "_record", wrong)
    integrity = capture(build("gpt2"), prompt_ids()).integrity
    assert not integrity.ok
    assert integrity.sentence.startswith("does not reproduce the model: attention off by ")


@pytest.mark.parametrize("name", ["gpt2", "llama", "gpt_oss", *REPLAYED])
def test_nan_in_the_weights_is_nan_in_the_pattern_and_is_said(name: str) -> None:
    model = build(name)
    blocks = model.transformer.h if hasattr(model, "transformer") else model.model.layers
    with torch.no_grad():
        next(p for p in blocks[1].parameters()).fill_(float("nan"))
    run = capture(model, prompt_ids())
    assert not bool(run.pattern(0).isnan().any())
    pattern, allowed = run.pattern(1), run.allowed(1)
    assert bool(pattern[allowed].isnan().all())
    assert float(pattern[~allowed].abs().max()) == 0.0
    assert not run.integrity.ok
    assert run.integrity.sentence.startswith("the model computes NaN: attention, read-out, residual stream (attention of layer 1")
    assert bool(run.logits.isnan().all())
