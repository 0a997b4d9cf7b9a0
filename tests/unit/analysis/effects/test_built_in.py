"""What the built-in model teaches about cause, measured: the facts that the second notebook stands on.

Margins are around figures of the shipped weights; `by_hand` is an independent reference: plain hooks on the model's own modules.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

import llmwidgets as lw
from llmwidgets import Intervention, Metric

WIDTH = 32  # of a head
LAYERS, HEADS = range(4), range(4)
NAMES = "Mary John Emma Tom Anna Paul Laura James Alice Peter".split()
PLACES = "store park school garden market library station museum".split()
THINGS = "drink book ball ring letter flower basket bottle".split()

Places = Mapping[tuple[int, int], Tensor | float]  # by (layer, head): what its z (position, WIDTH) becomes


@pytest.fixture(scope="module")
def model():
    return lw.demo_model()


@pytest.fixture(scope="module")
def givers(model):
    """Twelve indirect-object prompts of 14 tokens, with receiver against giver as the metric."""
    rng = random.Random(0)
    runs, metrics = [], []
    for _ in range(12):
        receiver, giver = rng.sample(NAMES, 2)
        text = f"When {receiver} and {giver} went to the {rng.choice(PLACES)}, {giver} gave a {rng.choice(THINGS)} to"
        runs.append(lw.capture(model, text))
        metrics.append(Metric(f" {receiver}", f" {giver}"))
    return runs, metrics


@pytest.fixture(scope="module")
def repeats(model):
    """Twelve rows of 20 random tokens said twice, but for the very last, whose probability is the metric."""
    drawn = torch.randint(1, 3005, (12, 20), generator=torch.Generator().manual_seed(0))
    runs = [lw.capture(model, torch.cat([row, row[:-1]])) for row in drawn]
    return runs, [Metric(int(row[-1]), quantity="probability") for row in drawn]


@pytest.fixture(scope="module")
def names_swapped(model):
    clean = lw.capture(model, "When Mary and John went to the store, John gave a drink to")
    return clean, clean.again("When Mary and John went to the store, Mary gave a drink to")


@pytest.fixture(scope="module")
def word_swapped(model):
    clean = lw.capture(model, "key lamp river clock orange ; key lamp river clock")
    return clean, clean.again("key lamp river clock letter ; key lamp river clock")


def z_by_hand(run) -> dict[tuple[int, int], Tensor]:
    """What each head reads, (position, WIDTH), by (layer, head)."""
    blocks, kept = run.subject.model.transformer.h, {}
    hooks = [
        block.attn.c_proj.register_forward_pre_hook(lambda _, args, at=at: kept.update({at: args[0][0]})) for at, block in enumerate(blocks)
    ]
    try:
        with torch.no_grad():
            run.subject.model(torch.tensor([list(run.token_ids)]))
    finally:
        for hook in hooks:
            hook.remove()
    return {(layer, head): kept[layer][:, head * WIDTH : (head + 1) * WIDTH] for layer in LAYERS for head in HEADS}


def by_hand(run, places: Places) -> Tensor:
    """The last position's logits (vocab,) float64 with the heads of `places` replaced."""
    blocks = run.subject.model.transformer.h

    def put(layer: int):
        def hook(_, args):
            changed = args[0].clone()
            for (at, head), value in places.items():
                if at == layer:
                    changed[0, :, head * WIDTH : (head + 1) * WIDTH] = value
            return (changed,)

        return hook

    hooks = [block.attn.c_proj.register_forward_pre_hook(put(layer)) for layer, block in enumerate(blocks)]
    try:
        with torch.no_grad():
            return run.subject.model(torch.tensor([list(run.token_ids)])).logits[0, -1].double()
    finally:
        for hook in hooks:
            hook.remove()


def asked(logits: Tensor, run, metric: Metric) -> float:
    return float(metric.on(run).of(logits[None]))


def mean_by_hand(runs: Sequence, metrics: Sequence[Metric], places: Places) -> float:
    """The mean over prompts of metric after - metric before."""
    each = [
        asked(by_hand(run, places), run, metric) - asked(by_hand(run, {}), run, metric) for run, metric in zip(runs, metrics, strict=True)
    ]
    return float(np.mean(each))


def strongest(values) -> tuple[int, ...]:
    array = np.abs(values.values)
    return tuple(int(at) for at in np.unravel_index(array.argmax(), array.shape))


def test_half_of_a_heads_attention_stands_on_a_token_that_does_nothing_for_the_answer(repeats):
    runs, metrics = repeats
    watched, _ = lw.demo_model()
    watched.set_attn_implementation("eager")
    rows = torch.tensor([list(run.token_ids) for run in runs])
    with torch.no_grad():
        attentions = torch.stack(watched(rows, output_attentions=True).attentions)  # (layer, prompt, head, query, key)
    on_first = attentions[:, :, :, 20:, 0].mean((1, 3))  # (layer, head)
    found = lw.ablate(runs, metrics)
    assert on_first[3, 2] > 0.45
    assert abs(found.effect[3, 2]) < 0.01
    assert abs(found.effect_each.sel(layer=3, head=2)).max() < 0.03
    assert on_first[0, 0] < 0.02
    assert found.effect[0, 0] < -0.95
    for head in ((3, 2), (0, 0)):
        assert float(found.effect[head]) == pytest.approx(mean_by_hand(runs, metrics, {head: 0.0}), abs=1e-4)


def test_any_one_induction_head_can_go_and_all_four_can_not(repeats):
    runs, metrics = repeats
    single = lw.ablate(runs, metrics, layers=[1])
    assert (single.effect > -0.2).all()
    together = lw.effect_of(runs, metrics, Intervention("z", layer=1, head=[0, 1, 2, 3]))
    assert together.attrs["n_prompts"] == 12
    assert together.effect_low <= together.effect <= together.effect_high < -0.9
    assert together.effect_high < single.effect_low.sum()  # the whole is more than its parts
    assert float(together.effect) == pytest.approx(mean_by_hand(runs, metrics, {(1, head): 0.0 for head in HEADS}), abs=1e-4)
    assert float(single.effect[0, 1]) == pytest.approx(mean_by_hand(runs, metrics, {(1, 1): 0.0}), abs=1e-4)


def test_the_logit_difference_stays_on_the_right_side_while_the_answer_is_gone(givers):
    runs, metrics = givers
    found = lw.effect_of(runs, metrics, Intervention("z", layer=1))
    assert found.attrs["before"]["probability"] > 0.95
    assert (found.logit_difference_each > 1).all()
    assert found.logit_difference > 0.5 * found.attrs["before"]["logit_difference"]
    assert (found.probability_each < 0.1).all()
    assert (found.rank_each >= 2).all()
    assert float(found["rank"]) > 20
    for at, (run, metric) in enumerate(zip(runs, metrics, strict=True)):
        logits = by_hand(run, {(1, head): 0.0 for head in HEADS})
        assert float(found.logit_difference_each[at]) == pytest.approx(asked(logits, run, metric), abs=1e-3)
        target = metric.on(run).target_id
        assert float(found.probability_each[at]) == pytest.approx(float(logits.softmax(-1)[target]), abs=1e-4)
        assert float(found.rank_each[at]) == int((logits > logits[target]).sum()) + 1


def test_the_mean_of_other_prompts_makes_the_logit_difference_rise_while_the_answer_goes(givers):
    runs, metrics = givers
    found = lw.effect_of(runs, metrics, Intervention("z", layer=1, replacement=lw.Replacement.mean(runs)), references=runs)
    assert found.effect_low > 0
    assert found.probability < 0.2 < 0.95 < found.attrs["before"]["probability"]
    each = [z_by_hand(run) for run in runs]
    means = {(1, head): torch.stack([z[1, head] for z in each]).mean(0) for head in HEADS}
    assert float(found.effect) == pytest.approx(mean_by_hand(runs, metrics, means), abs=1e-3)


def test_zero_and_the_mean_name_different_heads_as_the_most_important(givers):
    runs, metrics = givers
    zero = lw.ablate(runs, metrics, replacement="zero")
    mean = lw.ablate(runs, metrics, replacement="mean", references=runs)
    assert strongest(zero.effect) == (0, 1)
    assert strongest(mean.effect) == (1, 3)
    assert zero.effect_high[0, 1] < -9
    assert mean.effect_low[0, 1] > -2
    value = torch.stack([z_by_hand(run)[0, 1] for run in runs]).mean(0)  # (position, WIDTH)
    assert float(zero.effect[0, 1]) == pytest.approx(mean_by_hand(runs, metrics, {(0, 1): 0.0}), abs=1e-3)
    assert float(mean.effect[0, 1]) == pytest.approx(mean_by_hand(runs, metrics, {(0, 1): value}), abs=1e-3)


def test_on_repeats_head_03_costs_much_more_set_to_zero_than_set_to_its_mean(repeats):
    runs, metrics = repeats
    zero = lw.ablate(runs, metrics, layers=[0]).effect.sel(layer=0, head=3)
    mean = lw.ablate(runs, metrics, layers=[0], replacement="mean", references=runs).effect.sel(layer=0, head=3)
    assert zero < -0.5 < -0.45 < mean < 0


def test_a_head_without_a_direct_effect_has_the_largest_total_one(givers):
    runs, metrics = givers
    found = lw.direct_and_total_effect(runs, metrics)
    assert abs(found.direct[0, 1]) < 0.5
    assert strongest(found.total) == (0, 1)
    assert strongest(found.later) == (0, 1)
    run, metric = runs[0], metrics[0]
    one = lw.direct_and_total_effect(run, metric)
    assert float(one.total[0, 1]) == pytest.approx(mean_by_hand([run], [metric], {(0, 1): 0.0}), abs=1e-3)
    end, z, transformer = metric.on(run), z_by_hand(run), run.subject.model.transformer
    rows = run.subject.model.lm_head.weight.detach()
    stream = run["resid_post", 3][-1].double()
    towards = transformer.ln_f.weight.detach().double() * (rows[end.target_id] - rows[end.foil_id]).double()
    for layer, head in ((0, 1), (1, 3), (3, 3)):
        written = z[layer, head][-1].double() @ transformer.h[layer].attn.c_proj.weight.detach()[head * WIDTH : (head + 1) * WIDTH].double()
        direct = -((written - written.mean()) @ towards) / (stream.var(unbiased=False) + transformer.ln_f.eps).sqrt()
        assert float(one.direct[layer, head]) == pytest.approx(float(direct), abs=1e-3)


def test_later_layers_relay_what_the_heads_that_read_the_answer_lose(givers):
    found = lw.direct_and_total_effect(*givers)
    for head in ((1, 3), (2, 2), (3, 3)):
        assert found.total[head] < found.direct[head] < -2
        assert found.later_high[head] < -0.5


def test_the_heads_that_look_hardest_at_the_answer_do_not_tell_the_two_prompts_apart(names_swapped):
    clean, corrupted = names_swapped
    metric = Metric(" Mary", " John")
    assert all(clean.pattern(1, head, queries=[13])[0, 1] > 0.9 for head in (2, 3))  # on " Mary"
    shares = lw.direct_logit_attribution(clean, metric).heads
    assert strongest(shares) == (1, 3)
    found = lw.patch(clean, corrupted, metric, site="z")
    assert abs(found.recovery.sel(layer=1)).max() < 0.1
    assert found.recovery[2, 2] > 0.4 and found.recovery[3, 3] > 0.5
    put = z_by_hand(clean)
    gap = asked(by_hand(clean, {}), clean, metric) - asked(by_hand(corrupted, {}), corrupted, metric)
    for head in ((1, 3), (2, 2), (3, 3)):
        assert float(found.recovery[head]) == pytest.approx(mean_by_hand([corrupted], [metric], {head: put[head]}) / gap, abs=1e-3)


def test_denoising_and_noising_disagree_where_heads_back_each_other_up(word_swapped):
    clean, corrupted = word_swapped
    metric = Metric(" orange", " letter", quantity="log_probability")
    enough = lw.patch(clean, corrupted, metric, site="z", direction="denoise").recovery
    needed = 1 - lw.patch(clean, corrupted, metric, site="z", direction="noise").recovery
    assert (enough[1] > 0.25).all() and enough[1, 3] > 0.5  # each brings back a good part,
    assert (needed[1] < 0.02).all()  # and none is missed
    before, after = (asked(by_hand(run, {}), run, metric) for run in (corrupted, clean))
    put, away = z_by_hand(clean)[1, 3], z_by_hand(corrupted)[1, 3]
    assert float(enough[1, 3]) == pytest.approx(mean_by_hand([corrupted], [metric], {(1, 3): put}) / (after - before), abs=1e-3)
    assert float(needed[1, 3]) == pytest.approx(-mean_by_hand([clean], [metric], {(1, 3): away}) / (after - before), abs=1e-3)
    both = [lw.patch(clean, corrupted, metric, site="attn_out", direction=how, layers=[1], positions=[-1]) for how in ("denoise", "noise")]
    assert both[0].recovery.item() > 0.9 and both[1].recovery.item() < 0.1  # together: enough, and needed


def test_attribution_patching_finds_the_heads_that_patching_confirms(names_swapped):
    clean, corrupted = names_swapped
    metric = Metric(" Mary", " John")
    found = lw.attribution_patching(clean, corrupted, metric, verify=6)
    assert found.attrs["top_k"] == int(found.verified.notnull().sum()) == 6
    assert found.attrs["rank_correlation"] > 0.9
    real = lw.patch(clean, corrupted, metric, site="z").effect
    order = [np.argsort(-np.abs(values.values).ravel())[:4].tolist() for values in (found.estimate, real)]
    assert set(order[0]) == set(order[1]) == {2, 3, 10, 15}  # heads 0.2, 0.3, 2.2, 3.3
    put = z_by_hand(clean)
    for at in order[0]:
        head = divmod(at, 4)
        assert float(found.verified[head]) == pytest.approx(mean_by_hand([corrupted], [metric], {head: put[head]}), abs=1e-3)
        assert 0.6 < found.estimate[head] / found.verified[head] < 1  # a line along a curve: right in order, short in size


def test_attribution_patching_sees_nothing_where_the_probability_is_flat(word_swapped):
    clean, corrupted = word_swapped
    found = lw.attribution_patching(clean, corrupted, Metric(" orange", " letter", quantity="probability"), verify=3)
    assert abs(found.estimate).max() < 1e-3
    assert found.verified.max() > 0.7
    sloped = lw.attribution_patching(clean, corrupted, Metric(" orange", " letter"), verify=3)
    assert sloped.verified[strongest(sloped.estimate)] > 0.6 * sloped.verified.max()
