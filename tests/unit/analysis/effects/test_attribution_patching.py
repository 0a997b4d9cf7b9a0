"""Attribution patching is patching where the way to the metric is straight, a good screen elsewhere, and says which it is."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import llmwidgets as lw
from llmwidgets.analysis.effects.attribution_patching import SITES, attribution_patching, rank_correlation
from llmwidgets.capture import Capture
from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import CaptureStopped, PromptError, UndefinedHereError
from llmwidgets.models.stacks import first_tensor
from llmwidgets.models.tap import AttentionTap
from tests.architectures import CAUSES, build, prompt_ids

T = 12
METRIC = Metric(10, 20)
LACKED = {("gpt_neox", "resid_mid"), ("bert", "resid_mid")}
pytestmark = pytest.mark.usefixtures("floats_stay_double")


def pair(model: Any, changed: tuple[int, ...] = (5,)) -> tuple[Capture, Capture]:
    """Clean and corrupted: alike but for the tokens at `changed`."""
    ids = prompt_ids(T)
    other = ids.clone()
    other[list(changed)] = (ids[list(changed)] + 41) % 150 + 5
    return lw.capture(model, ids), lw.capture(model, other)


def straight(name: str = "gpt2", sharper: float = 1.0) -> Any:
    """A model whose last layer's way to the logits is straight: no final norm, no MLP in the last block."""
    model = build(name, torch.float64, n_layer=2)
    model.transformer.ln_f = nn.Identity()
    last = model.transformer.h[-1]
    with torch.no_grad():
        last.mlp.c_proj.weight.zero_()
        last.attn.c_attn.weight[:, :64] *= sharper
        last.attn.c_attn.bias[:64] *= sharper
    return model


def patched(base: Capture, donor: Capture, metric: Metric, site: str, place: dict[str, int]) -> dict[str, float]:
    """Every quantity after one real patch, by this test's own hooks."""
    model, layer = base.subject.model, place["layer"]
    block = base.bench("a test").anatomy.blocks[layer]
    modules = dict(model.named_modules())
    unit = place.get("head", place.get("neuron", slice(None)))
    at = place.get("position", slice(None))

    def exchanged(tensor: Tensor, given: Tensor) -> Tensor:
        """`tensor` with `given` at the place; both (head, position, width) or (position, width)."""
        tensor = tensor.clone()
        index = (unit, at) if tensor.ndim == 3 else (at, unit) if site == "mlp_post" else (at,)
        tensor[index] = given[index]
        return tensor

    def heads(tensor: Tensor) -> Tensor:
        return tensor.reshape(T, block.n_heads, -1).transpose(0, 1)

    def enter(module: Any, args: Any) -> Any:
        stream, donated = args[0], donor[site, layer]
        changed = exchanged(heads(stream), donated).transpose(0, 1) if site == "z" else exchanged(stream.reshape(T, -1), donated)
        return changed.reshape(stream.shape), *args[1:]

    def leave(module: Any, args: Any, output: Any) -> Any:
        came = first_tensor(output)
        term = "attn_out" if site == "resid_mid" else site
        own, donated = (run[term, layer] for run in (base, donor))
        if site == "resid_mid":
            donated = donor["resid_mid", layer] - base["resid_pre", layer]
        factor = {"attn_out": block.mixer_terms, "mlp_out": block.mlp_terms}.get(term)
        scale = factor[0].factor if factor else 1.0
        changed = (exchanged(own, donated) / scale).reshape(came.shape)
        return changed if isinstance(output, Tensor) else (changed, *output[1:])

    class Exchange:
        def before_attention(self, call: Any) -> Any:
            field = {"q": "query", "k": "key", "v": "value"}.get(site)
            if call.module is not modules[block.attention] or field is None:
                return None
            return replace(call, **{field: exchanged(getattr(call, field)[0], donor[site, layer])[None]})

        def after_attention(self, call: Any, result: Any) -> Any:
            if call.module is not modules[block.attention] or site != "pattern":
                return None
            value = base["v", layer].repeat_interleave(base.n_heads // base["v", layer].shape[0], 0)
            pattern = exchanged(base.pattern(layer), donor.pattern(layer))
            return (pattern @ value).transpose(0, 1)[None], *result[1:]

    with ExitStack() as stack, torch.no_grad():
        if site in ("q", "k", "v", "pattern"):
            stack.enter_context(AttentionTap(Exchange()))
        elif site in ("resid_pre", "z", "mlp_post"):
            name = {"resid_pre": block.name, "z": block.output_projection, "mlp_post": block.mlp_output_projection}[site]
            stack.callback(modules[name].register_forward_pre_hook(enter).remove)
        else:
            name = block.name if site == "resid_post" else (block.mlp_terms if site == "mlp_out" else block.mixer_terms)[0].name
            stack.callback(modules[name].register_forward_hook(leave).remove)
        logits = model(input_ids=base.inputs.ids[None]).logits[0]
    asked = metric.on(base)
    return {name: float(values[0]) for name, values in asked.values(logits[[asked.position]]).items()}


def stand_in(base: Capture, donor: Capture, metric: Metric, site: str, places: list[dict[str, int]], *_: Any) -> Any:
    called = {"kv_head": "head", "query": "position"}
    for index, place in enumerate(places):
        yield index, patched(base, donor, metric, site, {called.get(dim, dim): at for dim, at in place.items()})


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verification by this test's hooks in place of the package's own patching."""
    monkeypatch.setattr(importlib.import_module(attribution_patching.__module__), "patched_values", stand_in)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
@pytest.mark.parametrize("site", ["z", "attn_out", "resid_mid", "resid_post", "q", "k", "v", "pattern"])
def test_on_a_straight_way_to_the_logits_the_estimate_is_the_patch(by_hand: None, site: str, direction: str) -> None:
    """The last layer of a model without final norm and last MLP: equal at every head and position, through the softmax too."""
    runs = pair(straight())
    for by_position in (False, True) if direction == "denoise" else (False,):
        found = attribution_patching(*runs, METRIC, site=site, by_position=by_position, direction=direction, verify=500)
        last = found.isel(layer=-1)
        assert found.attrs["top_k"] == found.estimate.size
        assert np.abs(last.estimate - last.verified).max() < 1e-9 and np.abs(last.verified).max() > 1e-4
        assert bool((last.estimate != 0).any())


def test_the_straight_line_holds_for_the_mlp_too(by_hand: None) -> None:
    model = build("gpt2", torch.float64)
    model.transformer.ln_f = nn.Identity()
    runs = pair(model)
    for site in ("mlp_out", "mlp_post"):
        last = attribution_patching(*runs, METRIC, site=site, verify=250).isel(layer=-1)
        assert int(last.verified.notnull().sum()) >= 12
        assert np.abs(last.estimate - last.verified).max() < 1e-9


@pytest.mark.parametrize("name", CAUSES)
def test_estimates_point_the_way_of_small_patches_at_every_site(by_hand: None, name: str) -> None:
    """A donor a hair's breadth away: the straight line is then the effect, in every architecture, each site and position."""
    model = build(name, torch.float64)
    base = lw.capture(model, prompt_ids(T))
    embedding = model.get_input_embeddings().weight
    donor_ids = prompt_ids(T)
    token = int(donor_ids[5])
    with torch.no_grad():
        kept = embedding[[token, 10]].clone()
        embedding[10] = embedding[token] * (1 + 1e-5)  # a token that is nearly the same one
    try:
        donor_ids[5] = 10
        base, donor = lw.capture(model, prompt_ids(T)), lw.capture(model, donor_ids)
        metric = Metric(11, 21, position=T - 2)
        for site in SITES:
            if (name, site) in LACKED:
                with pytest.raises(UndefinedHereError, match=f"{site} cannot be changed in block 0: "):
                    attribution_patching(donor, base, metric, site=site)
                continue
            for by_position in (False, True):
                for fixed in (True, False) if site in ("q", "k") else (True,):
                    found = attribution_patching(donor, base, metric, site=site, by_position=by_position, verify=2, qk_fix=fixed)
                    done = found.verified.notnull()
                    off = np.abs(found.estimate - found.verified).where(done).max()
                    assert off < 2e-3 * np.abs(found.verified).max(), (site, by_position, fixed)
                    assert float(np.abs(found.verified).max()) > 0
    finally:
        with torch.no_grad():
            embedding[[token, 10]] = kept


def test_a_saturated_softmax_hides_queries_from_the_straight_line_but_not_from_the_fix(by_hand: None) -> None:
    """Queries 1,000 times too long: the plain estimate is next to nothing where patching moves the metric a lot."""
    runs = pair(straight(sharper=1000.0), changed=(2, T - 1))
    fixed = attribution_patching(*runs, METRIC, site="q", verify=500).isel(layer=-1)
    plain = attribution_patching(*runs, METRIC, site="q", verify=0, qk_fix=False).isel(layer=-1)
    strongest = int(np.abs(fixed.verified.values).argmax())
    real = float(fixed.verified[strongest])
    assert abs(float(fixed.estimate[strongest]) - real) < 0.02 * abs(real)
    assert abs(float(plain.estimate[strongest])) < 0.05 * abs(real)


def test_on_a_random_model_the_screen_goes_with_real_patching(by_hand: None) -> None:
    runs = pair(build("gpt2", torch.float64))
    found = attribution_patching(*runs, METRIC, site="z", verify=12)
    estimate, verified = found.estimate.values.ravel(), found.verified.values.ravel()
    assert np.corrcoef(estimate, verified)[0, 1] >= 0.9
    assert found.attrs["rank_correlation"] == pytest.approx(rank_correlation(estimate, verified))


def test_the_strongest_are_verified_and_no_others(by_hand: None) -> None:
    runs = pair(build("llama", torch.float64))
    found = attribution_patching(*runs, METRIC, site="v", by_position=True, verify=5)
    assert found.verified.dims == ("layer", "kv_head", "position") and found.verified.attrs["evidence"] == "intervention"
    done = found.verified.notnull().values
    assert done.sum() == found.attrs["top_k"] == 5
    size = np.abs(found.estimate.values)
    assert size[done].min() >= size[~done].max()


def test_recovery_counts_from_the_corrupted_run_to_the_clean_one_in_both_directions(by_hand: None) -> None:
    runs = pair(straight(), changed=(5, T - 1))
    for direction, start in (("denoise", 0.0), ("noise", 1.0)):
        found = attribution_patching(*runs, METRIC, site="resid_post", direction=direction, verify=0)
        gap = found.attrs["clean"]["logit_difference"] - found.attrs["corrupted"]["logit_difference"]
        assert abs(gap) > 0.05
        assert np.allclose(found.recovery_estimate, start + found.estimate / gap)
        # The last stream at the metric's position is all there is: patching it is the other run.
        assert float(found.recovery_estimate[-1, -1]) == pytest.approx(1.0 - start, abs=1e-9)
        assert found.attrs["before"] == found.attrs["corrupted" if direction == "denoise" else "clean"]


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "bert"])
def test_verification_is_the_packages_own_patching_which_is_that_of_plain_hooks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = pair(build(name, torch.float64))
    for site in SITES:
        if (name, site) in LACKED:
            continue
        for by_position in (False, True):
            own = attribution_patching(*runs, METRIC, site=site, by_position=by_position, verify=3).verified
            with monkeypatch.context() as context:
                context.setattr(importlib.import_module(attribution_patching.__module__), "patched_values", stand_in)
                by_hand = attribution_patching(*runs, METRIC, site=site, by_position=by_position, verify=3).verified
            assert np.allclose(own, by_hand, atol=1e-9, rtol=0, equal_nan=True), (site, by_position)


def test_several_pairs_of_prompts_give_a_mean_with_its_points(by_hand: None) -> None:
    model = build("gpt2", torch.float64)
    pairs = [pair(model), pair(model, changed=(3,))]
    found = attribution_patching(*map(list, zip(*pairs, strict=True)), METRIC, verify=2)
    each = [attribution_patching(*runs, METRIC, verify=2) for runs in pairs]
    assert np.allclose(found.estimate, (each[0].estimate + each[1].estimate) / 2) and found.estimate_each.sizes["prompt"] == 2


def test_equal_prompts_have_no_effect_and_no_ratio() -> None:
    run = lw.capture(build("gpt2", torch.float64), prompt_ids(T))
    for site in SITES:
        found = attribution_patching(run, run.again(prompt_ids(T)), METRIC, site=site, by_position=True, verify=0)
        assert float(np.abs(found.estimate).max()) < 1e-12
        assert "recovery_estimate" not in found and "hardly differ" in found.attrs["no_ratio"]


def test_before_the_changed_token_and_after_the_metrics_position_nothing_counts() -> None:
    runs = pair(build("gpt2", torch.float64))
    found = attribution_patching(*runs, Metric(10, 20, position=8), site="resid_pre", verify=0)
    assert bool((np.abs(found.estimate[:, :5]) < 1e-12).all()) and bool((found.estimate[:, 9:] == 0).all())
    assert bool((found.estimate[:, 5] != 0).all())


def test_what_was_done_stands_in_the_result() -> None:
    clean, corrupted = pair(build("gpt2", torch.float64))
    found = attribution_patching(clean, corrupted, METRIC, site="q", by_position=True, verify=0)
    expected = {"evidence": "attribution", "site": "q", "direction": "denoise", "positions": "each", "n_prompts": 1, "top_k": 0}
    assert {name: found.attrs[name] for name in expected} == expected
    assert "attributed, not caused" in found.attrs["caveat"] and "saturated" not in found.attrs["caveat"]
    assert "QK fix" in found.attrs["method"] and found.attrs["unit"] == "logits"
    assert list(found.token.values) == corrupted.tokens
    assert "rank_correlation" not in found.attrs
    plain = attribution_patching(clean, corrupted, METRIC, site="q", qk_fix=False, verify=0)
    assert "saturated" in plain.attrs["caveat"] and "QK fix" not in plain.attrs["method"]


def test_layers_without_attention_are_nan() -> None:
    found = attribution_patching(*pair(build("lfm2", torch.float64)), METRIC, site="k", verify=0)
    assert found.sizes == {"layer": 3, "kv_head": 2}
    assert list(found.estimate.isnull().all("kv_head").values) == [True, False, True]


@pytest.mark.parametrize("quantity", ["log_probability", "probability"])
def test_other_quantities_are_estimated_in_their_own_unit(by_hand: None, quantity: str) -> None:
    runs = pair(build("gpt2", torch.float64))
    found = attribution_patching(*runs, Metric(10, quantity=quantity), site="z", verify=12)
    assert np.corrcoef(found.estimate.values.ravel(), found.verified.values.ravel())[0, 1] > 0.8


def test_half_precision_is_summed_in_single() -> None:
    for attended in ("z", "q", "k", "pattern"):
        exact, rough = (
            attribution_patching(*pair(build("llama", dtype)), METRIC, site=attended, verify=0).estimate.values.ravel()
            for dtype in (torch.float64, torch.bfloat16)
        )
        assert rough.dtype == np.float64 and np.corrcoef(exact, rough)[0, 1] > 0.95


def test_prompts_of_unlike_length_and_unlike_models_are_refused() -> None:
    model = build("gpt2")
    run = lw.capture(model, prompt_ids(T))
    with pytest.raises(PromptError, match=r"(12 and 13|13 and 12) tokens"):
        attribution_patching(run, lw.capture(model, prompt_ids(T + 1)), METRIC)
    with pytest.raises(PromptError, match="different models"):
        attribution_patching(run, lw.capture(build("gpt2"), prompt_ids(T)), METRIC)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"site": "resid"}, "site='resid' came; expected one of"),
        ({"direction": "both"}, "expected one of denoise, noise"),
        ({"verify": -1}, "0 or more"),
        ({"verify": True}, "0 or more"),
        ({"verify": 2.0}, "0 or more"),
        ({"metric": Metric(10, quantity="rank")}, "a rank moves in steps"),
        ({"metric": Metric(10, quantity="kl")}, "its gradient there is zero"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(changes: dict[str, Any], sentence: str) -> None:
    options = {"metric": METRIC, **changes}
    with pytest.raises(ValueError, match=sentence):
        attribution_patching(*pair(build("gpt2")), options.pop("metric"), **options)


@pytest.mark.parametrize("site", ["q", "k", "v", "pattern"])
def test_a_site_out_of_reach_is_refused_by_its_own_name(site: str) -> None:
    reason = f"{site} cannot be changed in block 0: it does not use the attention interface of Transformers, so what is inside it is out of"
    with pytest.raises(UndefinedHereError, match=reason):
        attribution_patching(*pair(build("gptj")), METRIC, site=site)


def test_any_whole_number_of_places_is_verified() -> None:
    found = attribution_patching(*pair(build("gpt2")), METRIC, verify=np.int64(2))
    assert found.attrs["top_k"] == int(found.verified.notnull().sum()) == 2


def test_a_changed_run_gives_activations_but_is_not_patched() -> None:
    run = lw.capture(build("gpt2", torch.float64), prompt_ids(T))
    changed = lw.intervene(run, lw.Intervention("z", layer=0, head=1))
    found = attribution_patching(changed, run, METRIC, verify=12)
    asked = METRIC.on(run)
    difference = asked.of(METRIC.on(changed).clean[None]) - asked.of(asked.clean[None])
    assert float(found.verified[0, 1]) == pytest.approx(float(difference), abs=1e-9)
    with pytest.raises(UndefinedHereError, match=r"this run is itself a changed one \(z of head 0.1 set to zero\).*Patch the clean run"):
        attribution_patching(run, changed, METRIC)


def test_stopping_leaves_nothing_behind() -> None:
    runs = pair(build("gpt2"))
    with pytest.raises(CaptureStopped):
        attribution_patching(*runs, METRIC, verify=0, cancelled=lambda: True)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in runs[0].bench("a test").twin.module.modules())


def test_each_variable_carries_what_a_field_of_it_shows() -> None:
    found = attribution_patching(*pair(build("gpt2", torch.float64)), METRIC, verify=1)
    assert found.estimate.attrs["evidence"] == "attribution" and found.verified.attrs["evidence"] == "intervention"
    for name in ("estimate", "verified"):
        assert {"title", "caveat", "method", "unit"} <= set(found[name].attrs)
