"""On a transformer whose circuit is set by hand, every method of cause finds what is known to be there, and nothing else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from llmwidgets.analysis.effects.ablation import ablate, effect_of
from llmwidgets.analysis.effects.knockout import knock_out
from llmwidgets.analysis.effects.patching import patch
from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.metric import Metric
from tests.circuit import BACKUP, DECOY, FIXED, GAIN, INDUCTION, N_HEADS, N_LAYERS, PREVIOUS, circuit, prompt, without

NORMS = pytest.mark.parametrize("norms", [True, False])
#: How far a norm's output may stand from its input (2e-4 of it), and how far attention is from one-hot.
CLOSE = {True: 5e-3, False: 2e-4}
ASKED = prompt(n_tokens=12, earlier=4)
LAST = len(ASKED.ids) - 1
METRIC = Metric(ASKED.answer, ASKED.foil)
OTHERS = [(layer, head) for layer in range(N_LAYERS) for head in range(N_HEADS) if (layer, head) != PREVIOUS]


@cache
def clean(norms: bool) -> Capture:
    return capture(circuit(norms=norms), ASKED.ids)


@cache
def corrupted(norms: bool) -> Capture:
    return clean(norms).again(ASKED.corrupted)


def out(place: tuple[int, int]) -> Intervention:
    return Intervention("z", *place)


@NORMS
def test_alone_only_the_previous_token_head_is_necessary(norms: bool) -> None:
    found = ablate(clean(norms), METRIC)
    assert found.attrs["before"]["logit_difference"] == pytest.approx(GAIN, abs=CLOSE[norms])
    effect = found.effect
    assert float(effect[PREVIOUS]) == pytest.approx(-GAIN, abs=CLOSE[norms])
    for place in OTHERS:
        assert float(effect[place]) == pytest.approx(0, abs=CLOSE[norms]), place
    for place in (DECOY, FIXED):
        assert abs(float(effect[place])) < 1e-8, place  # writes nothing at all


@NORMS
def test_induction_and_its_backup_together_are_everything(norms: bool) -> None:
    run = clean(norms)
    assert float(effect_of(run, METRIC, out(INDUCTION) + out(BACKUP)).effect) == pytest.approx(-GAIN, abs=CLOSE[norms])
    for pair in ((INDUCTION, DECOY), (BACKUP, FIXED), (DECOY, FIXED)):
        assert float(effect_of(run, METRIC, out(pair[0]) + out(pair[1])).effect) == pytest.approx(0, abs=CLOSE[norms])


@NORMS
def test_ablation_is_the_same_as_weights_set_to_zero_by_hand(norms: bool) -> None:
    run = clean(norms)
    for places in ([PREVIOUS], [INDUCTION], [INDUCTION, BACKUP], [DECOY, PREVIOUS]):
        with torch.no_grad():
            wanted = without(run.subject.model, *places)(ASKED.ids[None]).logits[0, -1]
        found = effect_of(run, METRIC, [out(place) for place in places])
        assert float(found.logit_difference) == pytest.approx(float(wanted[ASKED.answer] - wanted[ASKED.foil]), abs=1e-10)


@NORMS
def test_the_previous_token_head_is_needed_at_the_answer_and_nowhere_else(norms: bool) -> None:
    """It writes the token before into the answer's position; that is what the last position later looks for."""
    for position in range(LAST + 1):
        found = ablate(clean(norms), METRIC, layers=[0], positions=[position])
        wanted = -GAIN if position == ASKED.changed else 0.0
        assert float(found.effect[PREVIOUS]) == pytest.approx(wanted, abs=CLOSE[norms])


@NORMS
def test_when_inductions_look_is_forbidden_its_backup_takes_over(norms: bool) -> None:
    run = clean(norms)
    by_layer = knock_out(run, METRIC, query=LAST, key=ASKED.changed, each="layer")
    assert np.abs(by_layer.effect.values).max() < CLOSE[norms]
    assert float(by_layer.moved.sel(layer=INDUCTION[0], head=INDUCTION[1], query=LAST)) == pytest.approx(1, abs=1e-5)
    assert float(by_layer.moved.sel(layer=BACKUP[0], head=BACKUP[1], query=LAST)) == pytest.approx(0, abs=1e-5)
    everywhere = knock_out(run, METRIC, query=LAST, key=ASKED.changed)
    assert float(everywhere.effect) == pytest.approx(-GAIN, abs=CLOSE[norms])
    window = knock_out(run, METRIC, query=LAST, key=ASKED.changed, each="layer", window=2).effect
    assert window.values == pytest.approx([0, -GAIN, 0], abs=CLOSE[norms])  # layers 0-1, 1-2, 2


@NORMS
def test_knocking_out_each_head_picks_the_head_that_looks_there(norms: bool) -> None:
    """What PREVIOUS reads at the token before the answer is all that anyone needs of that token."""
    found = knock_out(clean(norms), METRIC, query=ASKED.changed, key=ASKED.earlier, each="head").effect
    assert float(found[PREVIOUS]) == pytest.approx(-GAIN, abs=CLOSE[norms])
    assert np.abs([float(found[place]) for place in OTHERS]).max() < CLOSE[norms]


@NORMS
def test_without_induction_knocking_out_each_head_picks_the_backup(norms: bool) -> None:
    run = capture(without(clean(norms).subject.model, INDUCTION), ASKED.ids)
    found = knock_out(run, METRIC, query=LAST, key=ASKED.changed, each="head").effect
    assert float(found[BACKUP]) == pytest.approx(-GAIN, abs=CLOSE[norms])
    assert float(found[INDUCTION]) == pytest.approx(0, abs=CLOSE[norms])


@NORMS
def test_of_all_single_looks_only_those_of_the_circuit_matter(norms: bool) -> None:
    """And that of the last position at the first: where BACKUP may not rest, it says the answer too."""
    found = knock_out(clean(norms), METRIC, query=range(LAST + 1), each="look").effect
    wanted = {(ASKED.changed, ASKED.earlier): -GAIN, (LAST, ASKED.changed): -GAIN, (LAST, 0): GAIN}
    for query in range(1, LAST + 1):
        for key in range(query):
            effect = float(found.sel(query=query, key=key))
            assert effect == pytest.approx(wanted.get((query, key), 0), abs=CLOSE[norms]), (query, key)
    assert int(found.notnull().sum()) == LAST * (LAST + 1) / 2  # no look at itself, and none ahead


@NORMS
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_patching_the_stream_follows_the_answer_from_where_it_stands_to_the_end(norms: bool, direction: str) -> None:
    """The changed token matters until INDUCTION (layer 1) has moved it to the last position; from then on only that one."""
    found = patch(clean(norms), corrupted(norms), METRIC, direction=direction)
    path = np.zeros((N_LAYERS, LAST + 1))
    path[: INDUCTION[0] + 1, ASKED.changed] = 1
    path[INDUCTION[0] + 1 :, LAST] = 1
    wanted = path if direction == "denoise" else 1 - path
    assert np.abs(found.recovery.values - wanted).max() < CLOSE[norms]
    assert found.attrs["clean"]["logit_difference"] == pytest.approx(GAIN, abs=CLOSE[norms])
    assert found.attrs["corrupted"]["logit_difference"] == pytest.approx(-GAIN, abs=CLOSE[norms])
    assert found.attrs["before"]["logit_difference"] == found.attrs["corrupted" if direction == "denoise" else "clean"]["logit_difference"]


@NORMS
def test_patching_heads_finds_the_one_that_moves_the_answer(norms: bool) -> None:
    """INDUCTION alone restores and destroys: the backup rests in both runs, the others read what does not matter."""
    restored = patch(clean(norms), corrupted(norms), METRIC, site="z").recovery
    kept = patch(clean(norms), corrupted(norms), METRIC, site="z", direction="noise").recovery
    for layer in range(N_LAYERS):
        for head in range(N_HEADS):
            is_induction = (layer, head) == INDUCTION
            assert float(restored[layer, head]) == pytest.approx(float(is_induction), abs=CLOSE[norms]), (layer, head)
            assert float(kept[layer, head]) == pytest.approx(float(not is_induction), abs=CLOSE[norms]), (layer, head)


@NORMS
def test_it_is_inductions_values_that_differ_not_where_it_looks(norms: bool) -> None:
    """Clean and corrupted look at one and the same position, for what stands before the answer did not change."""
    for site, wanted in (("v", 1.0), ("q", 0.0), ("k", 0.0), ("pattern", 0.0)):
        found = patch(clean(norms), corrupted(norms), METRIC, site=site).recovery
        assert float(found[INDUCTION]) == pytest.approx(wanted, abs=CLOSE[norms]), site


@NORMS
def test_by_position_the_head_matters_at_the_last_position_only(norms: bool) -> None:
    found = patch(clean(norms), corrupted(norms), METRIC, site="z", by_position=True, layers=[INDUCTION[0]]).recovery
    assert found.dims == ("layer", "head", "position")
    wanted = np.zeros((N_HEADS, LAST + 1))
    wanted[INDUCTION[1], LAST] = 1
    assert np.abs(found.values[0] - wanted).max() < CLOSE[norms]


@NORMS
def test_attention_adds_all_and_the_mlps_nothing(norms: bool) -> None:
    attention = ablate(clean(norms), METRIC, what="attention").effect.values
    assert attention == pytest.approx([-GAIN, 0, 0], abs=CLOSE[norms])  # layer 1's loss is made good by layer 2
    assert np.abs(ablate(clean(norms), METRIC, what="mlp").effect.values).max() == 0
    assert np.abs(ablate(clean(norms), METRIC, what="neuron", layers=[1], neurons=[0, 7]).effect.values).max() < 1e-10


@NORMS
def test_resampling_from_the_corrupted_prompt_finds_induction_where_zero_finds_nothing(norms: bool) -> None:
    """Zero takes the flag with it, and the backup wakes; another prompt's value keeps the flag, and the foil is said."""
    found = ablate(clean(norms), METRIC, replacement="resample", references=[corrupted(norms)]).effect
    assert float(found[INDUCTION]) == pytest.approx(-2 * GAIN, abs=2 * CLOSE[norms])
    assert abs(float(ablate(clean(norms), METRIC).effect[INDUCTION])) < CLOSE[norms]
