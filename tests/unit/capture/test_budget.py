"""A capture has a memory budget: past it tensors go to temporary files, past the disk it says so before it starts."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from llmwidgets.capture import capture, record_run
from llmwidgets.models.errors import CaptureTooLargeError
from tests.architectures import build, prompt_ids


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gptj", "falcon"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_capture_on_disk_reads_as_one_in_memory(name: str, dtype: torch.dtype, folder: Path) -> None:
    model = build(name, dtype)
    in_memory, on_disk = capture(model, prompt_ids()), capture(model, prompt_ids(), max_bytes=1)
    assert len(list(folder.rglob("*"))) > 10
    for layer in range(3):
        assert torch.equal(on_disk.pattern(layer), in_memory.pattern(layer))
        for key in ("resid_pre", "resid_post", "attn_out", "mlp_out", "z", "mlp_post"):
            assert torch.equal(on_disk[key, layer], in_memory[key, layer])
    assert torch.equal(on_disk.logits, in_memory.logits)
    assert on_disk.integrity.ok


def test_the_files_go_away_with_the_capture(folder: Path) -> None:
    run = capture(build("gpt2"), prompt_ids(), max_bytes=1)
    assert any(folder.iterdir())
    del run
    gc.collect()
    assert not any(folder.iterdir())


def test_a_disk_that_is_too_small_is_noticed_before_the_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2000, 1000, 1000))
    started: list[object] = []
    with pytest.raises(CaptureTooLargeError, match=r"would weigh about .* budget is 0.0 MB .* Shorten the prompt, raise max_bytes="):
        capture(build("gpt2"), prompt_ids(), max_bytes=1, progress=lambda *said: started.append(said))
    assert started == []
    assert not any(folder.iterdir())


@pytest.mark.parametrize("name", ["gpt2", "llama", "gptj"])
def test_what_it_will_weigh_is_foretold_within_half(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    foretold: list[int] = []
    choose = record_run.choose_store
    monkeypatch.setattr(record_run, "choose_store", lambda expected, limit: foretold.append(expected) or choose(expected, limit))
    run = capture(build(name), prompt_ids(100))
    assert 0.5 * run.nbytes < foretold[0] < 2 * run.nbytes
