"""The numbers of the fields of causes are those of the headless analyses, each from the run that it is about."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel

import llmwidgets as lw
from llmwidgets.analysis.effects.direct_total import direct_effect
from llmwidgets.fields import ABSENT, EVIDENCE, BlockRequest
from llmwidgets.widgets.causes.fields import CauseFields
from tests.architectures import build, prompt_ids
from tests.circuit import BACKUP, GAIN, INDUCTION, circuit, prompt
from tests.unit.widgets.causes.heard import BETWEEN_TWO, OF_ONE_PROMPT, Heard, exact
from tests.unit.widgets.tiny import tiny_gpt2

TEXTS = (
    "When Mary and John went to the store, John gave a drink to",
    "When Mary and John went to the store, Mary gave a drink to",
)
METRIC = lw.Metric(" Mary", foil=" John")
SENTENCE = "Measured: logit(' Mary') - logit(' John') at position 13."


@pytest.fixture(scope="module")
def clean() -> lw.Capture:
    return lw.capture(lw.demo_model(), TEXTS[0])


@pytest.fixture(scope="module")
def corrupted(clean: lw.Capture) -> lw.Capture:
    return clean.again(TEXTS[1])


def same(found: np.ndarray, expected: object) -> None:
    np.testing.assert_array_equal(found, exact(expected))


def states(causes: CauseFields, name: str) -> np.ndarray:
    field = causes.fields[name]
    state = field.block(BlockRequest(name, {axis.coordinate: axis.range for axis in field.axes})).state
    assert state is not None
    return state


def test_numbers_of_one_prompt_are_those_of_the_analyses(clean: lw.Capture):
    heard = Heard(clean, METRIC)
    same(heard.filled("direct_contribution"), lw.direct_logit_attribution(clean, METRIC).heads)
    same(heard.filled("ablation_effect"), lw.ablate(clean, METRIC).effect)
    same(heard.filled("ablation_estimate"), lw.estimate_ablation(clean, METRIC).estimate)
    same(heard.filled("direct_effect"), lw.direct_and_total_effect(clean, METRIC).direct)
    same(heard.filled("edge_contribution"), lw.edge_contribution(clean, METRIC).read())
    same(heard.filled("norm_weighted_attention"), lw.norm_weighted_attention(clean).read())
    assert set(heard.causes.fields) == set(OF_ONE_PROMPT), "nothing of a second prompt where there is none"


def test_numbers_between_two_prompts_are_those_of_patching(clean: lw.Capture, corrupted: lw.Capture):
    heard = Heard(clean, METRIC, second=corrupted)
    assert set(heard.causes.fields) == {*OF_ONE_PROMPT, *BETWEEN_TWO}
    for direction in ("denoise", "noise"):
        same(heard.filled(f"patching_{direction}"), lw.patch(clean, corrupted, METRIC, direction=direction).effect)
        same(heard.filled(f"patching_heads_{direction}"), lw.patch(clean, corrupted, METRIC, site="z", direction=direction).effect)
    estimate = lw.attribution_patching(clean, corrupted, METRIC, direction="noise", verify=0).estimate
    same(heard.filled("patching_estimate"), estimate)


def test_prompts_of_unequal_length_are_patched_by_pairs_over_the_first_ones_positions(clean: lw.Capture):
    longer = clean.again("Then " + TEXTS[1][0].lower() + TEXTS[1][1:])
    n, shift = clean.n_tokens, longer.n_tokens - clean.n_tokens
    assert shift > 0
    assert "patching_noise" not in Heard(clean, METRIC, second=longer).causes.fields, "without pairs nothing goes together"
    pairs = [(place, place + shift) for place in range(2, n)]
    heard = Heard(clean, METRIC, second=longer, pairs=pairs)
    same(heard.filled("patching_noise"), lw.patch(clean, longer, METRIC, direction="noise", pairs=pairs).effect)
    denoised = lw.patch(clean, longer, METRIC, direction="denoise", pairs=pairs).effect.values[:, shift:]
    same(heard.filled("patching_denoise"), denoised)
    for name in ("patching_denoise", "patching_noise"):
        assert (states(heard.causes, name)[:, :2] == ABSENT).all() and heard.causes.progress()[name]["total"] == 4 * (n - 2)
    same(heard.filled("patching_heads_denoise"), lw.patch(clean, longer, METRIC, site="z", pairs=pairs).effect)
    screened = lw.attribution_patching(clean, longer, METRIC, direction="noise", verify=0, pairs=pairs).estimate
    same(heard.filled("patching_estimate"), screened)


@pytest.mark.parametrize("quantity", ["log_probability", "probability", "kl", "rank"])
def test_other_quantities_are_measured_in_their_own_unit(quantity: str, clean: lw.Capture, corrupted: lw.Capture):
    metric = lw.Metric(" Mary", foil=" John", quantity=quantity)
    heard = Heard(clean, metric, second=corrupted)
    same(heard.filled("ablation_effect"), lw.ablate(clean, metric).effect)
    same(heard.filled("patching_heads_noise"), lw.patch(clean, corrupted, metric, site="z", direction="noise").effect)
    same(heard.filled("direct_effect"), direct_effect(clean, metric, final_norm="recomputed"))
    same(heard.filled("direct_contribution"), lw.direct_logit_attribution(clean, metric).heads)
    assert heard.causes.fields["direct_contribution"].unit == "logits"
    assert heard.causes.fields["ablation_effect"].unit == lw.ablate(clean, metric).attrs["unit"]
    has_slope = quantity not in ("kl", "rank")
    assert ("ablation_estimate" in heard.causes.fields) == ("patching_estimate" in heard.causes.fields) == has_slope


def test_the_terms_of_the_decomposition_add_up_and_the_note_says_so(clean: lw.Capture):
    heard = Heard(clean, METRIC)
    assert heard.causes.progress()["decomposition"]["note"] is None, "nothing is known before it is read"
    parts = heard.causes.fields["decomposition"].read()
    found = lw.direct_logit_attribution(clean, METRIC, by="layer")
    assert np.nansum(parts.values) == pytest.approx(float(found.total), abs=1e-5)
    by_name = dict(zip(parts["term_label"].values, parts.values, strict=True))
    assert by_name["attention 3"] == np.float32(found.attention[3]) and by_name["mlp 0"] == np.float32(found.mlp[0])
    assert by_name["constant"] == np.float32(found.constant) and list(by_name)[:3] == ["embed", "position embed", "attention 0"]
    note = heard.causes.progress()["decomposition"]["note"]
    assert note is not None and note.startswith(f"adds up to {float(found.total):.4g}; closing error ") and heard.said


def test_with_a_change_the_ablations_are_further_effects_on_top_of_it():
    truth = prompt()
    run = lw.capture(circuit(), truth.ids)
    metric = lw.Metric(truth.answer, truth.foil)
    alone = Heard(run, metric).filled("ablation_effect")
    assert abs(alone[INDUCTION]) < 1e-2 and abs(alone[BACKUP]) < 1e-2, "either stands in for the other"
    change = lw.Intervention("z", *INDUCTION)
    changed = lw.intervene(run, change)
    for given in (changed, None):
        heard = Heard(run, metric, change=change, changed=given)
        further = heard.filled("ablation_effect")
        assert further[BACKUP] == pytest.approx(-GAIN, abs=1e-2), "now it alone holds the answer"
        assert further[INDUCTION] == pytest.approx(0, abs=1e-6), "it is out already"
    both = lw.effect_of(run, metric, change + lw.Intervention("z", *BACKUP)).effect
    before = lw.effect_of(run, metric, change).effect
    assert further[BACKUP] == pytest.approx(float(both - before), abs=1e-6)


def test_contributions_with_a_change_are_those_of_the_changed_run(clean: lw.Capture, corrupted: lw.Capture):
    change = lw.Intervention("z", 3, 1)
    changed = lw.intervene(clean, change)
    heard = Heard(clean, METRIC, change=change, changed=changed, second=corrupted)
    same(heard.filled("direct_contribution"), lw.direct_logit_attribution(changed, METRIC).heads)
    same(heard.filled("direct_effect"), direct_effect(changed, METRIC))
    assert not {"ablation_estimate", *BETWEEN_TWO} & set(heard.causes.fields), "these begin from unchanged runs"
    assert "On top of the active changes." in heard.causes.fields["ablation_effect"].caveat
    assert "Of the changed run." in heard.causes.fields["direct_contribution"].caveat
    without = Heard(clean, METRIC, change=change)
    assert "ablation_effect" in without.causes.fields and "direct_contribution" not in without.causes.fields


def test_of_a_run_that_is_itself_a_changed_one_there_are_contributions_only(clean: lw.Capture, corrupted: lw.Capture):
    changed = lw.intervene(clean, lw.Intervention("z", 0, 2))
    for given in ({}, {"second": corrupted}):
        heard = Heard(changed, METRIC, **given)
        assert set(heard.causes.fields) == {*OF_ONE_PROMPT} - {"ablation_effect", "ablation_estimate"}
    same(heard.filled("direct_contribution"), lw.direct_logit_attribution(changed, METRIC).heads)
    assert (states(heard.causes, "edge_contribution")[0, 2] == ABSENT).all() and np.isfinite(heard.filled("direct_effect")).all()


def test_a_stream_that_was_overwritten_at_the_metrics_position_is_not_taken_apart(clean: lw.Capture, corrupted: lw.Capture):
    put = lw.Replacement.other(corrupted)
    for position, there in ((-1, False), (None, False), (10, True)):
        change = lw.Intervention("resid_pre", 2, position=position, replacement=put)
        changed = lw.intervene(clean, change, known=[corrupted])
        heard = Heard(clean, METRIC, change=change, changed=changed, known=[corrupted])
        assert ("direct_contribution" in heard.causes.fields) == ("decomposition" in heard.causes.fields) == there
        assert not {"edge_contribution", "norm_weighted_attention"} & set(heard.causes.fields), "looks reach back to every position"
        further = heard.filled("ablation_effect")
        assert np.isfinite(further).all()
        if there:
            same(heard.filled("direct_contribution"), lw.direct_logit_attribution(changed, METRIC).heads)


def test_looks_in_whose_place_a_change_put_something_else_are_absent_and_the_others_are_there(clean: lw.Capture):
    for change, gone in ((lw.Intervention("z", 3, 1), (3, 1)), (lw.Intervention("attn_out", 3), (3,))):
        changed = lw.intervene(clean, change)
        heard = Heard(clean, METRIC, change=change, changed=changed)
        analyses = {
            "edge_contribution": lw.edge_contribution(changed, METRIC),
            "norm_weighted_attention": lw.norm_weighted_attention(changed),
        }
        for name, analysis in analyses.items():
            found, state = heard.filled(name), states(heard.causes, name)
            assert (state[gone] == ABSENT).all() and np.isnan(found[gone]).all()
            assert heard.causes.fields[name].cell(layer=3, head=1, query=13, key=2)["state"] == "absent"
            np.testing.assert_allclose(found[1, :, 8], analysis.read(layer=1, query=8).values, rtol=1e-5, atol=1e-7)
            if len(gone) == 2:
                np.testing.assert_allclose(found[3, 2, 13], analysis.read(layer=3, head=2, query=13).values, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "qwen3", "gpt_neox"])
def test_every_field_is_there_on_the_usual_architectures(name: str):
    run = lw.capture(build(name), prompt_ids(12))
    metric = lw.Metric(10, 20, position=7)
    heard = Heard(run, metric)
    assert set(heard.causes.fields) == set(OF_ONE_PROMPT)
    same(heard.filled("ablation_effect"), lw.ablate(run, metric).effect)
    same(heard.filled("direct_contribution"), lw.direct_logit_attribution(run, metric).heads)
    same(heard.filled("direct_effect"), lw.direct_and_total_effect(run, metric).direct)
    same(heard.filled("ablation_estimate"), lw.estimate_ablation(run, metric).estimate)
    parts = heard.filled("decomposition")
    assert np.nansum(parts) == pytest.approx(float(lw.direct_logit_attribution(run, metric).total), rel=1e-3, abs=1e-3)
    assert np.isfinite(heard.causes.fields["edge_contribution"].read(layer=1, head=2, query=7, key=[0, 3]).values).all()


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("bert", {"direct_contribution", "edge_contribution", "decomposition"}),  # its read-out is no sum
        ("gptj", {"edge_contribution", "norm_weighted_attention"}),  # its attention does not show its values
        ("mamba", {*OF_ONE_PROMPT} - {"decomposition"}),  # it has no heads
    ],
)
def test_what_an_architecture_has_no_such_numbers_for_is_left_out_and_the_rest_is_there(name: str, lacks: set[str]):
    run = lw.capture(build(name), prompt_ids(12))
    metric = lw.Metric(10, 20, position=7)
    heard = Heard(run, metric)
    assert set(heard.causes.fields) == {*OF_ONE_PROMPT} - lacks
    assert all(np.isfinite(heard.filled(field)).any() for field in heard.causes.fields)
    if name == "bert":
        same(heard.filled("direct_effect"), direct_effect(run, metric, final_norm="recomputed"))


def test_heads_that_a_layer_lacks_are_absent_and_never_waited_for():
    run = lw.capture(build("lfm2"), prompt_ids(12))  # its first and last layer have no attention
    heard = Heard(run, lw.Metric(10, 20))
    assert heard.causes.progress()["ablation_effect"]["total"] == 4
    same(heard.filled("ablation_effect")[1], lw.ablate(run, lw.Metric(10, 20)).effect.sel(layer=1))
    for name in ("ablation_effect", "direct_contribution", "ablation_estimate", "direct_effect"):
        heard.filled(name)
        assert (states(heard.causes, name)[[0, 2]] == ABSENT).all() and (states(heard.causes, name)[1] != ABSENT).all()


def with_two_heads_in_layer_1() -> GPT2LMHeadModel:
    model = tiny_gpt2(layers=3)
    attention = model.transformer.h[1].attn
    attention.num_heads, attention.head_dim = 2, attention.head_dim * 2
    return model


def test_a_layer_with_fewer_heads_has_numbers_for_those_it_has():
    run = lw.capture(with_two_heads_in_layer_1(), torch.tensor([3, 9, 14, 9, 3, 20]))
    assert run.heads_per_layer == (4, 2, 4)
    metric = lw.Metric(5, 6)
    heard = Heard(run, metric)
    same(heard.filled("ablation_effect"), lw.ablate(run, metric).effect)
    same(heard.filled("direct_contribution"), lw.direct_logit_attribution(run, metric).heads)
    lacking = np.zeros((3, 4), bool)
    lacking[1, 2:] = True
    for name in ("ablation_effect", "direct_contribution", "ablation_estimate", "direct_effect"):
        heard.filled(name)
        assert np.array_equal(states(heard.causes, name) == ABSENT, lacking)


def test_each_field_says_what_it_is_in_the_words_of_its_method(clean: lw.Capture, corrupted: lw.Capture):
    fields = Heard(clean, METRIC, second=corrupted).causes.fields
    for name, field in fields.items():
        described = field.meta()
        assert described["evidence"] in EVIDENCE and described["unit"] and len(described["title"]) < 32
        assert (SENTENCE in described["caveat"]) == (name != "norm_weighted_attention")
    intervened = {name for name, field in fields.items() if field.evidence == "intervention"}
    assert intervened == {"ablation_effect", *BETWEEN_TWO} - {"patching_estimate"}
    assert fields["decomposition"].meta()["axes"][0]["labels"][2] == "attention 0"
    assert [axis.coordinate for axis in fields["patching_noise"].axes] == ["layer", "position"]


def test_a_metric_that_cannot_be_asked_is_refused_when_the_fields_are_made(clean: lw.Capture):
    with pytest.raises(ValueError, match="needs a foil"):
        Heard(clean, lw.Metric(" Mary"))
    with pytest.raises(IndexError):
        Heard(clean, lw.Metric(" Mary", foil=" John", position=40))
