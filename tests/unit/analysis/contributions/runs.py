"""Runs in float64 throughout, so that two ways of computing the same thing differ by rounding only."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from transformers import PreTrainedModel

from llmwidgets.capture import Capture, capture
from tests.architectures import CAUSES, FloatsStayDouble, build, prompt_ids

N = 12
IDS = prompt_ids(N)
#: Those of CAUSES whose logits are a sum over parts: all but BERT, whose head is more than a norm.
CAUSAL = tuple(name for name in CAUSES if name != "bert")


@cache
def model(name: str, **changes: Any) -> PreTrainedModel:
    return build(name, torch.float64, attention="eager" if name != "openai-gpt" else None, **changes)


@cache
def captured(name: str, **changes: Any) -> Capture:
    with FloatsStayDouble():
        return capture(model(name, **changes), IDS)


@cache
def logits(name: str, **changes: Any) -> torch.Tensor:
    """(position, vocab), by the model itself."""
    with torch.no_grad(), FloatsStayDouble():
        return model(name, **changes)(IDS[None]).logits[0]


@cache
def seen(name: str, path: str) -> torch.Tensor:
    """What the module `path` gave, (position, width)."""
    return _watched(name, path)[1]


@cache
def given(name: str, path: str) -> torch.Tensor:
    """What the module `path` was given, (position, width)."""
    return _watched(name, path)[0]


def _watched(name: str, path: str) -> tuple[torch.Tensor, torch.Tensor]:
    found: list[torch.Tensor] = []

    def watch(module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:
        found.extend([args[0].clone() if args else torch.empty(0), (output[0] if isinstance(output, tuple) else output).clone()])

    handle = model(name).get_submodule(path).register_forward_hook(watch)
    try:
        with torch.no_grad(), FloatsStayDouble():
            model(name)(IDS[None])
    finally:
        handle.remove()
    return tuple(tensor[0] if tensor.ndim == 3 else tensor for tensor in found[:2])  # type: ignore[return-value]
