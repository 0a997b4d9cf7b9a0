"""Gradients at named sites are those of the model, and asking for them leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import llmwidgets as lw
from llmwidgets.analysis.effects.gradients import gradients
from llmwidgets.analysis.effects.graph_sites import SITES
from llmwidgets.capture import Capture
from llmwidgets.experiments.metric import Metric
from llmwidgets.models.errors import CaptureStopped, ModelError, UndefinedHereError
from llmwidgets.models.stacks import first_tensor
from llmwidgets.models.tap import AttentionTap
from tests.architectures import CAUSES, FloatsStayDouble, build, prompt_ids

METRIC = Metric(10, 20, position=7)
LACKED = {("gpt_neox", "resid_mid"), ("bert", "resid_mid")}


def shifted(run: Capture, site: str, layer: int, shift: Tensor) -> float:
    """The metric where the site is moved by `shift` (of the site's shape), by hooks of this test's own."""
    model, block = run.subject.model, run.bench("a test").anatomy.blocks[layer]
    modules = dict(model.named_modules())

    def moved(tensor: Tensor, by: Tensor) -> Tensor:
        return tensor + by.reshape(tensor.shape)

    def output(name: str, by: Tensor) -> Any:
        def hook(module: Any, args: Any, gave: Any) -> Any:
            return moved(gave, by) if isinstance(gave, Tensor) else (moved(gave[0], by), *gave[1:])

        return modules[name].register_forward_hook(hook)

    def inputs(name: str, by: Tensor) -> Any:
        return modules[name].register_forward_pre_hook(lambda module, args: (moved(args[0], by), *args[1:]))

    class Mover:
        def before_attention(self, call: Any) -> Any:
            field = {"q": "query", "k": "key", "v": "value"}.get(site)
            if call.module is not modules[block.attention] or field is None:
                return None
            return replace(call, **{field: moved(getattr(call, field), shift)})

        def after_attention(self, call: Any, result: Any) -> Any:
            if call.module is not modules[block.attention] or site != "attention_output":
                return None
            return moved(first_tensor(result), shift.transpose(0, 1).contiguous()), *result[1:]

    with ExitStack() as stack, torch.no_grad():
        if site in ("q", "k", "v", "attention_output"):
            stack.enter_context(AttentionTap(Mover()))
        else:
            make: dict[str, Callable[[], Any]] = {
                "resid_pre": lambda: inputs(block.name, shift),
                "resid_post": lambda: output(block.name, shift),
                "resid_mid": lambda: output(block.mixer_terms[0].name, shift / block.mixer_terms[0].factor),
                "attn_out": lambda: output(block.mixer_terms[0].name, shift / block.mixer_terms[0].factor),
                "mlp_out": lambda: output(block.mlp_terms[0].name, shift / block.mlp_terms[0].factor),
                "z": lambda: inputs(block.output_projection, shift.transpose(0, 1).contiguous()),
                "mlp_post": lambda: inputs(block.mlp_output_projection, shift),
            }
            stack.callback(make[site]().remove)
        logits = model(input_ids=run.inputs.ids[None]).logits[0, METRIC.position]
    return float(logits[10] - logits[20])


@pytest.mark.parametrize("name", CAUSES)
def test_every_gradient_is_what_the_metric_does_when_the_activation_moves_a_little(name: str) -> None:
    """Directional derivatives by central differences in float64, at every site that the architecture has."""
    with FloatsStayDouble():
        run = lw.capture(build(name, torch.float64), prompt_ids(10))
        for site in SITES:
            if (name, site) in LACKED:
                with pytest.raises(UndefinedHereError):
                    gradients(run, METRIC.on(run), [site])
                continue
            found = gradients(run, METRIC.on(run), [site])
            for layer in (0, run.n_layers - 1):
                there = found.at[site, layer]
                way = torch.randn(there.gradient.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
                step = 1e-5 * float(there.activation.norm() / way.norm())
                up, down = (shifted(run, site, layer, sign * step * way) for sign in (1, -1))
                expected = (up - down) / (2 * step)
                off = abs(float((there.gradient * way).sum()) - expected)
                assert off < 1e-5 * max(abs(expected), float(there.gradient.norm())), (site, layer)


@pytest.mark.parametrize("name", ["gpt2", "llama", "granite", "gemma2"])
def test_activations_are_those_of_the_capture_and_the_value_is_the_metric(name: str) -> None:
    with FloatsStayDouble():
        run = lw.capture(build(name, torch.float64), prompt_ids(10))
        found = gradients(run, METRIC.on(run), [site for site in SITES if site != "attention_output"])
        assert found.value == pytest.approx(METRIC.on(run).before["logit_difference"], abs=1e-10)
        for (site, layer), there in found.at.items():
            assert torch.allclose(there.activation, run[site, layer], atol=1e-10, rtol=0), (site, layer)
            assert there.gradient.shape == there.activation.shape


@pytest.mark.parametrize("name", ["falcon", "gptj", "bloom", "gpt_bigcode", "mixtral", "gpt_oss"])
def test_a_sum_that_the_model_writes_over_does_not_spoil_the_terms(name: str) -> None:
    """Falcon adds in place: attn_out and mlp_out still each have the gradient of the stream that they are added to."""
    with FloatsStayDouble():
        run = lw.capture(build(name, torch.float64), prompt_ids(10))
        found = gradients(run, METRIC.on(run), ["attn_out", "mlp_out", "resid_post", "z"]).at
        last = run.n_layers - 1
        assert torch.allclose(found["mlp_out", last].gradient, found["resid_post", last].gradient, atol=1e-12)
        assert torch.allclose(found["mlp_out", last].activation, run["mlp_out", last], atol=1e-10)
        assert torch.allclose(found["attn_out", last].activation, run["attn_out", last], atol=1e-10)


def test_a_model_with_attention_in_some_blocks_only_has_gradients_there() -> None:
    run = lw.capture(build("lfm2"), prompt_ids(10))
    assert set(gradients(run, METRIC.on(run), ["q", "resid_post"]).at) == {("q", 1), *(("resid_post", layer) for layer in range(3))}


def test_nothing_of_the_model_is_touched_even_after_an_error() -> None:
    model = build("gpt2")
    given = torch.ones_like(next(model.parameters()))
    next(model.parameters()).grad = given
    list(model.parameters())[3].requires_grad_(False)
    fired = []
    model.transformer.h[0].register_forward_hook(lambda *_: fired.append(1))
    flags = [parameter.requires_grad for parameter in model.parameters()]
    with pytest.warns(UserWarning, match="hook"):
        run = lw.capture(model, prompt_ids(10))
    twin = run.bench("a test").twin.module

    def hooks() -> list[int]:
        return [len(getattr(m, name)) for m in (*twin.modules(), *model.modules()) for name in ("_forward_hooks", "_forward_pre_hooks")]

    before = hooks()
    gradients(run, METRIC.on(run), ["z", "q", "resid_post"])
    with pytest.raises(CaptureStopped, match="layer 2 of 3"):
        turns = iter([False, False, True])
        gradients(run, METRIC.on(run), ["z", "q"], cancelled=lambda: next(turns))
    assert hooks() == before and not fired
    assert [parameter.requires_grad for parameter in model.parameters()] == flags
    assert [parameter.grad is given for parameter in model.parameters()] == [True, *[False] * (len(flags) - 1)]
    assert all(parameter.grad is None for parameter in list(model.parameters())[1:])
    run.bench("the model as it was captured").unchanged()


def test_frozen_parameters_no_grad_and_inference_mode_make_no_difference() -> None:
    model = build("llama")
    run = lw.capture(model, prompt_ids(10))
    expected = gradients(run, METRIC.on(run), ["z"]).at["z", 0].gradient
    with torch.no_grad():
        assert torch.equal(gradients(run, METRIC.on(run), ["z"]).at["z", 0].gradient, expected)
    with torch.inference_mode():
        inside = lw.capture(model, prompt_ids(10))
        assert torch.equal(gradients(inside, METRIC.on(inside), ["z"]).at["z", 0].gradient, expected)
    assert torch.equal(gradients(inside, METRIC.on(inside), ["z"]).at["z", 0].gradient, expected)
    model.requires_grad_(False)
    assert torch.equal(gradients(run, METRIC.on(run), ["z"]).at["z", 0].gradient, expected)


def test_a_model_that_computes_a_part_without_gradients_is_refused_in_words() -> None:
    model = build("gpt2")
    model.lm_head.forward = torch.no_grad()(model.lm_head.forward)
    run = lw.capture(model, prompt_ids(10))
    with pytest.raises(UndefinedHereError, match="no gradient leads from the model's answer to z of block 0"):
        gradients(run, METRIC.on(run), ["z"])

    class Blind(type(model.transformer.h[1].mlp)):
        forward = torch.no_grad()(type(model.transformer.h[1].mlp).forward)

    model = build("gpt2")
    model.transformer.h[1].mlp.__class__ = Blind
    run = lw.capture(model, prompt_ids(10))
    with pytest.raises(UndefinedHereError, match="to mlp_out of block 1"):
        gradients(run, METRIC.on(run), ["mlp_out"])


def test_a_model_made_in_inference_mode_is_refused_in_words() -> None:
    with torch.inference_mode():
        model = build("gpt2")
    run = lw.capture(model, prompt_ids(10))
    with pytest.raises(ModelError, match="load it outside of that"):
        gradients(run, METRIC.on(run), ["z"])


def test_what_comes_after_the_metrics_position_has_no_gradient() -> None:
    run = lw.capture(build("gpt2"), prompt_ids(10))
    gradient = gradients(run, METRIC.on(run), ["resid_pre"]).at["resid_pre", 0].gradient
    assert bool((gradient[8:] == 0).all()) and bool((gradient[:8].abs().sum(-1) > 0).all())


def test_progress_is_told_before_each_layer() -> None:
    told: list[tuple[int, int, str]] = []
    run = lw.capture(build("gpt2"), prompt_ids(10))
    gradients(run, METRIC.on(run), ["z"], progress=lambda *it: told.append(it))
    assert told == [(layer, 3, f"gradient, layer {layer}") for layer in range(3)]


def test_half_precision_gradients_come_in_float32() -> None:
    run = lw.capture(build("llama", torch.bfloat16), prompt_ids(10))
    there = gradients(run, METRIC.on(run), ["z"]).at["z", 1]
    assert there.gradient.dtype == there.activation.dtype == torch.float32


@pytest.mark.parametrize("quantity, sentence", [("rank", "moves in steps"), ("kl", "smallest at the run")])
def test_a_quantity_without_a_slope_is_refused_in_words(quantity: str, sentence: str) -> None:
    run = lw.capture(build("gpt2"), prompt_ids(10))
    with pytest.raises(ValueError, match=sentence):
        gradients(run, Metric(10, 20, quantity=quantity).on(run), ["z"])


@pytest.mark.parametrize(
    "name, site, sentence",
    [
        ("gpt_neox", "resid_mid", "attention and MLP both read the block's input"),
        ("gptj", "q", "does not use the attention interface"),
        ("gptj", "attention_output", "does not use the attention interface"),
        ("mamba", "z", "has no attention"),
        ("mixtral", "mlp_post", "mlp_post was not found"),
    ],
)
def test_a_site_that_the_architecture_lacks_is_refused_in_words(name: str, site: str, sentence: str) -> None:
    run = lw.capture(build(name), prompt_ids(10))
    with pytest.raises(UndefinedHereError, match=sentence):
        gradients(run, METRIC.on(run), [site])


def test_an_unknown_site_names_those_there_are() -> None:
    run = lw.capture(build("gpt2"), prompt_ids(10))
    with pytest.raises(ValueError, match=f"site='resid' came; expected one of {SITES[0]}"):
        gradients(run, METRIC.on(run), ["resid"])
