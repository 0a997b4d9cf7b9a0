"""What is attributed and estimated on the hand-set circuit is what its weights make true; so is what these methods are known to miss."""

from __future__ import annotations

import numpy as np
import pytest

import llmwidgets as lw
from tests.circuit import BACKUP, DECOY, GAIN, INDUCTION, PREVIOUS, circuit, prompt

CLOSE = {True: 5e-3, False: 1e-5}  # of GAIN: how far the norms' output stands from their input
ASKED = prompt()
LAST = len(ASKED.ids) - 1
METRIC = lw.Metric(ASKED.answer, foil=ASKED.foil)


@pytest.fixture(scope="module", params=[True, False], ids=["norms", "no norms"])
def norms(request):
    return request.param


@pytest.fixture(scope="module")
def run(norms):
    return lw.capture(circuit(norms=norms), ASKED.ids)


def test_the_induction_head_alone_writes_the_answer(run, norms):
    shares = lw.direct_logit_attribution(run, METRIC)
    heads = shares.heads.values
    assert abs(heads[INDUCTION] - GAIN) < CLOSE[norms]
    heads[INDUCTION] = 0.0
    assert np.abs(heads).max() < CLOSE[norms]
    assert heads[DECOY] == 0.0
    assert shares.attrs["closing_error"] < 1e-9


def test_by_position_the_answer_comes_from_where_it_stood_before(run, norms):
    brought = lw.direct_logit_attribution(run, METRIC, by="position").attention.sum("layer").values
    assert int(np.abs(brought).argmax()) == ASKED.changed
    assert abs(brought[ASKED.changed] - GAIN) < CLOSE[norms]


def test_one_look_carries_it_all_and_the_decoys_strong_look_nothing(run, norms):
    looks = lw.edge_contribution(run, METRIC)
    row = looks.read(layer=INDUCTION[0], head=INDUCTION[1], query=LAST).values
    assert abs(row[ASKED.changed] - GAIN) < CLOSE[norms]
    assert np.nansum(np.abs(np.delete(row, ASKED.changed))) < CLOSE[norms]
    decoy = looks.read(layer=DECOY[0], head=DECOY[1], query=LAST).values
    assert float(run.pattern(*DECOY, queries=LAST, keys=0)) > 0.9
    assert np.nanmax(np.abs(decoy)) == 0.0


def test_by_size_the_decoys_look_is_nothing_while_its_attention_is_all(run):
    sizes = lw.norm_weighted_attention(run)
    assert np.nanmax(sizes.read(layer=DECOY[0], head=DECOY[1]).values) == 0.0
    assert sizes.read(layer=INDUCTION[0], head=INDUCTION[1], query=LAST, key=ASKED.changed).values > 1.0


def test_rollout_is_taken_in_by_heads_that_rest(run):
    """It follows attention alone: the first position, where idle heads rest, gets more than the position that the answer came from."""
    shares = lw.rollout(run, layers=-1, queries=LAST).values.ravel()
    assert abs(shares.sum() - 1) < 1e-12
    assert shares[0] > shares[ASKED.changed]


def test_the_decoy_writes_no_part_of_the_stream(run):
    parts = lw.decompose(run)
    assert np.abs(parts.sel(part=f"head {DECOY[0]}.{DECOY[1]}").values).max() == 0.0
    wrote = parts.sel(part=f"head {INDUCTION[0]}.{INDUCTION[1]}").values
    assert abs(np.abs(wrote).max() - 1) < 1e-5
    assert parts.attrs["closing_error"] < 1e-12


@pytest.mark.parametrize("final_norm", ["frozen", "recomputed"])
def test_direct_and_total_effect_tell_the_repaired_head_from_the_relayed_one(run, norms, final_norm):
    found = lw.direct_and_total_effect(run, METRIC, final_norm=final_norm)
    direct, total, later = (found[name].values for name in ("direct", "total", "later"))
    assert abs(direct[INDUCTION] + GAIN) < CLOSE[norms]
    assert abs(total[INDUCTION]) < CLOSE[norms]  # the backup took over
    assert abs(later[INDUCTION] - GAIN) < 2 * CLOSE[norms]
    assert abs(direct[PREVIOUS]) < CLOSE[norms]  # it works through others only
    assert abs(total[PREVIOUS] + GAIN) < CLOSE[norms]
    assert abs(direct[BACKUP]) < CLOSE[norms] and abs(total[BACKUP]) < CLOSE[norms]
    assert direct[DECOY] == 0.0 and abs(total[DECOY]) < 1e-9


@pytest.mark.parametrize("site", ["z", "v"])
def test_attribution_patching_finds_the_head_that_moves_the_changed_token(run, norms, site):
    corrupted = run.again(ASKED.corrupted)
    found = lw.attribution_patching(run, corrupted, METRIC, site=site, verify=3)
    estimate, verified = found.estimate.values, found.verified.values
    assert abs(estimate[INDUCTION] - 2 * GAIN) < 4 * CLOSE[norms]
    assert abs(verified[INDUCTION] - 2 * GAIN) < 4 * CLOSE[norms]
    assert abs(float(found.recovery_estimate.values[INDUCTION]) - 1) < CLOSE[norms]
    estimate[INDUCTION] = 0.0
    assert np.abs(estimate).max() < 4 * CLOSE[norms]


def test_only_with_the_qk_fix_does_a_saturated_softmax_show_what_keys_do(run, norms):
    """Corrupted where the last token stood before, the induction head finds nothing; the clean run's keys alone bring the answer back."""
    ids = ASKED.ids.clone()
    ids[ASKED.earlier] = next(token for token in range(1, 24) if token not in ASKED.ids.tolist())
    corrupted = run.again(ids)
    fixed = lw.attribution_patching(run, corrupted, METRIC, site="k", verify=2)
    plain = lw.attribution_patching(run, corrupted, METRIC, site="k", verify=0, qk_fix=False)
    at = INDUCTION
    assert abs(fixed.verified.values[at] - GAIN) < 2 * CLOSE[norms]
    assert abs(fixed.estimate.values[at] - GAIN) < 2 * CLOSE[norms] + 0.02 * GAIN
    assert abs(plain.estimate.values[at]) < 0.05 * GAIN
