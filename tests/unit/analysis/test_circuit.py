"""The hand-set circuit does what its docstring says, by plain forward passes and hooks of our own."""

from __future__ import annotations

import pytest
import torch

from tests import circuit as truth
from tests.circuit import BACKUP, DECOY, DISTANCE, FIXED, GAIN, HEAD_WIDTH, INDUCTION, PREVIOUS, circuit, prompt, without

NORMS = pytest.mark.parametrize("norms", [True, False])
#: How far a norm's output may stand from its input, and so a logit difference from GAIN.
CLOSE = {True: 2e-3, False: 1e-5}


@torch.no_grad()
def logits(model, ids: torch.Tensor, zeroed: tuple[tuple[int, int], ...] = ()) -> torch.Tensor:
    """(position, vocab), with the output of these heads set to zero by hooks."""
    hooks = []
    for layer, head in zeroed:

        def zero(module, args, head=head):
            z = args[0].clone()
            z[..., head * HEAD_WIDTH : (head + 1) * HEAD_WIDTH] = 0
            return (z,)

        hooks.append(model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(zero))
    try:
        return model(ids[None]).logits[0]
    finally:
        for hook in hooks:
            hook.remove()


def difference(model, asked, zeroed=()) -> float:
    last = logits(model, asked.ids, zeroed)[-1]
    return (last[asked.answer] - last[asked.foil]).item()


def patterns(model, ids: torch.Tensor) -> torch.Tensor:
    """(layer, head, query, key) by the model's own eager attention."""
    model.set_attn_implementation("eager")
    with torch.no_grad():
        return torch.stack(model(ids[None], output_attentions=True).attentions)[:, 0]


@NORMS
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_it_completes_a_repeat_with_a_wide_margin(norms, dtype):
    model = circuit(dtype, norms)
    for seed in range(5):
        asked = prompt(12 + seed, earlier=1 + seed, seed=seed)
        said = logits(model, asked.ids)[-1]
        assert said.argmax() == asked.answer
        assert said.softmax(-1)[asked.answer] > 0.998
        assert said[asked.answer] - said[asked.foil] == pytest.approx(GAIN, abs=CLOSE[norms])
        assert logits(model, asked.corrupted)[-1].argmax() == asked.foil
        assert (asked.ids != asked.corrupted).nonzero().flatten().tolist() == [asked.changed]


@NORMS
def test_each_head_looks_where_the_truth_says(norms):
    asked = prompt(16, earlier=3)
    pattern = patterns(circuit(norms=norms), asked.ids)
    last = len(asked.ids) - 1
    queries = torch.arange(1, last + 1)
    assert pattern[PREVIOUS][queries, queries - 1].min() > 1 - 1e-9
    assert pattern[FIXED][queries[DISTANCE:], queries[DISTANCE:] - DISTANCE].min() > 1 - 1e-9
    assert pattern[DECOY][:, 0].min() > 1 - 1e-9
    assert pattern[INDUCTION][last, asked.changed] > 1 - 1e-6
    assert pattern[INDUCTION][1:last, 0].min() > 1 - 1e-5  # no earlier copy: at rest
    assert pattern[BACKUP][1:, 0].min() > 1 - 1e-5  # sent to rest where INDUCTION is at work
    named = {PREVIOUS, FIXED, INDUCTION, DECOY, BACKUP}
    even = torch.ones(last + 1, last + 1, dtype=torch.float64).tril()
    for layer in range(truth.N_LAYERS):
        for head in range(truth.N_HEADS):
            if (layer, head) not in named:
                torch.testing.assert_close(pattern[layer, head], even / even.sum(-1, keepdim=True))


@NORMS
def test_taking_out_induction_or_its_backup_changes_nothing_and_taking_out_both_everything(norms):
    model, asked = circuit(norms=norms), prompt()
    for alone in (INDUCTION, BACKUP):
        assert difference(model, asked, [alone]) == pytest.approx(GAIN, abs=CLOSE[norms])
    assert difference(model, asked, [INDUCTION, BACKUP]) == pytest.approx(0, abs=1e-12)


@NORMS
def test_without_induction_its_backup_looks_at_what_came_after_the_earlier_copy(norms):
    asked = prompt()
    pattern = patterns(without(circuit(norms=norms), INDUCTION), asked.ids)
    assert pattern[BACKUP][-1, asked.changed] > 1 - 1e-6


@NORMS
def test_taking_out_the_previous_token_head_takes_the_answer_away(norms):
    assert abs(difference(circuit(norms=norms), prompt(), [PREVIOUS])) < 1e-4


@NORMS
def test_taking_out_a_head_that_only_looks_changes_nothing(norms):
    model, asked = circuit(norms=norms), prompt()
    clean = logits(model, asked.ids)
    for place in (DECOY, FIXED):
        after = logits(model, asked.ids, [place])
        assert (after - clean).abs().max() <= 1e-9 * clean.abs().max()


@NORMS
def test_the_direct_effect_is_all_inductions_and_none_of_its_backups(norms):
    model, asked = circuit(norms=norms), prompt()
    added = {}

    def keep(place):
        def hook(module, args):
            at = slice(place[1] * HEAD_WIDTH, (place[1] + 1) * HEAD_WIDTH)
            added[place] = args[0][0, -1, at] @ module.weight[at]  # (d_model,)

        return hook

    hooks = [model.transformer.h[place[0]].attn.c_proj.register_forward_pre_hook(keep(place)) for place in (INDUCTION, BACKUP)]
    difference(model, asked)
    for hook in hooks:
        hook.remove()
    towards = (model.lm_head.weight[asked.answer] - model.lm_head.weight[asked.foil]).detach()
    assert (added[INDUCTION] @ towards).item() == pytest.approx(GAIN, abs=CLOSE[norms])
    assert abs((added[BACKUP] @ towards).item()) < 1e-9


@NORMS
def test_weights_cut_by_hand_agree_with_hooks(norms):
    model, asked = circuit(norms=norms), prompt()
    for heads in ([INDUCTION], [INDUCTION, BACKUP], [PREVIOUS]):
        torch.testing.assert_close(logits(without(model, *heads), asked.ids), logits(model, asked.ids, heads), rtol=0, atol=1e-12)


def test_a_norm_gives_back_what_it_got_and_without_norms_the_logits_are_linear():
    asked = prompt()
    handed = {}
    with_norms, plain = circuit(), circuit(norms=False)
    with_norms.transformer.ln_f.register_forward_hook(lambda module, args, out: handed.update(before=args[0], after=out))
    plain.transformer.h[-1].register_forward_hook(lambda module, args, out: handed.update(last=out))
    logits(with_norms, asked.ids)
    assert ((handed["after"] / handed["before"])[handed["before"] != 0] - 1).abs().max() < 2e-4
    said = logits(plain, asked.ids)
    last = handed["last"][0] if handed["last"].ndim == 3 else handed["last"]
    torch.testing.assert_close(said, last @ plain.lm_head.weight.T)
