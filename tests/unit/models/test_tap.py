"""The tap hears its own thread's attention calls, and leaves transformers as it was."""

from __future__ import annotations

import threading

import pytest
import torch
from transformers.modeling_utils import AttentionInterface

from llmwidgets.models.tap import AttentionCall, AttentionTap
from tests.architectures import build, prompt_ids

get_interface = AttentionInterface.get_interface


class Listening:
    def __init__(self) -> None:
        self.before: list[AttentionCall] = []
        self.after: list[AttentionCall] = []

    def before_attention(self, call: AttentionCall) -> None:
        self.before.append(call)

    def after_attention(self, call: AttentionCall, result: object) -> None:
        self.after.append(call)


def forward(name: str = "gpt2") -> torch.Tensor:
    with torch.no_grad():
        return build(name)(input_ids=prompt_ids()[None]).logits


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "gpt_oss"])
def test_every_layer_is_heard_and_nothing_is_changed(name: str) -> None:
    listening, plain = Listening(), forward(name)
    with AttentionTap(listening):
        assert torch.equal(forward(name), plain)
    assert len(listening.before) == len(listening.after) == 3
    assert AttentionInterface.get_interface is get_interface
    forward(name)
    assert len(listening.before) == 3


def test_the_method_is_put_back_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), AttentionTap(Listening()):
        raise ZeroDivisionError
    assert AttentionInterface.get_interface is get_interface


def test_taps_may_stand_in_each_other_and_end_in_any_thread() -> None:
    outer, inner, elsewhere = Listening(), Listening(), Listening()

    def other() -> None:
        with AttentionTap(elsewhere):
            forward()

    with AttentionTap(outer):
        with AttentionTap(inner):
            forward()
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert AttentionInterface.get_interface is not get_interface
        forward()
    assert [len(heard.before) for heard in (outer, inner, elsewhere)] == [6, 3, 3]
    assert AttentionInterface.get_interface is get_interface


def test_a_thread_without_a_tap_is_not_heard() -> None:
    listening = Listening()
    with AttentionTap(listening):
        thread = threading.Thread(target=forward)
        thread.start()
        thread.join()
    assert listening.before == []


def test_another_thread_may_compile_a_whole_graph_meanwhile() -> None:
    model = build("llama")
    with torch.no_grad():
        plain = model(input_ids=prompt_ids()[None]).logits
    graphs = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        graphs.append(graph)
        return graph.forward

    found: list[torch.Tensor] = []

    def compile_and_run() -> None:
        with torch.no_grad():
            found.append(torch.compile(model, backend=backend, fullgraph=True)(input_ids=prompt_ids()[None], use_cache=False).logits)

    with AttentionTap(Listening()):
        thread = threading.Thread(target=compile_and_run)
        thread.start()
        thread.join()
    torch.testing.assert_close(found[0], plain)
    assert len(graphs) == 1
