"""A run with a twin of its own: the same numbers, and nobody who reads the one waits for the other."""

from __future__ import annotations

import threading

import pytest
import torch

import llmwidgets as lw
from llmwidgets.models.errors import DetachedError, ModelChangedError
from tests.architectures import build, prompt_ids


def test_it_holds_what_the_run_holds_and_computes_the_same():
    run = lw.capture(build("gpt2"), prompt_ids(10))
    own = run.apart()
    assert own.fingerprint == run.fingerprint and own.subject.model is run.subject.model
    assert torch.equal(own["z", 1], run["z", 1]) and torch.equal(own.logits, run.logits)
    assert own.nbytes == run.nbytes, "nothing is kept twice"


def test_the_one_can_be_read_while_the_other_is_held():
    run = lw.capture(build("llama"), prompt_ids(10))
    read = []
    with run.apart().bench("a pass").twin.ready():
        thread = threading.Thread(target=lambda: read.append(run.logits))
        thread.start()
        thread.join(30)
    assert len(read) == 1


def test_a_changed_run_is_read_with_its_change():
    run = lw.capture(build("gptj"), prompt_ids(10))  # its attention is run again when it is read
    changed = lw.intervene(run, lw.Intervention("z", 0, 1))
    assert torch.equal(changed.apart().pattern(2, 0), changed.pattern(2, 0))
    assert changed.apart().change == changed.change


def test_it_needs_the_model_as_it_was_captured():
    run = lw.capture(build("gpt2"), prompt_ids(10))
    own = run.apart()
    with torch.no_grad():
        run.subject.model.transformer.h[0].mlp.c_fc.weight.add_(1.0)
    with pytest.raises(ModelChangedError):
        own.read_out(own["resid_post", 0])
    with pytest.raises(DetachedError, match="an experiment needs the model"):
        run.detach().apart()
