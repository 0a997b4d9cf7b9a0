"""A changed run is a Capture like any other: what it holds is what the changed pass computed."""

from __future__ import annotations

import json

import pytest
import torch

import llmwidgets as lw
from llmwidgets.models.errors import UndefinedHereError
from tests.architectures import CAUSES, FloatsStayDouble, build, prompt_ids

N_TOKENS = 12


@pytest.fixture(scope="module", params=CAUSES)
def run(request):
    with FloatsStayDouble():
        return lw.capture(build(request.param, torch.float64), prompt_ids(N_TOKENS))


def test_without_any_change_it_is_the_same_run(run):
    with FloatsStayDouble():
        again = lw.intervene(run, [])
    assert torch.equal(again["resid_post", -1], run["resid_post", -1])
    assert again.token_ids == run.token_ids


def test_its_answer_is_the_one_that_a_sweep_finds(run):
    metric = lw.Metric.proposed(run)
    change = lw.Intervention("z", layer=1, head=[0, 2]) + lw.Intervention("scores", layer=2, head=1, position=-1, key=[0, 1])
    with FloatsStayDouble():
        changed = lw.intervene(run, change)
        (outcome,) = lw.sweep(run, [change], metric)
    assert abs(metric.on(run).values(changed.logits[[-1]])["logit_difference"].item() - outcome.after["logit_difference"]) < 1e-10
    assert changed.integrity.ok
    assert changed.fingerprint != run.fingerprint


def test_a_cut_look_has_no_weight_and_its_row_still_sums_to_one(run):
    with FloatsStayDouble():
        changed = lw.intervene(run, lw.Intervention("scores", layer=1, position=-1, key=[2, 3]))
    row = changed.pattern(1, queries=-1)  # (head, key)
    assert float(row[:, [2, 3]].abs().max()) == 0.0
    assert torch.allclose(row.sum(-1), torch.ones(run.n_heads, dtype=row.dtype))
    assert torch.equal(changed.pattern(0), run.pattern(0))


def test_what_was_replaced_is_what_is_recorded(run):
    with FloatsStayDouble():
        other = run.again(prompt_ids(N_TOKENS, seed=9))
        changed = lw.intervene(
            run, lw.Intervention("resid_pre", layer=2, position=4, replacement=lw.Replacement.other(other)), known=[other]
        )
    assert torch.equal(changed["resid_pre", 2][4], other["resid_pre", 2][4])
    assert torch.equal(changed["resid_pre", 1], run["resid_pre", 1])


def test_the_clean_run_and_the_model_stay_as_they_were(run):
    before = {name: run[name, 1] for name in ("resid_post", "z")}
    with FloatsStayDouble():
        lw.intervene(run, lw.Intervention("z", layer=0))
    assert all(torch.equal(run[name, 1], kept) for name, kept in before.items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in run.subject.model.modules())


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3", "gpt_neox"])
@pytest.mark.parametrize("site", ["z", "attn_out", "q", "scores", "resid_pre", "mlp_post"])
def test_an_mlp_s_inner_activations_are_those_of_the_changed_block(name, site):
    where = {"key": 0} if site == "scores" else {"neuron": [1, 2]} if site == "mlp_post" else {}
    with FloatsStayDouble():
        run = lw.capture(build(name, torch.float64), prompt_ids(N_TOKENS))
        changed = lw.intervene(run, lw.Intervention(site, layer=1, position=5, **where))
        own = [changed["mlp_post", 1], run["mlp_post", 1]]
        block = run.bench("a test").anatomy.blocks[1]
        added = run.subject.model.get_submodule(block.mlp_output_projection)(own[0])
    torch.testing.assert_close(added, changed["mlp_out", 1], rtol=1e-12, atol=1e-12)
    differs = site != "attn_out" or name != "gpt_neox"  # whose MLP does not read what attention adds
    assert torch.equal(*own) != (differs and (site in ("resid_pre", "mlp_post") or name != "gpt_neox"))


@pytest.mark.parametrize("name", ["bloom", "gptj"])
def test_a_head_is_changed_in_a_model_whose_attention_runs_again(name):
    with FloatsStayDouble():
        run = lw.capture(build(name, torch.float64), prompt_ids(N_TOKENS))
        changed = lw.intervene(run, lw.Intervention("z", layer=1, head=[0, 2]))
        assert changed.integrity.ok
        assert float(changed["z", 1][[0, 2]].abs().max()) == 0.0
        assert torch.equal(changed.pattern(1), run.pattern(1))
        assert not torch.equal(changed.pattern(2), run.pattern(2))


def test_a_changed_run_says_so_and_begins_no_experiment(run):
    with FloatsStayDouble():
        changed = lw.intervene(run, lw.Intervention("z", layer=1, head=0))
        assert json.loads(changed.change) == [lw.Intervention("z", layer=1, head=0).to_json()]
        assert run.change == changed.again(prompt_ids(N_TOKENS)).change == ""
        for ask in (
            lambda: list(lw.sweep(changed, [lw.Intervention("z", layer=0)], lw.Metric.proposed(run))),
            lambda: lw.intervene(changed, lw.Intervention("z", layer=0)),
        ):
            with pytest.raises(UndefinedHereError, match=r"this run is itself a changed one \(z of head 1.0 set to zero"):
                ask()


def test_a_changed_run_can_be_asked_many_times_and_at_once(run):
    with FloatsStayDouble():
        changed = lw.intervene(run, lw.Intervention("z", layer=1, head=0))
        once, with_others = changed["mlp_post", 1], changed["mlp_post", 2]
        run["mlp_post", 1]
        assert torch.equal(changed["mlp_post", 1], once)
        assert torch.equal(changed["mlp_post", 2], with_others)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in changed.bench("a test").twin.module.modules())
