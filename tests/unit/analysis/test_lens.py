"""The logit lens reads what the model's own norm and head say, for just the rows that are asked."""

from __future__ import annotations

import gc
import re
import threading
import weakref
from functools import cache

import numpy as np
import pytest
import torch

from llmwidgets.analysis import logit_lens, next_token, residual_norm
from llmwidgets.capture import Capture, capture
from llmwidgets.fields import BlockRequest
from tests.architectures import VOCABULARY, build, prompt_ids
from tests.unit.analysis import reference

N = 12
IDS = prompt_ids(N).tolist()


@cache
def captured(name: str) -> Capture:
    return capture(build(name), IDS)


@cache
def rows(name: str) -> torch.Tensor:
    """ln p at each layer from -1 and position, (layer, position, vocab) float64, by the float64 model's own modules."""
    model = reference.double(name)
    kept: list[torch.Tensor] = []
    decoder = model.get_decoder() if name != "gpt2" else model.transformer
    blocks = decoder.h if name == "gpt2" else decoder.layers
    norm = decoder.ln_f if name == "gpt2" else decoder.norm
    blocks[0].register_forward_pre_hook(
        lambda module, args, kwargs: kept.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
    )
    for block in blocks:
        block.register_forward_hook(lambda module, args, out: kept.append(out[0] if isinstance(out, tuple) else out))
    with torch.no_grad():
        logits = model(torch.tensor([IDS])).logits[0]
        read = torch.stack([model.lm_head(norm(stream))[0] for stream in kept])
    cap = getattr(model.config, "final_logit_softcapping", None)
    read = torch.tanh(read / cap) * cap if cap else read
    assert torch.allclose(read[-1], logits.double(), atol=1e-5)
    return torch.log_softmax(read.double(), dim=-1)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_every_row_is_the_models_own_tail_on_the_residual_stream(name: str) -> None:
    lens, log_p = logit_lens(captured(name)), rows(name)
    p, log_q = log_p.exp(), log_p[-1]
    top = p.topk(5)
    assert lens.layer.values.tolist() == [-1, 0, 1, 2]
    assert lens.layer_label.values.tolist() == ["embed", "0", "1", "2"]
    assert np.allclose(lens.probability, top.values, atol=1e-5)
    assert np.allclose(p.gather(2, torch.as_tensor(lens.top_id.values)), top.values, atol=1e-5)
    assert np.allclose(lens.entropy, -(p * log_p).sum(-1), atol=1e-4)
    assert np.allclose(lens.kl, (p * (log_p - log_q)).sum(-1), atol=1e-4)


def test_the_last_layer_is_the_models_output() -> None:
    run = captured("gpt2")
    with torch.no_grad():
        p = build("gpt2")(torch.tensor([IDS])).logits[0].softmax(-1)
    lens = logit_lens(run, layers=2)
    assert np.allclose(lens.probability.squeeze("layer"), p.topk(5).values, atol=1e-6)
    assert np.array_equal(lens.kl, np.zeros((1, N)))


def test_a_target_has_its_probability_and_its_rank() -> None:
    p = rows("gpt2").exp()
    lens = logit_lens(captured("gpt2"), target="next")
    assert lens.target_rank.sel(position=N - 1).isnull().all()
    for position in range(N - 1):
        target = IDS[position + 1]
        assert np.allclose(lens.target_probability.sel(position=position), p[:, position, target], atol=1e-5)
        assert lens.target_rank.sel(position=position).values.tolist() == (1 + (p[:, position] > p[:, position, [target]]).sum(-1)).tolist()
    single = logit_lens(captured("gpt2"), positions=[3, -1], target=[8, 9])
    assert np.allclose(single.target_probability, torch.stack([p[:, 3, 8], p[:, N - 1, 9]], 1), atol=1e-5)


def test_more_tokens_than_are_kept_are_read_out_anew() -> None:
    lens = logit_lens(captured("gpt2"), k=VOCABULARY, positions=2)
    assert np.allclose(lens.probability.sum("rank"), 1, atol=1e-5)
    assert sorted(lens.top_id.sel(layer=0, position=2).values.tolist()) == list(range(VOCABULARY))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": 3}, "layer 3 does not exist; this run has -1 to 2"),
        ({"layers": -2}, "layer -2 does not exist"),
        ({"positions": [0, N]}, f"position {N} does not exist"),
        ({"positions": []}, "no position is asked for"),
        ({"k": 0}, "expected 1 to 200"),
        ({"target": "previous"}, 'expected "next", a token id'),
        ({"target": [1, 2]}, "2 targets came for 12 positions"),
        ({"target": VOCABULARY}, "this vocabulary has 0 to 199"),
    ],
)
def test_what_the_lens_cannot_give_is_refused(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        logit_lens(captured("gpt2"), **options)


def reading_counted(run: Capture, counts: list[int]) -> None:
    plain = run.read_out

    def counted(residual: torch.Tensor) -> torch.Tensor:
        counts.append(len(residual))
        return plain(residual)

    run.read_out = counted  # type: ignore[method-assign]


def test_a_block_reads_out_just_its_rows_and_each_once() -> None:
    run, counts = capture(build("gpt2"), IDS), []
    reading_counted(run, counts)
    field = run.field("logit_lens")
    field.block(BlockRequest("logit_lens", {"layer": range(-1, 3), "position": range(4, 8)}, texts=True))
    assert sum(counts) == 4 * 4
    run.field("lens_kl").block(BlockRequest("lens_kl", {"layer": range(-1, 3), "position": range(4, 8)}))
    field.cell(layer=1, position=5)
    run.field("next_token").cell(position=7, rank=0)
    assert sum(counts) == 4 * 4
    field.block(BlockRequest("logit_lens", {"layer": range(-1, 3), "position": range(6, 10)}))
    assert sum(counts) == 4 * 4 + 4 * 2


def test_threads_that_ask_for_the_same_rows_read_them_out_once() -> None:
    run, counts = capture(build("gpt2"), IDS), []
    reading_counted(run, counts)
    blocks = []
    request = BlockRequest("logit_lens", {"layer": range(-1, 3), "position": range(N)}, texts=True)
    threads = [threading.Thread(target=lambda: blocks.append(run.field("logit_lens").block(request))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 4 * N
    assert all(np.array_equal(block.values, blocks[0].values) for block in blocks)


def test_what_is_kept_for_a_run_does_not_keep_the_run() -> None:
    run = capture(build("gpt2"), IDS)
    for name in run.fields:
        field = run.field(name)
        field.cell(**{axis.coordinate: axis.start for axis in field.axes})
        field.meta()
    gone = weakref.ref(run)
    del run, field
    gc.collect()
    assert gone() is None


def test_a_cell_of_the_lens_tells_its_five_best_tokens_and_how_sure_it_is() -> None:
    run = captured("gpt2")
    cell, lens = run.field("logit_lens").cell(layer=-1, position=3), logit_lens(run).sel(layer=-1, position=3)
    assert cell["text"] == lens.top_token.values[0] == cell["detail"][0]["text"]
    assert [entry["value"] for entry in cell["detail"]] == [float(p) for p in lens.probability]
    assert cell["more"] == [
        {"label": "entropy", "value": float(lens.entropy), "unit": "nats"},
        {"label": "KL to the output", "value": float(lens.kl), "unit": "nats"},
    ]


def test_the_next_tokens_are_those_of_the_logits() -> None:
    run = captured("gpt2")
    with torch.no_grad():
        top = build("gpt2")(torch.tensor([IDS])).logits[0].softmax(-1).topk(10)
    found = next_token(run)
    assert found.top_id.values.tolist() == top.indices[-1].tolist()
    assert np.allclose(found.probability, top.values[-1], atol=1e-6)
    block = run.field("next_token").block(BlockRequest("next_token", {"position": N - 1, "rank": range(10)}, texts=True))
    assert block.texts.tolist() == run.token_text(top.indices[-1].tolist())
    assert np.allclose(block.values, top.values[-1], atol=1e-6)


@pytest.mark.parametrize("name", ["gpt2", "gemma2"])
def test_the_norm_is_that_of_the_hidden_states(name: str) -> None:
    found = residual_norm(captured(name))
    assert found.layer.values.tolist() == [-1, 0, 1, 2]
    model = reference.double(name)
    with torch.no_grad():
        hidden = model(torch.tensor([IDS]), output_hidden_states=True).hidden_states[:-1]  # the last one is behind the final norm
    expected = torch.stack([states[0].norm(dim=-1) for states in hidden])
    assert np.allclose(found.sel(layer=[-1, 0, 1]), expected, rtol=1e-5)
    read = captured(name).field("residual_norm").read(layer=[-1, 1], position=slice(2, 5))
    assert np.allclose(read, expected[[0, 2], 2:5], rtol=1e-5)


def test_nan_in_the_last_layer_is_shown_and_leaves_the_others() -> None:
    model = build("gpt2")
    with torch.no_grad():
        model.transformer.h[2].mlp.c_proj.bias[0] = float("nan")
    run = capture(model, IDS)
    block = run.field("lens_entropy").block(BlockRequest("lens_entropy", {"layer": range(-1, 3), "position": range(N)}))
    assert np.isnan(block.values[3]).all()
    assert np.isfinite(block.values[:3]).all()
    assert block.state is None
    assert run.field("lens_kl").cell(layer=0, position=0)["state"] == "nan"
