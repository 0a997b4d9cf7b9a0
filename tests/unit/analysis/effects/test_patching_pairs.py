"""Patching between prompts of unequal length: by pairs of positions, against plain hooks; what has no partner stays as it is."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import llmwidgets as lw
from llmwidgets.analysis.alignment import align
from llmwidgets.analysis.effects.attribution_patching import attribution_patching
from llmwidgets.analysis.effects.pairing import metric_there
from llmwidgets.analysis.effects.patching import patch
from llmwidgets.analysis.effects.separation import separation
from llmwidgets.capture import Capture
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.replacement import Replacement
from llmwidgets.models.errors import PromptError, UndefinedHereError
from tests.architectures import prompt_ids
from tests.unit.analysis.effects.pairs import IDS, clean, corrupted
from tests.unit.experiments import plain
from tests.unit.experiments.plain import HEADS, KV_HEADS, WIDTH, WIRING, N

LONGER = torch.cat([IDS[:3], prompt_ids(4, seed=9), IDS[3:5], prompt_ids(1, seed=3), IDS[6:]])  # four put in, one changed
PAIRS = align(IDS, LONGER).pairs
M = len(LONGER)
ALONE = (3, 4, 5, 6)  # of the longer prompt
SITES = ("resid_pre", "resid_post", "attn_out", "mlp_out", "z", "q", "k", "v")
pytestmark = pytest.mark.usefixtures("floats_stay_double")


@cache
def longer(name: str) -> Capture:
    return clean(name).again(LONGER)


@cache
def apart(name: str) -> Metric:
    """The two tokens on which the prompts' last positions differ most."""
    shift = logits(plain.model(name), IDS)[-1] - logits(plain.model(name), LONGER)[-1]
    return Metric(int(shift.argmax()), int(shift.argmin()))


@torch.no_grad()
def logits(of: nn.Module, ids: Tensor, path: str | None = None, is_input: bool = False, change: Any = None) -> Tensor:
    """(position, vocab), with `change` made to (position, width) of what the module `path` is given or makes."""
    if path is None:
        return of(input_ids=ids[None]).logits[0]

    def given(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensor = args[0] if args else kwargs["hidden_states"]
        changed = change(tensor[0].clone())[None]
        return ((changed, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": changed})

    def made(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        changed = change((output[0] if isinstance(output, tuple) else output)[0].clone())[None]
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    module = of.get_submodule(path)
    handle = module.register_forward_pre_hook(given, with_kwargs=True) if is_input else module.register_forward_hook(made)
    try:
        return of(input_ids=ids[None]).logits[0]
    finally:
        handle.remove()


def after(name: str, site: str, layer: int, base: Tensor, donor: Tensor, places: list[tuple[int, int]], head: int | None = None) -> Tensor:
    """The logits of `base` with `site` at each (own, donor's) position taken from `donor`."""
    model, wired = plain.model(name), WIRING[name]
    block = f"{wired.blocks}.{layer}"
    where = {"resid_pre": block, "resid_post": block, "attn_out": f"{block}.{wired.attn}", "mlp_out": f"{block}.{wired.mlp}"}
    path = where.get(site) or f"{block}.{getattr(wired, site)}"
    is_input = site in ("resid_pre", "z")
    columns: Any = slice(None)
    if head is not None:
        first = head * WIDTH if site == "z" else wired.first_column(site, head)
        columns = list(range(first, first + WIDTH))
    seen: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        seen.append(tensor.clone())
        return tensor

    logits(model, donor, path, is_input, keep)

    def put(tensor: Tensor) -> Tensor:
        for own, there in places:
            tensor[own, columns] = seen[0][there, columns]
        return tensor

    return logits(model, base, path, is_input, put)


def rotary(name: str, site: str) -> bool:
    """Whether what enters the attention is not what the projection made: plain hooks do not reach it."""
    return name == "llama" and site in ("q", "k")


@pytest.mark.parametrize("name", ["gpt2", "llama"])
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_each_patch_is_what_plain_hooks_give(name: str, direction: str) -> None:
    metric, model = apart(name), plain.model(name)
    base, donor, at = (LONGER, IDS, M - 1) if direction == "denoise" else (IDS, LONGER, N - 1)
    own = [(b, a) for a, b in PAIRS] if direction == "denoise" else list(PAIRS)

    def difference(found: Tensor, at: int = at) -> float:
        return float(found[at, metric.target] - found[at, metric.foil])

    whole, none = difference(logits(model, IDS), N - 1), difference(logits(model, LONGER), M - 1)
    before = none if direction == "denoise" else whole
    for site in SITES:
        if rotary(name, site):
            continue
        found = patch(clean(name), longer(name), metric, site=site, direction=direction, layers=[1], pairs=PAIRS)
        inner = found.effect.dims[1]
        assert found.sizes[inner] == {"position": len(base), "head": HEADS, "kv_head": KV_HEADS.get(name, HEADS)}[inner]
        assert found.attrs["before"]["logit_difference"] == pytest.approx(before, abs=1e-10)
        for place in (own[5], own[-1]) if inner == "position" else (1,):
            places, head = ([place], None) if inner == "position" else (own, place)
            wanted = difference(after(name, site, 1, base, donor, places, head))  # type: ignore[arg-type]
            cell = found.isel(layer=0, **{inner: places[0][0] if inner == "position" else head})
            assert float(cell.logit_difference) == pytest.approx(wanted, abs=1e-9), (site, place)
            assert float(cell.effect) == pytest.approx(wanted - before, abs=1e-9)
            assert float(cell.recovery) == pytest.approx((wanted - none) / (whole - none), abs=1e-8)


@pytest.mark.parametrize("site", ["q", "k"])
def test_rotated_queries_and_keys_go_over_as_they_entered_the_attention(site: str) -> None:
    """Where the position is the same on both sides, the rotation is too, and plain hooks reach it."""
    same = [(i, i) for i in range(3)]
    found = patch(clean("llama"), longer("llama"), apart("llama"), site=site, direction="noise", layers=[1], pairs=[*same, PAIRS[-1]])
    put = longer("llama")[site, 1]
    changed = lw.intervene(
        clean("llama"),
        Intervention(site, 1, 1, replacement=Replacement.other(longer("llama"), [*same, PAIRS[-1]])),
        known=[longer("llama")],
    )
    there = changed[site, 1]
    assert torch.allclose(there[1, N - 1], put[1, M - 1], atol=1e-12) and torch.allclose(there[1, :3], put[1, :3], atol=1e-12)
    assert torch.equal(there[1, 3 : N - 1], clean("llama")[site, 1][1, 3 : N - 1])
    metric = apart("llama")
    wanted = float(changed.logits[[-1]][0, metric.target] - changed.logits[[-1]][0, metric.foil])
    assert float(found.logit_difference[0, 1]) == pytest.approx(wanted, abs=1e-9)


def test_positions_without_a_partner_are_no_cells() -> None:
    found = patch(clean("llama"), longer("llama"), apart("llama"), layers=[0, 2], pairs=PAIRS)
    assert found.effect.shape == (2, M) and tuple(np.flatnonzero(np.isnan(found.effect.values[0]))) == ALONE
    assert "stopped" not in found.attrs
    by_head = patch(clean("llama"), longer("llama"), apart("llama"), site="z", by_position=True, layers=[1], pairs=PAIRS)
    assert tuple(np.flatnonzero(np.isnan(by_head.effect.values[0, 2]))) == ALONE


def test_recovery_is_0_as_corrupted_and_1_as_clean_at_the_positions_where_the_metric_is_asked() -> None:
    for direction in ("denoise", "noise"):
        found = patch(clean("gpt2"), longer("gpt2"), apart("gpt2"), site="resid_post", direction=direction, layers=[2], pairs=PAIRS)
        last = {"denoise": M - 1, "noise": N - 1}[direction]
        assert float(found.recovery.sel(position=last)[0]) == pytest.approx(1 if direction == "denoise" else 0, abs=1e-9)
        assert float(found.recovery[0, 0]) == pytest.approx(0 if direction == "denoise" else 1, abs=1e-9)
        assert found.attrs["metric_positions"] == {"clean": N - 1, "corrupted": M - 1}
        assert found.attrs["metric"].endswith(f"at position {N - 1}") and found.attrs["pairs"] == [list(pair) for pair in PAIRS]
        json.dumps(found.attrs)


def test_the_kl_is_from_the_clean_runs_distribution_at_its_own_position() -> None:
    model = plain.model("gpt2")
    own, other = logits(model, IDS)[-1].log_softmax(-1), logits(model, LONGER)[-1].log_softmax(-1)
    kl = float((own.exp() * (own - other)).sum())
    for direction, before in (("denoise", kl), ("noise", 0.0)):
        found = patch(clean("gpt2"), longer("gpt2"), apart("gpt2"), layers=[2], direction=direction, pairs=PAIRS)
        assert found.attrs["before"]["kl"] == pytest.approx(before, abs=1e-9)
        assert found.attrs["clean"]["kl"] == pytest.approx(0, abs=1e-12)
        assert found.attrs["corrupted"]["kl"] == pytest.approx(kl, abs=1e-9)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_pairs_of_each_position_with_itself_change_nothing(direction: str) -> None:
    identity = [(i, i) for i in range(N)]
    for site in ("resid_mid", "z", "pattern"):
        plainly, paired = (
            patch(clean("llama"), corrupted("llama"), apart("llama"), site=site, direction=direction, pairs=pairs)
            for pairs in (None, identity)
        )
        assert plainly.identical(paired)
    for site in ("resid_pre", "z", "q", "k", "mlp_post"):
        options: dict[str, Any] = {"site": site, "direction": direction, "verify": 2}
        plainly, paired = (
            attribution_patching(clean("llama"), corrupted("llama"), apart("llama"), pairs=pairs, **options) for pairs in (None, identity)
        )
        assert plainly.identical(paired)


@pytest.mark.parametrize("site", [*SITES, "pattern", "mlp_post"])
def test_a_replacement_with_each_position_paired_with_itself_gives_the_same_numbers(site: str) -> None:
    run, other = clean("llama"), corrupted("llama")
    for where in ({}, {"position": [5, -1]}):
        found = [
            lw.effect_of(run, apart("llama"), Intervention(site, 1, replacement=put, **where), references=[other]).effect
            for put in (Replacement.other(other), Replacement.other(other, [(i, i) for i in range(N)]))
        ]
        assert float(found[0]) == float(found[1]) != 0


@pytest.mark.parametrize("site", ["resid_pre", "z", "q", "k", "v", "mlp_post"])
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_the_strongest_estimates_are_verified_by_patching_itself(site: str, direction: str) -> None:
    found = attribution_patching(clean("llama"), longer("llama"), apart("llama"), site=site, direction=direction, verify=4, pairs=PAIRS)
    options: dict[str, Any] = {"site": site, "direction": direction, "pairs": PAIRS}
    if site == "mlp_post":
        neurons = [int(i) for i in np.unique(np.argwhere(np.isfinite(found.verified.values))[:, 1])]
        real = patch(clean("llama"), longer("llama"), apart("llama"), neurons=neurons, **options).effect
        for layer, neuron in np.argwhere(np.isfinite(found.verified.values)):
            assert float(found.verified[layer, neuron]) == pytest.approx(float(real.sel(layer=layer, neuron=neuron)), abs=1e-9)
        return
    real = patch(clean("llama"), longer("llama"), apart("llama"), **options).effect.values
    verified = found.verified.values
    known = np.isfinite(verified)
    assert known.sum() == 4 and np.abs(verified[known] - real[known]).max() < 1e-9
    assert np.isnan(found.estimate.values).tolist() == np.isnan(real).tolist()


@pytest.mark.parametrize("site", ["z", "q", "k", "v", "mlp_out"])
def test_the_line_has_the_slope_of_the_paired_change(site: str) -> None:
    """Against the model's own answers, the donor's change made a ten-thousandth as large."""
    name, small = "gpt2", 1e-4
    model, metric, wired = plain.model(name), apart(name), WIRING[name]
    found = attribution_patching(clean(name), longer(name), metric, site=site, direction="noise", verify=0, qk_fix=False, pairs=PAIRS)
    path = f"{wired.blocks}.1.{wired.mlp if site == 'mlp_out' else getattr(wired, site)}"
    is_input = site == "z"
    seen: list[Tensor] = []
    logits(model, LONGER, path, is_input, lambda tensor: seen.append(tensor.clone()) or tensor)
    first = 0 if site == "mlp_out" else WIDTH if is_input else wired.first_column(site, 1)
    columns: Any = slice(None) if site == "mlp_out" else slice(first, first + WIDTH)
    own = [PAIRS[7]] if site == "mlp_out" else list(PAIRS)

    def moved(by: float) -> float:
        def change(tensor: Tensor) -> Tensor:
            for here, there in own:
                tensor[here, columns] += by * (seen[0][there, columns] - tensor[here, columns])
            return tensor

        row = logits(model, IDS, path, is_input, change)[-1]
        return float(row[metric.target] - row[metric.foil])

    slope = (moved(small) - moved(-small)) / (2 * small)
    place = PAIRS[7][0] if site == "mlp_out" else 1
    assert float(found.estimate[1, place]) == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_the_metric_of_the_other_prompt_is_asked_at_the_partner() -> None:
    run, metric = clean("gpt2"), Metric(10, 20, position=-2)
    assert metric_there(metric, run, PAIRS).position == M - 2 and metric_there(metric, run, None) is metric
    found = separation(run, longer("gpt2"), metric, metric_there(metric, run, PAIRS))
    row = logits(plain.model("gpt2"), LONGER)[M - 2]
    assert found.corrupted["logit_difference"] == pytest.approx(float(row[10] - row[20]), abs=1e-9)
    with pytest.raises(PromptError, match="asked at position 10, which has no partner in the other prompt"):
        metric_there(metric, run, [(0, 0), (11, 14)])
    for ask in (patch, attribution_patching):
        with pytest.raises(PromptError, match="has no partner"):
            ask(run, longer("gpt2"), metric, pairs=[(0, 0), (11, 14)])


def test_a_single_position_can_only_be_patched_from_a_partner() -> None:
    run, other = clean("llama"), longer("llama")
    put = Replacement.other(other, PAIRS[:4])
    with pytest.raises(PromptError, match="position 11 has no partner in the other prompt"):
        lw.effect_of(run, Metric(10, 20), Intervention("resid_pre", 1, position=-1, replacement=put), references=[other])
    changed = lw.intervene(run, Intervention("resid_post", 1, replacement=put), known=[other])
    assert torch.allclose(changed["resid_post", 1][:4], other["resid_post", 1][[there for _, there in PAIRS[:4]]], atol=1e-12)
    assert torch.equal(
        changed["resid_post", 1][4:], lw.intervene(run, Intervention("resid_post", 1, position=[0, 1, 2, 3]))["resid_post", 1][4:]
    )


def test_by_its_tokens_alone_the_other_prompt_is_captured_when_it_is_needed() -> None:
    run = clean("gpt2")
    known, by_tokens = (
        lw.effect_of(run, apart("gpt2"), Intervention("z", 1, replacement=Replacement.other(prompt, PAIRS)), references=references).effect
        for prompt, references in ((longer("gpt2"), [longer("gpt2")]), (LONGER.tolist(), []))
    )
    assert float(known) == float(by_tokens)


def test_what_is_saved_comes_back_and_older_data_still_reads() -> None:
    one = Intervention("z", 1, 2, replacement=Replacement.other(LONGER.tolist(), PAIRS), name="names")
    again = Intervention.from_json(json.loads(json.dumps(one.to_json())))
    assert again == one and again.replacement.positions == PAIRS and hash(again) == hash(one)
    old = {"how": "other", "prompts": [[3, 1, 4]]}
    assert Replacement.from_json(old) == Replacement.other([3, 1, 4]) and Replacement.other([3, 1, 4]).to_json() == old
    assert eval(repr(one.replacement)) == one.replacement
    assert Replacement.other([1, 2], [(1, 0), (0, 1)]).positions == ((0, 1), (1, 0))


@pytest.mark.parametrize(
    "positions, words",
    [
        ([], "expected at least one pair"),
        ([(0,)], r"came; expected pairs: \(position in the run"),
        ([(0, -1)], "counted from 0"),
        ([(2, 0), (2, 1)], "positions pair 2 twice"),
        ([(0, 0.5)], "came; expected pairs"),
    ],
)
def test_positions_that_pair_nothing_are_refused(positions: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Replacement.other([1, 2, 3], positions)


def test_what_cannot_be_patched_by_pairs_is_refused_in_words() -> None:
    run, other = clean("llama"), longer("llama")
    with pytest.raises(ValueError, match="only what another prompt gives has positions"):
        Replacement("mean", ((1, 2),), positions=((0, 0),))
    with pytest.raises(ValueError, match="names position 16 of the second prompt, which has 16"):
        patch(run, other, Metric(10, 20), pairs=[(0, 16)])
    with pytest.raises(PromptError, match="that prompt has 16 tokens"):
        lw.effect_of(run, Metric(10, 20), Intervention("z", 1, replacement=Replacement.other(other, [(0, 16)])), references=[other])
    for ask in (patch, attribution_patching):
        with pytest.raises(UndefinedHereError, match="a row of a pattern reaches over every key"):
            ask(run, other, Metric(10, 20), site="pattern", pairs=PAIRS)
        with pytest.raises(ValueError, match="expected one of denoise, noise"):
            ask(run, other, Metric(10, 20), direction="both", pairs=PAIRS)
    with pytest.raises(PromptError, match=r"12 and 16 tokens; .* say which positions belong together \(pairs="):
        patch(run, other, Metric(10, 20))


def test_padding_has_no_partner() -> None:
    ids = torch.cat([torch.zeros(3, dtype=torch.long), LONGER])
    padded = clean("gpt2").again({"input_ids": ids[None], "attention_mask": (torch.arange(len(ids)) >= 3).long()[None]})
    shifted = [(a, b + 3) for a, b in PAIRS]
    found = patch(clean("gpt2"), padded, apart("gpt2"), direction="noise", layers=[1], pairs=shifted)
    assert np.isfinite(found.effect.values).all()
    with pytest.raises(PromptError, match="position 1 of a pair is padding"):
        patch(clean("gpt2"), padded, apart("gpt2"), pairs=[(0, 1), *shifted[1:]])
