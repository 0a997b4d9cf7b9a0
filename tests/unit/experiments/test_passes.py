"""Sweeps: what is yielded, how rows share passes, how they report, stop and check themselves, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from llmwidgets.analysis.effects.ablation import ablate
from llmwidgets.capture import Capture, capture
from llmwidgets.experiments import passes as passes_module
from llmwidgets.experiments.donors import Donors, require_like
from llmwidgets.experiments.edits import edits_of
from llmwidgets.experiments.intervene import intervene
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.passes import passes
from llmwidgets.experiments.replacement import Replacement
from llmwidgets.experiments.sweep import sweep
from llmwidgets.models.errors import (
    ActivationUnavailableError,
    CaptureStopped,
    DetachedError,
    ModelChangedError,
    ModelError,
    PromptError,
    UndefinedHereError,
)
from tests.architectures import build, prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import N

IDS, OTHER = prompt_ids(N), prompt_ids(N, seed=5)
METRIC = Metric(10, 20)
HEADS = [Intervention("z", layer, head) for layer in range(3) for head in range(4)]


def test_each_outcome_names_its_change_and_its_values_are_the_models_own() -> None:
    model = plain.model("gpt2")
    run = capture(model, IDS)
    clean = plain.logits(model, IDS)[-1]
    changes = HEADS[::-1]  # outcomes come by layer, the change numbers stay
    found = {outcome.index: outcome for outcome in sweep(run, changes, METRIC)}
    assert sorted(found) == list(range(12))
    for index, change in enumerate(changes):
        logits = plain.logits(model, IDS, plain.hooks_for("gpt2", model, "z", change.layer, head=[change.head]))[-1]
        after = found[index].after
        assert after["logit_difference"] == pytest.approx(float(logits[10] - logits[20]), abs=1e-10)
        assert after["probability"] == pytest.approx(float(logits.softmax(-1)[10]), abs=1e-12)
        assert after["kl"] == pytest.approx(float((clean.softmax(-1) * (clean.log_softmax(-1) - logits.log_softmax(-1))).sum()), abs=1e-10)
        assert after["rank"] == 1 + int((logits > logits[10]).sum())
        assert found[index].effect("logit_difference") == pytest.approx(float(logits[10] - logits[20] - clean[10] + clean[20]), abs=1e-10)


def test_kl_from_the_distribution_of_another_run() -> None:
    model = plain.model("gpt2")
    run, other = capture(model, IDS), capture(model, OTHER)
    (found,) = sweep(run, [Interventions()], Metric(10, 20), reference=other)
    own, wanted = plain.logits(model, IDS)[-1].log_softmax(-1), plain.logits(model, OTHER)[-1].log_softmax(-1)
    kl = float((wanted.exp() * (wanted - own)).sum())
    assert found.before["kl"] == pytest.approx(kl, abs=1e-10) == found.after["kl"]


@pytest.mark.parametrize("tokens_at_once", [1, 3 * N, 1024])
def test_progress_counts_every_experiment_once(tokens_at_once: int) -> None:
    run = capture(plain.model("llama"), IDS)
    calls: list[tuple[int, int, str]] = []
    n_found = len(list(sweep(run, HEADS, METRIC, progress=lambda *call: calls.append(call), tokens_at_once=tokens_at_once)))
    at_once = max(1, tokens_at_once // N)
    assert n_found == 12
    assert calls == [(done, 12, "experiments") for done in [*range(0, 12, at_once), 12]]


def test_nothing_to_do_is_done_at_once() -> None:
    run = capture(plain.model("llama"), IDS)
    assert list(sweep(run, [], METRIC)) == []


def test_cancelled_within_a_pass_is_asked_before_every_block() -> None:
    run = capture(plain.model("llama"), IDS)
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(True)
        return len(asked) == len(HEADS) + 3  # for each experiment, before the pass, before block 0, before block 1

    with pytest.raises(CaptureStopped, match="stopped before layer 1 of 3"):
        list(sweep(run, HEADS, METRIC, cancelled=cancelled))


def test_a_table_that_was_stopped_says_so_and_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    run = capture(plain.model("llama"), IDS)
    whole = ablate(run, METRIC)
    seen: list[dict[str, int]] = []
    monkeypatch.setattr("llmwidgets.analysis.effects.table.sweep", lambda *a, **k: sweep(*a, **k, tokens_at_once=N))
    found = ablate(run, METRIC, cancelled=lambda: len(seen) >= 5, on_outcome=lambda place, outcome: seen.append(place))
    assert found.attrs["stopped"] == "stopped after 5 of 12; the other places are NaN"
    assert seen == [{"layer": i // 4, "head": i % 4} for i in reversed(range(7, 12))]  # the last layers come first
    done = found.effect.values.reshape(-1)
    assert abs(done[7:] - whole.effect.values.reshape(-1)[7:]).max() < 1e-10
    assert bool(torch.tensor(done[:7]).isnan().all())
    assert "stopped" not in whole.attrs


def test_cancelled_before_anything_was_found_there_is_no_table() -> None:
    with pytest.raises(CaptureStopped):
        ablate(capture(plain.model("llama"), IDS), METRIC, cancelled=lambda: True)


def test_a_model_whose_batch_cannot_grow_is_swept_in_steady_passes() -> None:
    model = build("bloom", torch.float64)
    run = capture(model, IDS)
    sizes: list[int] = []
    original = passes_module._one_pass

    def counted(run: Capture, rows: Any, *rest: Any) -> Any:
        starts = {row.start for row in rows}
        sizes.append(len(starts))
        return original(run, rows, *rest)

    changes = [HEADS[i] for i in (11, 0, 5, 2, 9)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes_module, "_one_pass", counted)
        found = {outcome.index: outcome.after["logit_difference"] for outcome in sweep(run, changes, METRIC)}
    assert sizes[0] == 3 and sizes[-3:] == [1, 1, 1]  # growing failed, then a pass for each layer
    for index, change in enumerate(changes):
        logits = plain.logits(model, IDS, plain.hooks_for("bloom", model, "z", change.layer, head=[change.head]))[-1]
        assert found[index] == pytest.approx(float(logits[10] - logits[20]), abs=1e-9)


def test_a_way_of_joining_that_fails_in_a_later_pass_only_is_given_up_there() -> None:
    """BLOOM's heads in the last block join after its attention, where a batch may grow; in a block before it, it may not."""
    changes = [Intervention(site, layer, position=7) for layer in range(3) for site in ("z", "mlp_out")]
    wanted: dict[int, float] = {}
    for tokens_at_once in (1, 2 * N, 4 * N, 1024):
        run = capture(build("bloom", torch.float64), IDS)  # a model of which nothing is known yet
        found = {outcome.index: outcome.after["logit_difference"] for outcome in sweep(run, changes, METRIC, tokens_at_once=tokens_at_once)}
        assert sorted(found) == list(range(6))
        wanted = wanted or found
        assert found == pytest.approx(wanted, abs=1e-10)


def test_the_first_pass_whose_batch_grows_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last layer's passes tell nothing of it: all their rows join together."""
    run = capture(build("llama", torch.float64), IDS)
    wanted = {outcome.index: outcome.after["logit_difference"] for outcome in sweep(run, HEADS, METRIC)}
    original = passes_module._one_pass
    ways: list[str] = []

    def off_where_it_grows(run: Capture, rows: Any, positions: Any, joining: str, *rest: Any) -> Any:
        grows = joining != "together" and len({row.start for row in rows}) > 1
        ways.append(joining)
        return original(run, rows, positions, joining, *rest) * (1.001 if grows else 1.0)

    monkeypatch.setattr(passes_module, "_one_pass", off_where_it_grows)
    found = {outcome.index: outcome.after["logit_difference"] for outcome in sweep(run, HEADS, METRIC, tokens_at_once=3 * N)}
    assert found == pytest.approx(wanted, abs=1e-10)
    assert ways[:4] == ["after attention", "after attention", "at block", "together"]


@pytest.mark.parametrize("position", [0, 5, -1])
@pytest.mark.parametrize("name", ["gpt2", "gemma2", "bert", "opt", "gpt_neox"])
def test_the_answer_may_be_asked_for_at_any_position(name: str, position: int) -> None:
    """The last MLP is computed at the wanted positions only; what it is there stays right."""
    model = plain.model(name)
    run = capture(model, IDS)
    changes = [Intervention("mlp_out", layer) for layer in range(3)]
    found = {outcome.index: outcome.after["logit_difference"] for outcome in sweep(run, changes, Metric(10, 20, position))}
    for layer in range(3):
        logits = plain.logits(model, IDS, plain.hooks_for(name, model, "mlp_out", layer))[position]
        assert found[layer] == pytest.approx(float(logits[10] - logits[20]), rel=1e-9, abs=1e-9)


def test_a_bfloat16_model_is_measured_in_float64_from_logits_of_its_own() -> None:
    run = capture(build("llama", torch.bfloat16), IDS)
    (same,) = sweep(run, [Interventions()], METRIC)
    assert abs(same.effect("logit_difference")) < 0.1  # of logits of about ten, in steps of 1/16


def test_unless_unedited_rows_reproduce_the_run_nothing_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    run = capture(build("llama", torch.float64), IDS)
    original = passes_module._one_pass
    monkeypatch.setattr(passes_module, "_one_pass", lambda *given: original(*given) * 1.001)
    found: list[object] = []
    with pytest.raises(ModelError, match="a pass without any change gives other logits than the captured one"):
        for outcome in sweep(run, HEADS, METRIC):
            found.append(outcome)
    assert found == []


def test_a_run_that_has_let_go_of_its_model_is_refused() -> None:
    run = capture(build("llama", torch.float64), IDS).detach()
    with pytest.raises(DetachedError):
        list(sweep(run, HEADS, METRIC))


def test_a_model_that_has_changed_is_refused() -> None:
    model = build("llama", torch.float64)
    run = capture(model, IDS)
    with torch.no_grad():
        model.model.layers[2].self_attn.o_proj.weight.mul_(1.5)
    with pytest.raises(ModelChangedError, match="Capture again"):
        list(sweep(run, HEADS, METRIC))


def test_a_model_that_changes_between_two_passes_is_refused() -> None:
    model = build("llama", torch.float64)
    outcomes = sweep(capture(model, IDS), HEADS, METRIC, tokens_at_once=N)
    next(outcomes)
    with torch.no_grad():
        model.model.layers[2].self_attn.o_proj.weight.mul_(1.5)
    with pytest.raises(ModelChangedError):
        list(outcomes)


@pytest.mark.parametrize("layer", [0, 2])
def test_no_experiment_begins_from_a_changed_run(layer: int) -> None:
    """Rows would join it and lose its change in the blocks that are computed anew. As a donor it may serve."""
    run = capture(plain.model("llama"), IDS)
    change = Intervention("z", layer, 1, 5)
    changed = intervene(run, change)
    for begin in (lambda: list(sweep(changed, HEADS, METRIC)), lambda: intervene(changed, HEADS[0])):
        with pytest.raises(UndefinedHereError, match=r"itself a changed one \(z of head \d.1 set to zero at position 5\).*\(a \+ b\)"):
            begin()
    assert len(list(sweep(intervene(run, []), HEADS, METRIC))) == 12
    (found,) = sweep(run, [Intervention("z", layer, replacement=Replacement.other(changed))], METRIC, known=[changed])
    (wanted,) = sweep(run, [change], METRIC)
    assert found.after == pytest.approx(wanted.after, abs=1e-10)


def test_a_model_without_an_output_head_is_refused() -> None:
    model = build("llama", torch.float64).model
    run = capture(model, IDS)
    with pytest.raises(ActivationUnavailableError, match="no output head"):
        list(passes(run, [edits_of(run, [HEADS[0]], Donors(run))], [-1]))


def test_donors_of_another_length_or_model_are_refused() -> None:
    run = capture(plain.model("llama"), IDS)
    shorter = run.again(IDS[:-2])
    stranger = capture(build("llama", torch.float64), IDS)
    change = Intervention("z", 0, replacement=Replacement.other(shorter))
    for known in ([], [shorter]):
        with pytest.raises(PromptError, match=r"the prompts have 12 and 10 tokens; .* Reword one of them"):
            list(sweep(run, [change], METRIC, known=known))
    with pytest.raises(PromptError, match="two runs of different models"):
        list(sweep(run, [Intervention("z", 0)], METRIC, known=[stranger]))
    with pytest.raises(PromptError, match="different models"):
        require_like(run, stranger)


def test_a_donor_that_is_at_hand_is_not_captured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = capture(plain.model("llama"), IDS)
    other = run.again(OTHER)
    change = Intervention("z", replacement=Replacement.other(other)) + Intervention("q", replacement=Replacement.other(other))
    captures: list[object] = []
    again = Capture.again
    monkeypatch.setattr(Capture, "again", lambda self, *a, **k: captures.append(a) or again(self, *a, **k))
    (known,) = sweep(run, [change], METRIC, known=[other])
    assert captures == []
    (anew,) = sweep(run, [change], METRIC)
    assert len(captures) == 1
    assert anew.after == pytest.approx(known.after, abs=1e-12)
