"""Head scores find the hand-set truth, stand beside closed-form chance levels, and are not fooled by a fixed distance."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import llmwidgets as lw
from llmwidgets.analysis.head_scores import SHARES, head_scores
from llmwidgets.analysis.synthetic_repeats import synthetic_repeats
from llmwidgets.capture import capture
from llmwidgets.models.errors import AttentionUnavailableError, CaptureStopped
from llmwidgets.models.loading import resolve
from tests.architectures import CAUSES, build
from tests.circuit import BACKUP, DECOY, DISTANCE, FIXED, INDUCTION, PREVIOUS, VOCABULARY, circuit, without

NORMS = pytest.mark.parametrize("norms", [True, False])


def at(values, place: tuple[int, int]) -> float:
    return float(values.sel(layer=place[0], head=place[1]))


# the truth of the circuit


@NORMS
def test_each_head_of_the_circuit_is_found_for_what_it_is(norms):
    scores = head_scores(circuit(norms=norms))
    assert at(scores.previous_token, PREVIOUS) > 0.99
    assert at(scores.induction, INDUCTION) > 0.99
    assert at(scores.first_token, DECOY) > 0.99
    assert at(scores.copying, INDUCTION) == pytest.approx(1, abs=1e-6)
    assert at(scores.copying, PREVIOUS) == at(scores.copying, DECOY) == 0.5  # they raise nothing
    for name, place in (("previous_token", PREVIOUS), ("induction", INDUCTION)):
        others = scores[name].where(scores[name] < 0.99)
        assert int(others.isnull().sum()) == 1 and float(others.max()) < 0.12, (name, place)


@NORMS
def test_the_backup_scores_as_induction_only_when_the_induction_head_is_out(norms):
    model = circuit(norms=norms)
    assert at(head_scores(model).induction, BACKUP) < 1e-6
    assert at(head_scores(without(model, INDUCTION)).induction, BACKUP) > 0.99


def test_a_head_that_spreads_evenly_scores_at_chance():
    scores = head_scores(circuit())
    for name in SHARES:
        assert at(scores[name], (0, 3)) == pytest.approx(at(scores[f"{name}_chance"], (0, 3)), abs=1e-6)


def test_a_fixed_distance_passes_for_induction_on_a_fixed_period_and_stays_near_chance_here():
    model = circuit()
    block = torch.randperm(VOCABULARY - 1, generator=torch.Generator().manual_seed(3))[: DISTANCE + 1] + 1
    ids = torch.cat([block, block])  # the fixed period: what followed the earlier copy is DISTANCE back, everywhere
    run = capture(model, ids)
    fooled = lw.attention_shares(run).to_after_duplicate.mean("query")
    assert at(fooled, FIXED) > 0.99
    scores = head_scores(model)
    assert at(scores.induction, FIXED) - at(scores.induction_chance, FIXED) < 0.1
    assert at(scores.induction, FIXED) <= 1 / 10 + 1e-6  # it is right in one period of ten
    assert at(scores.induction, INDUCTION) > 0.99


# the built-in model


def test_the_built_in_models_previous_token_and_induction_heads_come_out_on_top():
    scores = head_scores(lw.demo_model())
    assert at(scores.previous_token, (0, 0)) > 0.9
    assert scores.previous_token.where(scores.previous_token < 0.9).max() < 0.2
    strongest = scores.induction.to_series().nlargest(4)
    assert sorted(strongest.index) == [(1, head) for head in range(4)]
    assert strongest.min() > 0.7
    assert scores.induction.sel(layer=[0, 2, 3]).max() < 0.06
    assert scores.copying.sel(layer=1).min() > 0.85


# against plain computations


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "bert"])
def test_scores_by_attention_are_sums_over_the_models_own_eager_weights(name):
    model = build(name, attention="eager")
    scores = head_scores(model, n_samples=3, seed=5)
    chances = {name: np.full((3, len(scores.layer)), np.nan) for name in SHARES}  # (sample, layer)
    for sample, repeat in enumerate(synthetic_repeats(resolve(model), 3, seed=5)):
        with torch.no_grad():
            attentions = model(repeat.ids[None], output_attentions=True).attentions
        for layer, weights in enumerate(attentions):
            found, chance = by_hand(weights[0].double(), repeat, allowed(model, layer, len(repeat.ids)))
            for score in SHARES:
                np.testing.assert_allclose(scores[f"{score}_samples"].sel(sample=sample, layer=layer), found[score], atol=2e-6)
                chances[score][sample, layer] = chance[score]
    for score in SHARES:
        assert not np.isnan(chances[score]).all()
        for head in scores["head"]:
            np.testing.assert_allclose(scores[f"{score}_chance"].sel(head=head), np.nanmean(chances[score], axis=0), atol=1e-6)


def allowed(model, layer: int, n: int) -> torch.Tensor:
    """(query, key) bool by the configuration."""
    query, key = torch.arange(n)[:, None], torch.arange(n)[None]
    if model.config.model_type == "bert":
        return torch.ones(n, n, dtype=torch.bool)
    window = model.config.sliding_window if getattr(model.config, "layer_types", ["full"] * 9)[layer] == "sliding_attention" else n
    return (key <= query) & (query - key < window)


def by_hand(weights: torch.Tensor, repeat, may: torch.Tensor) -> tuple[dict, dict]:
    """Scores (head,) and chance levels from weights (head, query, key), cell by cell."""
    ids, n = repeat.ids.tolist(), len(repeat.ids)
    wanted = {
        "previous_token": lambda t, s: s == t - 1,
        "duplicate_token": lambda t, s: s < t and ids[s] == ids[t],
        "induction": lambda t, s: 0 < s < t and ids[s - 1] == ids[t],
        "first_token": lambda t, s: s == 0,
    }
    found, chance = {}, {}
    for name, is_target in wanted.items():
        rows, uniform = [], []
        for t in range(n):
            targets = [s for s in range(n) if is_target(t, s) and may[t, s]]
            if targets and len(targets) < int(may[t].sum()):
                rows.append(weights[:, t, targets].sum(-1))
                uniform.append(len(targets) / int(may[t].sum()))
        found[name] = torch.stack(rows).mean(0).numpy() if rows else np.full(weights.shape[0], np.nan)
        chance[name] = np.mean(uniform) if uniform else np.nan
    return found, chance


def test_chance_levels_are_the_closed_forms():
    scores = head_scores(build("gpt2"), n_samples=4)
    expected = {name: [] for name in SHARES}
    for n_tokens, period in zip(scores.n_tokens.values, scores.period.values, strict=True):
        anywhere = np.mean([1 / (t + 1) for t in range(1, n_tokens)])  # one target among t + 1 keys
        repeated = np.mean([1 / (t + 1) for t in range(n_tokens - period, n_tokens)])
        for name in SHARES:
            expected[name].append(repeated if name in ("duplicate_token", "induction") else anywhere)
    for name in SHARES:
        np.testing.assert_allclose(scores[f"{name}_chance"], np.mean(expected[name]), atol=1e-7)
    assert (scores.copying_chance == 0.5).all()


# every architecture


@pytest.mark.parametrize("name", CAUSES)
def test_every_architecture_is_scored(name):
    scores = head_scores(build(name), n_samples=3, max_tokens=32)
    for score in ("previous_token", "first_token"):
        assert scores[score].shape == (3, 4) and ((scores[score] > 0) & (scores[score] < 1)).all()
    if name == "bert":
        assert scores.copying.isnull().all() and scores.copying_chance.isnull().all()
        assert "more than a final norm and the output matrix" in scores.attrs["copying_undefined"]
        # every key is allowed to every query
        np.testing.assert_allclose(scores.first_token_chance, np.mean(1 / scores.n_tokens.values), atol=1e-7)
    else:
        assert scores.copying.notnull().all() and "copying_undefined" not in scores.attrs


def test_a_layer_without_attention_is_nan_and_a_model_without_is_refused():
    scores = head_scores(build("lfm2"), n_samples=2, max_tokens=32)
    assert scores.induction.isnull().all("head").values.tolist() == [True, False, True]
    with pytest.raises(AttentionUnavailableError, match="no heads to score"):
        head_scores(build("mamba"), n_samples=2, max_tokens=32)


def test_a_window_too_narrow_for_any_repeat_leaves_induction_undefined():
    scores = head_scores(build("mistral", sliding_window=3), n_samples=2, max_tokens=32)
    assert scores.induction.isnull().all() and scores.duplicate_token.isnull().all()
    assert scores.previous_token.notnull().all()


# what is reported


def test_means_single_points_and_intervals_belong_together():
    scores = head_scores(build("gpt2"), n_samples=5)
    for name in (*SHARES, "copying"):
        points = scores[f"{name}_samples"]
        assert points.dims == ("sample", "layer", "head") and points.shape == (5, 3, 4)
        np.testing.assert_allclose(scores[name], points.mean("sample"), atol=1e-12)
        assert (scores[f"{name}_low"] <= scores[name] + 1e-12).all() and (scores[name] <= scores[f"{name}_high"] + 1e-12).all()
    assert scores.attrs["caveat"] == "A pattern match, not a mechanism: confirm by ablation."
    assert scores.attrs["evidence"] == "observation" and scores.attrs["seed"] == 0 and scores.attrs["n_samples"] == 5
    assert "2209.11895" in scores.attrs["method"]


def test_the_same_seed_gives_the_same_scores_and_leaves_the_callers_random_state():
    model = build("gpt2")
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first, again, other = (head_scores(model, n_samples=2, seed=seed) for seed in (4, 4, 5))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.identical(again)
    assert not np.array_equal(first.induction, other.induction)


def test_progress_is_told_and_cancelling_stops():
    told = []
    head_scores(build("gpt2"), n_samples=2, max_tokens=32, progress=lambda *said: told.append(said))
    assert [said[:2] for said in told] == [(0, 2), (1, 2), (2, 2)]
    with pytest.raises(CaptureStopped, match="before sequence 0 of 3"):
        head_scores(build("gpt2"), n_samples=3, cancelled=lambda: True)
    told.clear()
    with pytest.raises(CaptureStopped):
        head_scores(build("gpt2"), n_samples=3, progress=lambda *said: told.append(said), cancelled=lambda: len(told) == 2)
    assert told[-1][0] == 1  # stopped in the second sequence


# bad input


@pytest.mark.parametrize("n_samples", [0, 1, -3])
def test_too_few_samples_are_refused(n_samples):
    with pytest.raises(ValueError, match="expected 2 or more"):
        head_scores(build("gpt2"), n_samples=n_samples)


@pytest.mark.parametrize("given", [{"n_samples": 2.5}, {"seed": "0"}, {"max_tokens": None}, {"n_samples": True}])
def test_what_is_no_whole_number_is_refused(given):
    with pytest.raises(TypeError, match="expected a whole number"):
        head_scores(build("gpt2"), **given)


def test_a_vocabulary_too_small_is_refused():
    with pytest.raises(ValueError, match=r"vocabulary of .* has 6 tokens that are not special.* at least 8"):
        head_scores(build("llama", vocab_size=9, pad_token_id=0, bos_token_id=1, eos_token_id=2))


def test_a_context_too_short_is_refused_and_the_length_asked_for_is_enough():
    with pytest.raises(ValueError, match=r"takes at most 12 tokens.* need at least 18"):
        head_scores(build("gpt2", n_positions=12))
    with pytest.raises(ValueError, match=r"max_tokens=17 came.* need at least 18"):
        head_scores(build("gpt2"), max_tokens=17)
    assert head_scores(build("gpt2", n_positions=18), n_samples=2).n_tokens.max() <= 18


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="expected a transformers model"):
        head_scores(SimpleNamespace())
