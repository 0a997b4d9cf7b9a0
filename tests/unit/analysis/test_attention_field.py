"""The attention field holds the model's own weights, in every form that a view asks for, within bounds on time and memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from functools import cache

import numpy as np
import pytest
import torch

from llmwidgets.analysis.looks import looks_of
from llmwidgets.capture import Capture, capture
from llmwidgets.capture.mask import Mask
from llmwidgets.fields import ABSENT, MASKED, VALUE, BlockRequest, pool
from tests.architectures import build, prompt_ids
from tests.unit.analysis import reference

N = 40


@cache
def captured(name: str) -> Capture:
    return capture(build(name), prompt_ids(N))


def expected(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Weights (float64, NaN where masked) and states of every layer and head, from the eager model."""
    model = reference.double(name)
    weights = torch.stack(reference.eager_patterns(model, prompt_ids(N).tolist())).numpy()
    allowed = np.array([[[reference.may_look(model, layer, q, k) for k in range(N)] for q in range(N)] for layer in range(len(weights))])
    state = np.broadcast_to(np.where(allowed, VALUE, MASKED).astype(np.uint8)[:, None], weights.shape)
    return np.where(state == VALUE, weights, np.nan), state


@pytest.mark.parametrize("factor", [1, 3, 8])
@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gpt_oss", "gptj"])
def test_thumbnails_of_every_head_are_the_pooled_eager_weights(name: str, factor: int) -> None:
    run = captured(name)
    index = {"layer": range(3), "head": range(4), "query": range(N), "key": range(N)}
    block = run.field("attention").block(BlockRequest("attention", index, pool={"query": factor, "key": factor} if factor > 1 else {}))
    values, state = pool(*expected(name), (1, 1, factor, factor))
    assert np.allclose(block.values, values, atol=1e-5, equal_nan=True)
    assert np.array_equal(block.state, state)


@pytest.mark.parametrize("name", ["gpt2", "gemma2"])
@pytest.mark.parametrize(
    "index",
    [
        {"layer": 1, "head": 2, "query": N - 1, "key": range(N)},
        {"layer": 1, "head": 2, "query": range(N), "key": 0},
        {"layer": 2, "head": (3, 0), "query": range(5, 17), "key": range(9, 30)},
        {"layer": (2, 0), "head": 1, "query": (30, 2, 2), "key": (7, 39, 0)},
        {"layer": 0, "head": 0, "query": range(4), "key": range(20, 40)},  # a tile that no query of it may look at
    ],
)
def test_any_part_of_the_field_is_the_same_part_of_the_eager_weights(name: str, index: dict) -> None:
    block = captured(name).field("attention").block(BlockRequest("attention", index))
    at = np.ix_(*(np.atleast_1d(np.asarray(places)) for places in index.values()))
    values, state = (part[at].reshape(block.values.shape) for part in expected(name))
    assert np.allclose(block.values, values, atol=1e-5, equal_nan=True)
    assert np.array_equal(np.zeros(state.shape) if block.state is None else block.state, state)


def test_a_read_row_sums_to_one_over_the_keys_it_may_look_at() -> None:
    row = captured("gpt2").field("attention").read(layer=2, head=1)
    assert row.dims == ("query", "key")
    assert np.allclose(row.sum("key"), 1, atol=1e-5)
    assert row.key_token.values.tolist() == captured("gpt2").tokens


def test_a_head_that_a_layer_lacks_is_absent() -> None:
    run = capture(build("lfm2"), prompt_ids(N))
    block = run.field("attention").block(BlockRequest("attention", {"layer": range(3), "head": 0, "query": 5, "key": range(N)}))
    assert (block.state[[0, 2]] == ABSENT).all()
    assert block.state[1].tolist() == [VALUE] * 6 + [MASKED] * (N - 6)


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gptj", "gpt_neo"])
def test_what_is_kept_of_a_mask_says_the_same_as_the_capture(name: str) -> None:
    run = captured(name)
    for layer in range(run.n_layers):
        for head in range(run.n_heads):
            state = looks_of(run, layer, head).state(range(N), range(N))
            assert np.array_equal(state == VALUE, run.allowed(layer, head).numpy())


def test_a_broken_mask_is_kept_bit_by_bit() -> None:
    class Holed:
        """A run whose second head may not look at every third key."""

        n_tokens, heads_per_layer = N, (2,)

        def mask(self, layer: int) -> Mask:
            return Mask(N, causal=False, explicit=torch.stack([self.allowed(0, head, slice(None)) for head in (0, 1)]))

        def allowed(self, layer: int, head: int, queries: slice) -> torch.Tensor:
            rows = torch.arange(N)[queries, None]
            keys = torch.arange(N)[None]
            return (keys <= rows) & ((keys % 3 != 1) | (head == 0))

    run = Holed()
    for head in (0, 1):
        looks = looks_of(run, 0, head)
        allowed = run.allowed(0, head, slice(None)).numpy()
        assert np.array_equal(looks.state(range(N), range(N)) == VALUE, allowed)
        assert np.array_equal(looks.state((3, 30), range(2, 20)) == VALUE, allowed[[3, 30], 2:20])
        assert np.array_equal(looks.count, allowed.sum(axis=1))


def test_thumbnails_never_hold_a_whole_pattern_of_more_than_a_band() -> None:
    tokens, heads = 1024, 4
    run = capture(build("gpt2", n_positions=tokens, n_layer=1), prompt_ids(tokens))
    field = run.field("attention")
    request = BlockRequest(
        "attention", {"layer": 0, "head": range(heads), "query": range(tokens), "key": range(tokens)}, pool={"query": 64, "key": 64}
    )
    field.block(request)
    tracemalloc.start()  # sees NumPy's arrays: those of the band and of the answer
    field.block(request)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < tokens * tokens * 4


def test_naming_the_fields_loads_neither_torch_nor_xarray() -> None:
    code = "import sys, llmwidgets.analysis; print({'torch', 'xarray', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
