"""Looks that are cut are as if the mask had forbidden them: weight zero, the rest of the row grown, everything else as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from llmwidgets.capture import capture
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.replacement import Replacement
from llmwidgets.experiments.sweep import sweep
from llmwidgets.models.errors import ModelError, UndefinedHereError
from llmwidgets.models.tap import AttentionCall, AttentionTap
from tests.architectures import CAUSES, prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import HEADS, N
from tests.unit.experiments.test_sites import after, assert_same

IDS, OTHER = prompt_ids(N), prompt_ids(N, seed=5)
METRIC = Metric(10, 20)
NAMES = (*CAUSES, "gpt_bigcode", "opt", "mixtral", "gpt_oss", "cohere", "mistral")
EAGER_ONLY = ("gemma2", "gpt_oss")  # soft caps and sinks
BOTH = [(name, kind) for name in NAMES for kind in ("sdpa", "eager") if kind == "eager" or name not in EAGER_ONLY]


def cut_at(*places: tuple[int | None, int, int], n_heads: int = HEADS) -> Tensor:
    """(head, query, key), True at each (head or None for all, query, key)."""
    cut = torch.zeros(n_heads, N, N, dtype=torch.bool)
    for head, query, key in places:
        cut[slice(None) if head is None else head, query, key] = True
    return cut


@pytest.mark.parametrize("name, attention", BOTH)
def test_a_cut_look_is_as_a_mask_that_forbids_it(name: str, attention: str) -> None:
    run = capture(plain.model(name, attention), IDS)
    changes: list[Any] = [
        Intervention("scores", 1, head=2, position=7, key=3),
        Intervention("scores", 0, position=[9, 11], key=[8, 9]) + Intervention("scores", 2, head=[0, 3], position=11, key=10),
        Intervention("scores", position=-1, key=[-2, 5]),
        Interventions(),
    ]
    first = {1: cut_at((2, 7, 3))}
    second = {
        0: cut_at((None, 9, 8), (None, 11, 8), (None, 11, 9), (None, 9, 9)),
        2: cut_at((0, 11, 10), (3, 11, 10)),
    }
    third = {layer: cut_at((None, 11, 10), (None, 11, 5)) for layer in range(3)}
    for found, cut in zip(after(run, changes), (first, second, third, {}), strict=True):
        assert_same(found, plain.logits_without_looks(name, IDS, cut))


class Weights:
    """Listens behind the editor: what an eager attention function computed."""

    def __init__(self) -> None:
        self.each: list[Tensor] = []

    def before_attention(self, call: AttentionCall) -> None:
        pass

    def after_attention(self, call: AttentionCall, result: Any) -> None:
        self.each.append(result[1])  # (row, head, query, key)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "mistral", "bert"])
def test_the_weight_is_exactly_zero_the_row_sums_to_one_and_no_other_row_changes(name: str) -> None:
    run = capture(plain.model(name, "eager"), IDS)
    heard = Weights()
    with AttentionTap(heard):
        list(sweep(run, [Intervention("scores", 1, head=[1, 2], position=9, key=[6, 9])], METRIC))
    clean = run.pattern(1)  # (head, query, key)
    weights = next(each for each in heard.each if each.shape[0] == 2)  # unedited, edited
    assert torch.allclose(weights[0], clean, rtol=0, atol=1e-12)
    edited = weights[1]
    assert torch.equal(edited[[1, 2]][:, 9][:, [6, 9]], torch.zeros(2, 2, dtype=torch.float64))
    assert torch.allclose(edited.sum(-1), torch.ones(4, N, dtype=torch.float64), rtol=0, atol=1e-12)
    wanted = clean.clone()
    wanted[1:3, 9, [6, 9]] = 0
    wanted[1:3, 9] /= wanted[1:3, 9].sum(-1, keepdim=True)
    assert torch.allclose(edited, wanted, rtol=0, atol=1e-12)
    # What a window forbids stays forbidden.
    assert bool((edited[:, ~plain.may_look(plain.model(name, "eager"), 1)] == 0).all())


@pytest.mark.parametrize("name, attention", [("gemma2", "eager"), ("mistral", "eager"), ("mistral", "sdpa")])
def test_a_cut_outside_the_window_changes_nothing(name: str, attention: str) -> None:
    run = capture(plain.model(name, attention), IDS)
    assert not bool(plain.may_look(plain.model(name), 0)[11, 3])
    (found,) = after(run, [Intervention("scores", 0, position=11, key=[0, 3])])
    assert_same(found, plain.logits(plain.model(name, attention), IDS))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral"])
def test_a_row_that_may_look_nowhere_is_refused_with_what_to_do(name: str, attention: str) -> None:
    run = capture(plain.model(name, attention), IDS)
    for change, where in (
        (Intervention("scores", 1, position=0, key=0), "position 0 of head 0"),
        (Intervention("scores", 1, head=2, position=5), "position 5 of head 2"),
    ):
        with pytest.raises(UndefinedHereError, match=f"{where} may look nowhere .* Leave it at least one key"):
            after(run, [Intervention("z", 0, 1), change])


def test_with_a_sink_a_row_may_lose_all_its_keys() -> None:
    """gpt-oss has a learned score beside the keys, which then takes all of the weight: z is zero there."""
    run = capture(plain.model("gpt_oss"), IDS)
    nothing, zero = after(run, [Intervention("scores", 1, head=2, position=5), Intervention("z", 1, head=2, position=5)])
    assert_same(nothing, zero)


def test_cuts_of_two_interventions_add_up() -> None:
    run = capture(plain.model("gpt2"), IDS)
    one, other = Intervention("scores", 1, position=9, key=3), Intervention("scores", 1, position=9, key=4)
    apart, together = after(run, [one + other, Intervention("scores", 1, position=9, key=[3, 4])])
    assert_same(apart, together)


def test_a_cut_goes_together_with_other_changes_inside_attention() -> None:
    name, model = "llama", plain.model("llama")
    run = capture(model, IDS)
    put = Replacement.other(OTHER.tolist())
    (found,) = after(run, [Intervention("q", 1, head=1, replacement=put) + Intervention("scores", 1, position=9, key=3)])
    hooks = plain.hooks_for(name, model, "q", 1, other=OTHER, head=[1])
    handles = [model.get_submodule(hook.path).register_forward_hook(plain._made(hook.change)) for hook in hooks]
    mask = torch.zeros(N, N, dtype=torch.float64).masked_fill(~plain.may_look(model, 1), -torch.inf)
    mask[9, 3] = -torch.inf
    attention = model.get_submodule("model.layers.1.self_attn")

    def hand(module: Any, args: Any, kwargs: Any) -> Any:
        return args, {**kwargs, "attention_mask": mask[None, None]}

    handles.append(attention.register_forward_pre_hook(hand, with_kwargs=True))
    try:
        with torch.no_grad():
            wanted = model(input_ids=IDS[None]).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    assert_same(found, wanted)


def test_an_attention_whose_mask_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = capture(plain.model("gpt2"), IDS)
    original = AttentionCall.__init__

    def flash(self: AttentionCall, module: Any, implementation: Any, *rest: Any, **named: Any) -> None:
        original(self, module, "flash_attention_2", *rest, **named)

    monkeypatch.setattr("llmwidgets.models.tap.AttentionCall.__init__", flash)
    with pytest.raises(ModelError, match='Load it with attn_implementation="sdpa"'):
        after(run, [Intervention("scores", 1, position=9, key=3)])
