"""What cut looks move: the row's other keys gain what stood there, as in a plain softmax over the model's own eager attention."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from llmwidgets.analysis.effects.moved import gains, moved_by
from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import HEADS, N

IDS = prompt_ids(N)
NAMES = ["gpt2", "llama", "gemma2"]  # plain, grouped heads, a soft cap and a window of 8 tokens
pytestmark = pytest.mark.usefixtures("floats_stay_double")


@cache
def run_of(name: str) -> Capture:
    return capture(plain.model(name), IDS)


@cache
def patterns(name: str) -> Tensor:
    """(layer, head, query, key) of the model's own eager attention."""
    return torch.stack(plain.patterns(name, IDS))


def gained(name: str, layer: int, head: int, query: int, cut: list[int]) -> np.ndarray:
    """(key,): a plain softmax over the row's scores with minus infinity at the cut keys, less the row as it was."""
    row = patterns(name)[layer, head, query]
    scores = row.log()
    scores[cut] = -torch.inf
    change = scores.softmax(-1) - row
    change[cut] = 0.0
    return change.numpy()


@pytest.mark.parametrize("name", NAMES)
def test_the_gains_are_those_of_a_plain_softmax(name: str) -> None:
    for layer in range(3):
        for head in range(HEADS):
            found = gains(run_of(name), layer, head, 11, [3, 8, 10]).numpy()
            assert np.abs(found - gained(name, layer, head, 11, [3, 8, 10])).max() < 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_the_moved_share_is_the_sum_of_the_gains(name: str) -> None:
    rows = moved_by(run_of(name), Intervention("scores", position=[4, 9], key=[3, 4]), most=100)
    assert len(rows) == 3 * HEADS * 2
    for row in rows:
        place = row["layer"], row["head"], row["query"]
        assert row["share"] == pytest.approx(float(gains(run_of(name), *place, [3, 4]).sum()), abs=1e-12)
        assert row["share"] == pytest.approx(float(patterns(name)[place][[3, 4]].sum()), abs=1e-10)
        if row["query"] == 4:  # three keys are left to it
            assert sum(to["share"] for to in row["to"]) == pytest.approx(row["share"], abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_that_lose_most_come_first_with_the_keys_that_gain_most(name: str) -> None:
    rows = moved_by(run_of(name), Intervention("scores", position=-1, key=[5, 6]), most=5)
    shares = patterns(name)[:, :, 11, [5, 6]].sum(-1)  # (layer, head)
    assert [row["share"] for row in rows] == pytest.approx(sorted(shares.ravel().tolist(), reverse=True)[:5], abs=1e-10)
    for row in rows:
        wanted = gained(name, row["layer"], row["head"], 11, [5, 6])
        assert [to["key"] for to in row["to"]] == np.argsort(-wanted)[:4].tolist()
        assert [to["share"] for to in row["to"]] == pytest.approx(np.sort(wanted)[::-1][:4].tolist(), abs=1e-10)


def test_a_cut_in_one_layer_alone_is_what_the_changed_run_shows_there() -> None:
    from llmwidgets.experiments.intervene import intervene

    change = Intervention("scores", layer=1, head=2, position=10, key=[0, 7])
    changed = intervene(run_of("llama"), change)
    (row,) = moved_by(run_of("llama"), change)
    difference = (changed.pattern(1, 2, queries=10) - run_of("llama").pattern(1, 2, queries=10)).numpy()
    for to in row["to"]:
        assert to["share"] == pytest.approx(difference[to["key"]], abs=1e-12)


def test_looks_that_no_window_lets_be_move_nothing() -> None:
    """Gemma 2's first and third layers see 8 tokens back, its second all of them."""
    rows = moved_by(run_of("gemma2"), Intervention("scores", position=11, key=0), most=100)
    assert {row["layer"] for row in rows} == {1}
    assert moved_by(run_of("gemma2"), Intervention("scores", layer=0, position=11, key=0)) == []
    assert moved_by(run_of("llama"), Intervention("scores", position=3, key=7)) == []


def test_a_sink_takes_its_part() -> None:
    run = capture(plain.model("gpt_oss"), IDS)
    (row,) = moved_by(run, Intervention("scores", layer=1, head=1, position=11, key=10))
    to_keys, before = float(gains(run, 1, 1, 11, [10]).sum()), float(run.sink_share(1, 1, 11))
    of_sink = before / (1 - row["share"]) - before
    assert row["share"] == pytest.approx(to_keys + of_sink, abs=1e-10) and of_sink > 1e-6


def test_what_moved_is_plain_data() -> None:
    rows = moved_by(run_of("gpt2"), Intervention("scores", layer=0, head=1, position=5, key=2))
    assert json.loads(json.dumps(rows)) == rows
    assert set(rows[0]) == {"layer", "head", "query", "share", "to"}


def test_other_sites_move_no_attention_and_wrong_places_are_refused() -> None:
    assert moved_by(run_of("gpt2"), Intervention("z", layer=0, head=1)) == []
    with pytest.raises(IndexError, match="layer 9 is outside this run"):
        moved_by(run_of("gpt2"), Intervention("scores", layer=9, position=5, key=2))
    with pytest.raises(IndexError, match=r"head \(of scores\) 7 is outside"):
        moved_by(run_of("gpt2"), Intervention("scores", layer=0, head=7, position=5, key=2))
    with pytest.raises(UndefinedHereError, match="position 5 may look nowhere"):
        moved_by(run_of("gpt2"), Intervention("scores", layer=0, position=5))
    with pytest.raises(UndefinedHereError, match="attention interface"):
        moved_by(capture(plain.model("gptj"), IDS), Intervention("scores", position=5, key=2))
    with pytest.raises(TypeError, match="got Interventions"):
        moved_by(run_of("gpt2"), Intervention("z") + Intervention("z"))  # type: ignore[arg-type]
