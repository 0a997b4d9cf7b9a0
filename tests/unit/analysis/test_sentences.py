"""Sentences about causes say what was changed, what changed with it and on how many prompts, and never more than that."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.analysis import decompose, logit_lens
from llmwidgets.analysis.contributions.direct import direct_logit_attribution
from llmwidgets.analysis.contributions.edges import edge_contribution
from llmwidgets.analysis.effects.knockout import knock_out
from llmwidgets.analysis.lens import CAVEAT as LENS_CAVEAT
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import METHODS, caveat, in_words
from llmwidgets.analysis.sentences.figures import signed
from llmwidgets.analysis.sentences.finding import FINDINGS
from llmwidgets.capture import capture
from llmwidgets.experiments.metric import Metric
from tests.architectures import build

METRIC = "logit(' Mary') - logit(' John') at position 13"
BEFORE = {"logit_difference": 8.19, "log_probability": -0.018, "probability": 0.982, "kl": 0.0, "rank": 1.0}
TOO_MUCH = re.compile(r"because|explain|responsible|head \d+\.\d+ (does|copies|is for)|\binf\b|\bnan\b|e\+\d{2,}", re.IGNORECASE)


def effects(method: str, effect: Any = -3.88, *, others: dict[str, float] | None = None, **attrs: Any) -> xarray.Dataset:
    """The result of a method at head 0.0 and 0.1 (where it is NaN)."""
    variables = {"effect": (("layer", "head"), [[effect, np.nan]])}
    variables.update({name: (("layer", "head"), [[value, np.nan]]) for name, value in (others or {}).items()})
    said = {"method_name": method, "metric": METRIC, "quantity": "logit_difference", "before": BEFORE, "n_prompts": 1, **attrs}
    return xarray.Dataset(variables, {"layer": [0], "head": [0, 1]}, said)


def ablated(effect: float = -3.88, **attrs: Any) -> str:
    return in_words(effects("ablation", effect, **{"replacement": "zero", **attrs}), layer=0, head=0)


def over(effects_: list[float], **attrs: Any) -> xarray.Dataset:
    """What `over_prompts` makes of an ablation with these effects."""

    @over_prompts
    def ablate(run: Any) -> xarray.Dataset:
        return effects("ablation", effects_[run.token_ids[0]], replacement="zero", **attrs)

    run = capture(build("gpt2"), [0])
    return ablate([run.again([i]) for i in range(len(effects_))])


# caveats


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_caveat_and_a_sentence(method):
    settings_of = {"replacement": "mean"} if method == "ablation" else {}
    said = caveat(method, **settings_of)
    assert said.endswith(".") and len(said) < 240 and not TOO_MUCH.search(said)
    assert method in FINDINGS


def test_the_caveat_of_an_ablation_names_what_its_replacement_brings():
    each = {caveat("ablation", replacement=replacement) for replacement in ("zero", "mean", "resample")}
    assert len(each) == 3
    assert all("Another replacement may rank parts differently." in said and "a backup may take over" in said for said in each)


def test_settings_that_change_what_can_be_told_change_the_caveat():
    assert "saturated" in caveat("attribution_patching", qk_fix=False)
    assert "saturated" not in caveat("attribution_patching", qk_fix=True)
    assert "Another replacement" in caveat("direct_and_total", replacement="zero")


def test_the_lens_says_the_same_here_as_on_its_own():
    assert caveat("logit_lens") == LENS_CAVEAT


def test_unknown_methods_and_settings_are_refused_with_what_there_is():
    with pytest.raises(ValueError, match=r"method='probe' came; expected one of ablation, knockout"):
        caveat("probe")
    with pytest.raises(ValueError, match=r"replacement=None came; expected one of zero, mean, resample"):
        caveat("ablation")
    with pytest.raises(TypeError, match="rollout has no setting replacement; it has none"):
        caveat("rollout", replacement="zero")


# one prompt


def test_an_ablation_that_lowers_the_metric():
    assert ablated() == (
        f"Setting head 0.0 to zero lowers {METRIC} from 8.19 to 4.31 (-3.88): it worked for the target, on this prompt. "
        "Another replacement may rank heads differently."
    )


def test_an_ablation_that_raises_the_metric_is_not_said_to_be_used():
    said = ablated(2.0, replacement="resample")
    assert said.startswith(
        f"Replacing head 0.0 by its value in another prompt raises {METRIC} from 8.19 to 10.2 (+2.00): it worked against"
    )
    assert "used" not in said


@pytest.mark.parametrize(("effect", "is_small"), [(-0.16, True), (-0.17, False), (0.16, True), (0.0, True)])
def test_under_2_per_cent_of_the_value_before_is_hardly_any_effect(effect, is_small):
    said = ablated(effect)
    assert ("hardly changes" in said and "under 2 % of the value before" in said) is is_small
    assert said.endswith("No effect alone does not mean unused: a backup may take over.") is is_small


def test_where_the_value_before_is_near_zero_the_threshold_is_a_floor():
    said = ablated(0.005, before={"logit_difference": 0.001})
    assert "hardly changes" in said and "under 0.01" in said


def test_the_targets_rank_is_told_where_it_changes():
    said = ablated(others={"rank": 4.0, "probability": 0.0002})
    assert "The target goes from 1st to 4th, its probability from 0.982 to below 0.001." in said
    assert "1st" not in ablated(others={"rank": 1.0})


def test_ranks_are_whole_numbers():
    said = ablated(3.0, metric="rank of ' Mary' at position 13", quantity="rank")
    assert "moves the rank of ' Mary' at position 13 from 1st to 4th (+3 places): it worked for the target" in said
    assert "hardly changes" in ablated(0.0, quantity="rank")


def test_small_probabilities_and_divergences_are_not_shown_as_nothing():
    assert "from 0.982 to below 0.001 (-0.982)" in ablated(-0.98195, quantity="probability")
    assert "(less than 0.001 down, under 2 % of the value before)" in ablated(-0.0002, quantity="probability")
    assert "from 0 to 0.820 (+0.820): the prediction depended on it" in ablated(0.82, quantity="kl")
    assert "0 before, below 0.001 after (less than 0.001 up, under 0.01)" in ablated(0.0002, quantity="kl")


@pytest.mark.parametrize("effect", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "method", ["ablation", "knockout", "denoise", "noise", "attribution_patching", "direct_contribution", "edge_contribution"]
)
def test_what_is_not_finite_is_not_defined_here_and_no_number(method, effect):
    said = in_words(effects(method, effect, replacement="zero"), layer=0, head=0)
    assert "not defined here" in said and not TOO_MUCH.search(said)
    missing = "there was no such look to cut" if method == "knockout" else "there is no number at this place"
    assert missing in in_words(effects(method, replacement="zero"), layer=0, head=1)


@pytest.mark.parametrize(
    ("site", "coordinates", "words"),
    [
        ("mlp_out", {"layer": 2}, "the MLP of layer 2"),
        ("attn_out", {"layer": 2, "position": 5}, "the attention of layer 2 at position 5 (' <b>')"),
        ("resid_pre", {"layer": 2, "position": 5}, "the residual stream before layer 2 at position 5 (' <b>')"),
        ("q", {"layer": 2, "head": 1}, "the queries of head 2.1"),
        ("k", {"layer": 2, "kv_head": 1}, "the keys of key/value head 2.1"),
        ("mlp_post", {"layer": 2, "neuron": 77}, "neuron 77 of the MLP of layer 2"),
        (None, {"layer": 2, "head": 1}, "head 2.1"),
        (None, {}, "what was changed"),
    ],
)
def test_what_was_changed_is_named_by_its_site_and_place(site, coordinates, words):
    result = xarray.Dataset(
        {"effect": (tuple(coordinates), np.full((1,) * len(coordinates), -1.0))},
        {name: [at] for name, at in coordinates.items()},
        {"method_name": "ablation", "replacement": "zero", **({"site": site} if site else {})},
    )
    if "position" in coordinates:
        result = result.assign_coords(token=("position", [" <b>"]))
    assert in_words(result, **coordinates).startswith(f"Setting {words} to zero lowers the metric (-1.00)")
    assert in_words(result) == in_words(result, **coordinates)  # there is one place only


def test_a_cut_look_says_where_it_looked_and_that_its_weight_moved():
    result = xarray.Dataset(
        {"effect": (("query", "key"), [[-3.0]]), "moved": (("query", "key"), [[0.43]])},
        {"layer": 0, "head": 3, "query": [13], "key": [2], "query_token": ("query", [" to"]), "key_token": ("key", [" Mary"])},
        {"method_name": "knockout", "metric": METRIC, "before": BEFORE},
    )
    said = in_words(result, query=13, key=2)
    assert said.startswith("Cutting the look of head 0.3 from position 13 (' to') to position 2 (' Mary') lowers")
    assert said.endswith("(-3.00): it worked for the target, on this prompt. 43 % of the row's weight moved to other keys.")
    assert "Cutting the looks of head 0.0 lowers" in in_words(effects("knockout"), layer=0, head=0)
    assert "(+3.00): they worked against the target" in in_words(effects("knockout", 3.0), layer=0, head=0)


def test_a_knockout_of_many_looks_says_which_layers_and_positions():
    attrs = {"method_name": "knockout", "metric": METRIC, "looks": [[13, 1]], "layers": [0, 1], "heads": "all", "before": BEFORE}
    together = xarray.Dataset({"effect": -3.0, "moved": (("layer", "head"), np.ones((2, 2)))}, {"layer": [0, 1], "head": [0, 1]}, attrs)
    said = in_words(together)
    assert said.startswith("Cutting the looks of layers 0 and 1 from position 13 to position 1 lowers")
    assert said.endswith("The row's weight moved to other keys.")
    with pytest.raises(ValueError, match="the effect is not by all of these coordinates; it is by no coordinate: one change was made"):
        in_words(together, layer=0)


@pytest.mark.parametrize(
    ("window", "layer", "attrs", "cut"),
    [
        (1, 3, {}, "layer 3"),
        (3, 0, {}, "layers 0 and 1"),
        (2, 1, {}, "layers 1 and 2"),
        (5, 2, {}, "layers 0 to 4"),
        (3, 1, {"heads": [0, 2]}, "heads 0, 2 of layers 0 to 2"),
        (3, 4, {"windows": [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4]]}, "layers 3 and 4"),
        (3, 4, {}, "layers 3 to 5 (as far as the model has them)"),
        (2, 4, {"layers": [4, 0], "windows": [[4], [0, 1]]}, "layer 4"),
    ],
)
def test_a_window_names_exactly_the_layers_that_were_cut(window, layer, attrs, cut):
    said = {"method_name": "knockout", "looks": [[13, 1]], "layers": list(range(5)), "heads": "all", "window": window, **attrs}
    by_layer = xarray.Dataset({"effect": ("layer", np.full(5, -3.0))}, {"layer": range(5)}, said)
    assert in_words(by_layer, layer=layer).startswith(f"Cutting the looks of {cut} from position 13 to position 1 lowers")


@pytest.mark.parametrize(
    ("asked", "place", "cut"),
    [
        ({"query": -1, "heads": [0]}, {}, "looks of head 0 of layers 0 to 2 from position 11 to positions 0-10"),
        ({"query": -1, "key": 2, "layers": [1], "heads": [0, 3]}, {}, "looks of heads 1.0, 1.3 from position 11 to position 2"),
        ({"query": -1, "key": 2, "layers": [1], "heads": [3]}, {}, "look of head 1.3 from position 11 to position 2"),
        (
            {"query": [10, 11], "key": [1, 3], "each": "head"},
            {"layer": 1, "head": 0},
            "looks of head 1.0 from positions 10, 11 to positions 1, 3",
        ),
        (
            {"query": -1, "key": range(0, 10, 2), "each": "layer"},
            {"layer": 0},
            "looks of layer 0 from position 11 to 5 positions (0 ... 8)",
        ),
        ({"key": 2}, {}, "looks of layers 0 to 2 from positions 3-11 to position 2"),
        ({"query": -1, "each": "layer", "window": 3}, {"layer": 0}, "looks of layers 0 and 1 from position 11 to positions 0-10"),
    ],
)
def test_a_knockout_names_the_heads_and_positions_that_were_cut_and_no_others(asked, place, cut):
    run = capture(build("gpt2"), [5, 6, 7, 5, 8, 9, 10, 11, 12, 13, 14, 15])
    assert in_words(knock_out(run, Metric(4, foil=6), **asked), **place).startswith(f"Cutting the {cut} ")


def test_changes_made_together_are_told_in_their_own_words():
    change = "z of heads 0.0, 0.1 set to zero\nlooks from position 13 to position 2 cut in layer 1"
    attrs = {"method_name": "ablation", "replacement": "several", "change": change, "metric": METRIC, "before": BEFORE}
    said = in_words(xarray.Dataset({"effect": -3.0}, attrs=attrs))
    assert said == (
        "This change (z of heads 0.0, 0.1 set to zero; looks from position 13 to position 2 cut in layer 1) lowers "
        f"{METRIC} from 8.19 to 5.19 (-3.00): what was changed worked for the target, on this prompt."
    )


def test_positions_of_a_change_that_are_not_the_place_are_named():
    assert ablated(positions=[3, 4]).startswith("Setting head 0.0 at positions 3, 4 to zero lowers")
    assert ablated(positions="all").startswith("Setting head 0.0 to zero lowers")
    rows = xarray.Dataset(
        {"effect": ("query", [1.0])}, {"layer": 0, "head": 1, "query": [13]}, {"method_name": "denoise", "site": "pattern"}
    )
    assert in_words(rows).startswith("Putting the clean run's pattern of head 0.1 at position 13 into the corrupted run raises")


def patched(method: str, effect: float, recovery: float, **attrs: Any) -> str:
    return in_words(effects(method, effect, others={"recovery": recovery}, before={"logit_difference": 1.0}, **attrs), layer=0, head=0)


def test_denoising_says_how_far_it_is_enough():
    said = patched("denoise", 6.0, 0.834)
    assert said.startswith(f"Putting the clean run's head 0.0 into the corrupted run raises {METRIC} from 1.00 to 7.00 (+6.00): enough to")
    assert (
        "enough to restore 83 % of the difference between the two prompts. Whether the clean run needs it, denoising does not tell." in said
    )
    assert "more than enough to restore the difference between the two prompts (120 %)" in patched("denoise", 9.0, 1.2)
    assert "it goes the other way, by 20 % of the difference" in patched("denoise", -1.0, -0.2)
    assert "hardly enough" in patched("denoise", 0.01, 0.001) and "backup" in patched("denoise", 0.01, 0.001)
    assert "needed" not in said
    assert "backup" not in patched("denoise", 0.015, 0.5)  # a small change between prompts that hardly differ, but half the way


def test_noising_says_how_far_it_is_needed():
    said = patched("noise", -0.62, 0.38)
    assert "Putting the corrupted run's head 0.0 into the clean run lowers" in said
    assert "needed to keep 62 % of the difference between the two prompts. Whether it is enough alone, noising does not tell." in said
    assert "enough to restore" not in said
    assert "grows by 10 %" in patched("noise", 0.1, 1.1)
    assert "and more than that (130 % is lost)" in patched("noise", -1.3, -0.3)


@pytest.mark.parametrize("method", ["denoise", "noise"])
def test_prompts_that_hardly_differ_have_no_share(method):
    for said in (patched(method, 0.5, np.nan), patched(method, 0.5, 17.0, no_ratio="hardly differ"), patched(method, 0.5, np.inf)):
        assert "The two prompts hardly differ in this metric, so no share is given." in said
        assert "%" not in said.replace("under 2 %", "")


def test_an_estimate_is_attributed_until_patching_verifies_it():
    result = effects("attribution_patching", others={"verified": 2.9, "recovery_estimate": 0.83}, direction="denoise")
    result = result.rename(effect="estimate")
    said = in_words(result, layer=0, head=0)
    assert said == (
        f"Putting the clean run's head 0.0 into the corrupted run is estimated to change {METRIC} by -3.88: attributed, not caused; "
        "patching itself changes it by +2.90. That is an estimated 83 % of the difference between the two prompts."
    )
    assert "not verified by patching here" in in_words(result.drop_vars("verified"), layer=0, head=0)


@pytest.mark.parametrize(
    ("total", "direct", "says"),
    [
        (-3.88, -2.1, "The rest (-1.78) is relayed by what comes after it."),
        (-0.05, -2.1, "What comes after it repairs it (+2.05)."),
        (1.0, -2.1, "What comes after it more than repairs it (+3.10)."),
        (-3.0, 0.0, "The rest (-3.00) is relayed by what comes after it."),
        (-3.0, -3.01, "What comes after it hardly repairs or relays it."),
        (-0.01, 0.0, "What comes after it hardly repairs or relays it. No effect alone does not mean unused: a backup may take over."),
    ],
)
def test_direct_beside_total_tells_repaired_from_relayed(total, direct, says):
    result = effects("direct_and_total", total, others={"direct": direct}, replacement="zero").rename(effect="total")
    said = in_words(result, layer=0, head=0)
    assert said.endswith(says) and "in total; directly, with everything later frozen, the change is" in said


def test_contributions_are_attributed_and_nothing_is_said_of_use():
    said = in_words(effects("direct_contribution", 2.31).rename(effect="contribution"), layer=0, head=0)
    assert said == f"Of {METRIC} (8.19 in all), +2.31 is attributed to head 0.0, directly. Adds up exactly. Counts only the last hop."
    look = xarray.DataArray(
        [[1.2]], {"layer": 0, "head": 3, "query": [13], "key": [2]}, ("query", "key"), attrs={"method_name": "edge_contribution"}
    )
    said = "+1.20 is attributed to the look of head 0.3 from position 13 to position 2, directly. Later layers can undo it."
    assert in_words(look) == f"Of target minus foil at position 13, {said}"
    titled = look.assign_attrs(title="direct contribution to logit(' Mary') - mean logit")
    assert in_words(titled) == f"Of logit(' Mary') - mean logit at position 13, {said}"


def test_a_contribution_is_found_by_its_coordinates_or_its_name():
    run = capture(build("gpt2"), [5, 6, 7, 5])
    shares = direct_logit_attribution(run, Metric(4, foil=6)).assign_attrs(method_name="direct_contribution", quantity="logit_difference")
    assert f"{signed(shares.heads[1, 2].item())} is attributed to head 1.2, directly." in in_words(shares, layer=1, head=2)
    assert f"{signed(shares.mlp[1].item())} is attributed to the MLP of layer 1, directly." in in_words(shares, layer=1, part="mlp")
    assert f"{signed(shares.embed.item())} is attributed to the embedding, directly." in in_words(shares, part="embed")
    with pytest.raises(ValueError, match=r"the parts .*mlp.* there; give part= one of them"):
        in_words(shares, layer=1)
    sources = direct_logit_attribution(run, Metric(4, foil=6), by="position").assign_attrs(method_name="direct_contribution")
    said = in_words(sources, layer=1, position=2)
    assert f"{signed(sources.attention[1, 2].item())} is attributed to the attention of layer 1 from position 2 ('7'), directly." in said


def test_what_is_read_of_a_lazy_field_is_known_by_its_name():
    look = xarray.DataArray(0.5, {"layer": 0, "head": 1, "query": 3, "key": 2}, name="norm_weighted_attention")
    assert in_words(look).startswith("What the look of head 0.1 from position 3 to position 2 carries has the length 0.500")


def test_parts_are_found_by_name_or_by_layer_and_head():
    parts = xarray.DataArray(
        [[3.0, 4.0], [0.0, 1.0]],
        {"part": ["head 0.1", "mlp 0"], "layer": ("part", [0, 0]), "head": ("part", [1, -1]), "kind": ("part", ["head", "mlp"])},
        ("part", "d_model"),
        attrs={"method_name": "decomposition"},
    )
    assert in_words(parts, layer=0, head=1) == "Head 0.1 wrote a vector of length 5.00 into the residual stream. Length is not use."
    assert in_words(parts, part="mlp 0").startswith("The part 'mlp 0' wrote a vector of length 1.00")


def test_sizes_and_scores_are_called_what_they_are():
    row = {"layer": 2, "query": [13], "key": [2]}
    share = xarray.DataArray([[0.25]], row, ("query", "key"), attrs={"method_name": "rollout"})
    assert in_words(share) == "By rollout up to layer 2, position 2 has the share 0.250 of position 13: a share of size, not of cause."
    size = xarray.DataArray([[0.25]], {**row, "head": 1}, ("query", "key"), attrs={"method_name": "norm_weighted"})
    assert (
        in_words(size)
        == "What the look of head 2.1 from position 13 to position 2 carries has the length 0.250: a share of size, not of cause."
    )
    scores = xarray.Dataset(
        {"induction": ("head", [0.91]), "induction_chance": ("head", [0.05]), "previous_token": ("head", [0.02])},
        {"layer": 1, "head": [0]},
        {"method_name": "head_scores"},
    )
    assert in_words(scores, head=0) == (
        "Head 1.0 scores 0.91 for induction (chance 0.05), 0.02 for previous token. A pattern match, not a mechanism: confirm by ablation."
    )


def test_the_lens_is_read_out_and_not_held():
    run = capture(build("gpt2"), [5, 6, 7])
    lens = logit_lens(run, k=2).assign_attrs(method_name="logit_lens")
    said = in_words(lens, layer=1, position=2)
    top = lens.sel(layer=1, position=2)
    assert said.startswith(f"After layer 1 at position 2 ('7'), the output layer would say {str(top.top_token[0].item())!r} (")
    assert said.endswith("The model may not hold it in this form.")
    assert in_words(lens, layer=-1, position=0).startswith("After the embedding")


# several prompts


def test_over_several_prompts_stand_mean_interval_number_and_signs():
    each = [-3.0, -4.0, -5.0, 0.5, -3.0, -4.0, -5.0]
    said = in_words(over(each), layer=0, head=0)
    found = over(each).sel(layer=0, head=0)
    low, high = found.effect_low.item(), found.effect_high.item()
    assert f"Over 7 prompts, setting head 0.0 to zero lowers {METRIC}: -3.36 on average, from a mean of 8.19" in said
    assert f"(95 % interval {low:+.2f} to {high:+.2f}; 1 of 7 has the other sign): it worked for the target, on average over" in said


def test_an_interval_over_zero_settles_nothing():
    said = in_words(over([-3.0, 2.0] * 4), layer=0, head=0)
    assert "these prompts do not settle the sign" in said and "worked" not in said


@pytest.mark.parametrize("each", [[-3.0, -2.0], [-3.0, -2.0, -4.0, -3.0, -5.0], [-3.0, np.nan, -2.0, -4.0, -3.0, -5.0], [3.0, 2.0]])
def test_fewer_than_six_prompts_get_numbers_and_no_verdict(each):
    said = in_words(over(each), layer=0, head=0)
    assert f"single prompts from {signed(np.nanmin(each))} to {signed(np.nanmax(each))}): too few prompts to say more." in said
    assert "95 % interval" in said and "on average, from a mean of 8.19" in said
    assert "worked" not in said and "settle" not in said
    assert "too few prompts" not in in_words(over([each[0]] * 6), layer=0, head=0)


def test_the_same_prompt_more_than_once_is_told_and_counts_once():
    result = over([-3.0, -4.0] * 4)
    assert len(set(result.attrs["fingerprints"])) == 8 and "more than once" not in in_words(result, layer=0, head=0)
    twice = result.assign_attrs(fingerprints=result.attrs["fingerprints"][:7] + result.attrs["fingerprints"][:1])
    assert in_words(twice, layer=0, head=0).startswith("Over 8 prompts (the same prompt more than once), setting head 0.0 to zero lowers")
    assert "it worked for the target" in in_words(twice, layer=0, head=0)
    same = result.assign_attrs(fingerprints=result.attrs["fingerprints"][:2] * 4)
    assert "too few prompts to say more" in in_words(same, layer=0, head=0)
    pairs = same.assign_attrs(corrupted_fingerprints=list("abcdefgh"))  # one clean prompt against several corrupted ones
    assert "more than once" not in in_words(pairs, layer=0, head=0)


def test_few_prompts_get_no_verdict_in_what_is_attributed_estimated_or_repaired():
    few = {"n_prompts": 3, "replacement": "zero"}
    shares = in_words(effects("direct_contribution", 2.31, **few).rename(effect="contribution"), layer=0, head=0)
    assert shares.startswith(f"Over 3 prompts, of {METRIC}, this is attributed to head 0.0, directly: +2.31 on average")
    assert "These are too few prompts to say more. Adds up exactly." in shares
    effect = in_words(effects("direct_and_total", -3.88, others={"direct": -2.0}, **few).rename(effect="total"), layer=0, head=0)
    assert effect.endswith("These are too few prompts to say more.") and "relayed" not in effect
    estimate = in_words(effects("attribution_patching", **few).rename(effect="estimate"), layer=0, head=0)
    assert estimate.endswith("not verified by patching here. These are too few prompts to say more.")
    small = in_words(effects("ablation", 0.01, **few), layer=0, head=0)
    assert "These are too few prompts to say more. No effect alone does not mean unused" in small


def test_what_comes_after_is_not_told_where_the_prompts_do_not_settle_it():
    later = {"direct": -2.0, "later": -0.9, "later_low": -2.0, "later_high": 0.2}
    result = effects("direct_and_total", -2.9, others=later, replacement="zero", n_prompts=8).rename(effect="total")
    assert in_words(result, layer=0, head=0).endswith("These prompts do not settle what comes of the rest (-0.900).")


def test_a_small_mean_of_large_effects_shows_them():
    said = in_words(over([-3.0, 3.01] * 4), layer=0, head=0)
    assert "hardly changes" in said and "(under 2 % of the value before; 95 % interval" in said
    assert "single prompts from -3.00 to +3.01" in said


def test_prompts_where_it_is_not_defined_are_counted_out():
    assert "defined in 2 of them; 0 of 2 have the other sign" in in_words(over([-3.0, np.nan, -4.0]), layer=0, head=0)
    said = in_words(over([-3.0, np.inf]), layer=0, head=0)
    assert "not defined here" in said and not TOO_MUCH.search(said)


def test_a_list_of_one_prompt_is_told_as_one():
    assert in_words(over([-3.88]), layer=0, head=0) == ablated()


def test_recovery_over_pairs_names_those_that_differ():
    one = effects("denoise", 6.0, before={"logit_difference": 1.0}, n_prompts=8).isel(layer=0, head=0)
    interval = {"recovery": 0.8, "recovery_low": 0.7, "recovery_high": 0.9}
    result = one.assign(**interval, recovery_each=("prompt", [0.7, 0.9, 0.7, 0.9, 0.7, 0.9, np.nan, np.nan]))
    assert (
        "enough to restore 80 % of the difference between the two prompts on average over 6 of 8 pairs, the others hardly differing in "
        "this metric (95 % interval of the recovery: 70 % to 90 %)."
    ) in in_words(result)
    said = in_words(one.assign_attrs(n_prompts=3).assign(**interval, recovery_each=("prompt", [0.7, 0.9, np.nan])))
    assert (
        "the recovery (0 % as corrupted, 100 % as clean) is 80 % on average over 2 of 3 pairs, the others hardly differing in this metric "
        "(95 % interval of the recovery: 70 % to 90 %; single pairs from 70 % to 90 %), too few prompts to say more."
    ) in said
    assert "enough" not in said


# whatever comes


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(METHODS[:7]),
    st.floats(width=32) | st.floats(-20, 20),
    st.floats(-20, 20) | st.just(float("inf")),
    st.sampled_from(["logit_difference", "log_probability", "probability", "kl", "rank"]),
)
def test_no_sentence_claims_too_much_or_prints_what_is_no_number(method, effect, before, quantity):
    result = effects(method, effect, replacement="mean", quantity=quantity, before={quantity: before}, others={"recovery": effect})
    said = in_words(result, layer=0, head=0)
    assert said.endswith(".") and ".." not in said and "  " not in said
    if abs(effect) < 1e6:
        assert not TOO_MUCH.search(said)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ({"layer": 0}, r"also by head \(2 of them\); a sentence is about one place: give head="),
        ({"layer": 3, "head": 0}, "layer=3 came, but the result has layer 0"),
        ({"layer": 0, "head": 0, "key": 1}, "the result has no key to choose; it has"),
    ],
)
def test_a_place_that_is_none_or_several_is_refused(place, says):
    with pytest.raises(ValueError, match=says):
        in_words(effects("ablation", replacement="zero"), **place)


def test_results_that_do_not_say_their_method_are_refused():
    with pytest.raises(ValueError, match="a DataArray without the attribute method_name came; expected a result of one of"):
        in_words(xarray.DataArray(1.0))
    with pytest.raises(ValueError, match="with method_name='magic'"):
        in_words(effects("magic"), layer=0, head=0)
    with pytest.raises(ValueError, match="a dict without"):
        in_words({})
    with pytest.raises(ValueError, match="the result has the parts a, b there; give part= one of them"):
        in_words(xarray.Dataset({"a": 1.0, "b": 2.0}, attrs={"method_name": "knockout"}))


def test_a_probability_that_moves_the_other_way_is_told_and_no_verdict_is_given():
    before = {"logit_difference": 9.50, "probability": 0.998, "rank": 1.0}
    said = ablated(0.315, before=before, others={"probability": 0.024, "rank": 13.0})
    assert "the target's probability moves the other way, from 0.998 to 0.024, so this metric alone misleads." in said
    assert "The target goes from 1st to 13th." in said
    assert "worked against the target" not in said
    agreeing = ablated(0.315, before=before, others={"probability": 0.999, "rank": 1.0})
    assert "worked against the target" in agreeing


def test_a_target_that_falls_far_with_both_probabilities_tiny_is_told_by_log_probability_and_rank():
    before = {"logit_difference": 1.0, "probability": 2e-5, "log_probability": -10.8, "rank": 8.0}
    said = ablated(2.0, before=before, others={"probability": 1e-8, "log_probability": -18.4, "rank": 1303.0})
    assert "(+2.00): the target's log-probability moves the other way, from -10.8 to -18.4, so this metric alone misleads." in said
    assert "The target goes from 8th to 1303rd." in said and "worked" not in said and "below 0.001" not in said
    stays = ablated(2.0, before=before, others={"probability": 1e-8, "log_probability": -18.4, "rank": 8.0})
    assert "The target stays 8th." in stays
    for after in (-10.85, -10.75):  # a trifle
        assert "worked against the target" in ablated(2.0, before=before, others={"log_probability": after, "probability": 2e-5})
    likely = {"logit_difference": 9.5, "probability": 0.998, "log_probability": -0.002}
    said = ablated(2.86, before=likely, others={"probability": 0.918, "log_probability": -0.0856})
    assert "the target's probability moves the other way, from 0.998 to 0.918" in said  # under 0.1 nats, but plain to see
    no_chance = ablated(2.0, before=before, others={"log_probability": -np.inf, "probability": 0.0})
    assert "moves the other way, from below 0.001 to 0," in no_chance and not TOO_MUCH.search(no_chance)


def test_a_small_effect_tells_a_rank_that_changes():
    said = ablated(0.05, others={"rank": 3.0, "probability": 0.3})
    assert "hardly changes" in said and "). The target goes from 1st to 3rd, its probability from 0.982 to 0.300. No effect" in said


def test_the_probability_is_told_once_where_it_is_the_quantity():
    metric = "probability of ' Mary' at position 13"
    said = ablated(-0.75, metric=metric, quantity="probability", others={"rank": 4.0, "probability": 0.232})
    assert said.count("robability") == 1 and said.count("0.982") == 1 and "The target goes from 1st to 4th." in said


def test_a_lazy_field_is_refused_with_a_call_that_works():
    run = capture(build("gpt2"), [5, 6, 7, 5])
    field = edge_contribution(run, Metric(4, foil=6))
    with pytest.raises(TypeError, match="the field 'edge_contribution' came, which is lazy: read a place of it first, such as") as refused:
        in_words(field, layer=0, head=1, query=3, key=2)
    advice = str(refused.value).partition("such as ")[2]
    assert advice == "in_words(field.read(layer=0, head=0, query=3, key=0))"
    said = in_words(field.read(layer=0, head=0, query=3, key=0))
    assert said.startswith("Of logit('4') - logit('6') at position 3, ") and "is attributed to the look of head 0.0 from position 3" in said


def test_a_total_that_goes_through_what_comes_after_is_not_called_a_repair():
    attrs = {"replacement": "zero", "before": {"logit_difference": 9.5}}
    found = effects("direct_and_total", -16.4, **attrs).rename(effect="total")
    found = found.assign(direct=found.total * 0 + 0.33)
    said = in_words(found, layer=0, head=0)
    assert "Nearly all of it goes through what comes after it (-16.7), against its direct effect." in said
    assert "repair" not in said


def test_a_place_that_is_not_one_place_gets_no_sentence():
    run = capture(build("gpt2"), [3, 1, 4, 1, 5])
    parts = decompose(run, positions=[1, 4])
    with pytest.raises(ValueError, match="give part=, position="):
        in_words(parts)
    with pytest.raises(ValueError, match="give position="):
        in_words(parts, part="head 0.1")
    with pytest.raises(ValueError, match="give position="):
        in_words(logit_lens(run), layer=1)


def test_a_look_at_itself_that_was_left_is_not_said_to_be_cut():
    looks = [[query, key] for query in range(3, 6) for key in (3, 4) if key < query]
    spared = in_words(effects("knockout", looks=looks, layers=[0], each="together"), layer=0, head=0)
    assert "(a position's look at itself aside)" in spared
    cut = in_words(effects("knockout", looks=[*looks, [4, 4]], layers=[0], each="together"), layer=0, head=0)
    assert "aside" not in cut
