"""Knocking out: the looks asked for and no others are forbidden, one by one or together, and what moved stands beside the effect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from llmwidgets.analysis.effects.knockout import knock_out
from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import CaptureStopped, UndefinedHereError
from tests.architectures import CAUSES, prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import HEADS, N

IDS = prompt_ids(N)
METRIC = Metric(10, 20)
ALL = range(HEADS)
pytestmark = pytest.mark.usefixtures("floats_stay_double")


@cache
def run_of(name: str) -> Capture:
    return capture(plain.model(name), IDS)


def without(name: str, looks: Sequence[tuple[int, int]], layers: Sequence[int] = (0, 1, 2), heads: Sequence[int] = ALL) -> float:
    """The logit difference of the eager model with masks made by hand that forbid these (query, key)."""
    cut = torch.zeros(HEADS, N, N, dtype=torch.bool)
    for query, key in looks:
        cut[list(heads), query, key] = True
    logits: Tensor = plain.logits_without_looks(name, IDS, dict.fromkeys(layers, cut))[-1]
    return float(logits[10] - logits[20])


@pytest.mark.parametrize("name", [*CAUSES, "mistral", "gpt_oss"])
def test_the_effect_is_that_of_masks_made_by_hand(name: str) -> None:
    run = run_of(name)
    before = without(name, [])
    together = knock_out(run, METRIC, query=-1, key=[4, 9])
    assert float(together.effect) == pytest.approx(without(name, [(11, 4), (11, 9)]) - before, abs=1e-9)
    by_layer = knock_out(run, METRIC, query=[7, 11], key=5, each="layer")
    for layer in range(3):
        assert float(by_layer.effect[layer]) == pytest.approx(without(name, [(7, 5), (11, 5)], [layer]) - before, abs=1e-9)
    by_head = knock_out(run, METRIC, query=11, key=range(5, 10), each="head", layers=[0, 2], heads=[1, 3])
    for i, layer in enumerate((0, 2)):
        for j, head in enumerate((1, 3)):
            wanted = without(name, [(11, key) for key in range(5, 10)], [layer], [head]) - before
            assert float(by_head.effect[i, j]) == pytest.approx(wanted, abs=1e-9)
    by_look = knock_out(run, METRIC, query=[8, 11], key=[6, 7], each="look", layers=[1])
    for query in (8, 11):
        for key in (6, 7):
            assert float(by_look.effect.sel(query=query, key=key)) == pytest.approx(without(name, [(query, key)], [1]) - before, abs=1e-9)


def test_all_of_a_querys_looks_leave_it_its_own() -> None:
    found = knock_out(run_of("llama"), METRIC, query=11)
    assert found.attrs["looks"] == [[11, key] for key in range(11)]
    assert float(found.logit_difference) == pytest.approx(without("llama", [(11, key) for key in range(11)]), abs=1e-9)


def test_all_looks_at_a_key_leave_it_its_own() -> None:
    found = knock_out(run_of("llama"), METRIC, key=0)
    assert found.attrs["looks"] == [[query, 0] for query in range(1, N)]
    assert float(found.logit_difference) == pytest.approx(without("llama", [(query, 0) for query in range(1, N)]), abs=1e-9)


def test_a_positions_look_at_itself_is_forbidden_where_it_is_named() -> None:
    found = knock_out(run_of("llama"), METRIC, query=11, key=[11, 3])
    assert found.attrs["looks"] == [[11, 3], [11, 11]]
    assert float(found.logit_difference) == pytest.approx(without("llama", [(11, 11), (11, 3)]), abs=1e-9)


def test_looks_that_only_some_layers_windows_let_be_are_forbidden_there() -> None:
    """Gemma 2's first layer sees 8 tokens back, its second all of them."""
    run = run_of("gemma2")
    found = knock_out(run, METRIC, query=11, key=0, each="layer")
    assert np.isnan(found.effect.values[[0, 2]]).all()  # there was nothing to forbid
    assert float(found.logit_difference[1]) == pytest.approx(without("gemma2", [(11, 0)], [1]), abs=1e-9)
    assert abs(float(found.effect[1])) > 1e-4
    assert np.isnan(found.moved.sel(query=11).values[[0, 2]]).all()


@pytest.mark.parametrize(
    "window, layers", [(1, [[0], [1], [2]]), (2, [[0, 1], [1, 2], [2]]), (3, [[0, 1], [0, 1, 2], [1, 2]]), (5, [[0, 1, 2]] * 3)]
)
def test_a_window_is_of_the_layers_around_each(window: int, layers: list[list[int]]) -> None:
    found = knock_out(run_of("llama"), METRIC, query=11, key=5, each="layer", window=window)
    for effect, those in zip(found.logit_difference.values, layers, strict=True):
        assert float(effect) == pytest.approx(without("llama", [(11, 5)], those), abs=1e-9)
    assert found.attrs["window"] == window


def test_a_windows_layers_are_neighbours_among_those_asked_for() -> None:
    found = knock_out(run_of("llama"), METRIC, query=11, key=5, each="layer", window=2, layers=[2, 0])
    assert found.layer.values.tolist() == [2, 0]
    for effect, those in zip(found.logit_difference.values, ([2], [0]), strict=True):
        assert float(effect) == pytest.approx(without("llama", [(11, 5)], those), abs=1e-9)


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "bert"])
def test_what_moved_is_the_clean_weight_on_the_forbidden_keys(name: str) -> None:
    found = knock_out(run_of(name), METRIC, query=[6, 11], key=[5, 6], each="head")
    assert found.moved.dims == ("layer", "head", "query")
    patterns = torch.stack(plain.patterns(name, IDS))  # (layer, head, query, key)
    wanted = patterns[:, :, [6, 11]][..., [5, 6]].sum(-1)
    assert np.abs(found.moved.values - wanted.numpy()).max() < 1e-10
    assert found.moved.attrs["evidence"] == "observation"


def test_looks_ahead_and_looks_not_asked_for_are_no_number() -> None:
    found = knock_out(run_of("llama"), METRIC, query=[2, 5], key=[1, 4], each="look").effect
    assert bool(np.isnan(found.sel(query=2, key=4)))
    assert int(found.notnull().sum()) == 3


def test_what_was_done_stands_beside_the_numbers() -> None:
    found = knock_out(run_of("llama"), METRIC, query=-1, key=-2, each="layer")
    assert found.attrs["looks"] == [[11, 10]] and found.attrs["layers"] == [0, 1, 2] and found.attrs["heads"] == "all"
    assert found.attrs["evidence"] == "intervention" and found.attrs["method"].startswith("attention knockout")
    json.dumps(found.attrs)


def test_several_prompts_give_the_mean_of_their_effects() -> None:
    run = run_of("llama")
    other = run.again(prompt_ids(N, seed=9))
    found = knock_out([run, other], METRIC, query=-1, key=3, each="layer")
    alone = [knock_out(each, METRIC, query=-1, key=3, each="layer").effect.values for each in (run, other)]
    assert np.abs(found.effect.values - np.mean(alone, axis=0)).max() < 1e-12


@pytest.mark.parametrize(
    "wrong, kind, words",
    [
        ({}, ValueError, "neither query nor key came; say which looks to forbid"),
        ({"query": 12}, IndexError, r"query 12 is outside this run, which has 12 \(0 to 11\)"),
        ({"query": 1, "key": -13}, IndexError, "key -13 is outside"),
        ({"query": 3, "key": 7}, ValueError, "there is no look from query 3 to key 7 to forbid: the mask lets none of them see such a key"),
        ({"query": 0}, ValueError, "there is no look from query 0 to key None"),
        ({"query": 5, "layers": [3]}, IndexError, "layer 3 is outside this run"),
        ({"query": 5, "heads": [4]}, IndexError, r"head 4 is outside this run, which has 4 \(0 to 3\)"),
        ({"query": 5, "each": "edge"}, ValueError, "each='edge' came; expected one of together, layer, head, look"),
        ({"query": 5, "window": 2}, ValueError, "window=2 came with each='together'; a window is of 1 layer or more around each layer"),
        ({"query": 5, "window": 0, "each": "layer"}, ValueError, "window=0 came"),
        ({"query": 0, "key": 0}, UndefinedHereError, "position 0 may look nowhere .* Leave it at least one key"),
        ({"query": 4, "key": range(N)}, UndefinedHereError, "position 4 .* or ablate the heads there"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_words(wrong: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        knock_out(run_of("llama"), METRIC, **wrong)


@pytest.mark.parametrize("name", ["gptj", "bloom"])
def test_without_the_attention_interface_it_is_undefined(name: str) -> None:
    for layers in (None, [0]):
        with pytest.raises(UndefinedHereError):
            knock_out(run_of(name), METRIC, query=-1, layers=layers)


def test_cancelled_at_once_there_is_nothing() -> None:
    with pytest.raises(CaptureStopped):
        knock_out(run_of("llama"), METRIC, query=-1, cancelled=lambda: True)
