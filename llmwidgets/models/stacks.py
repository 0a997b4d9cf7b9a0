"""Which modules are the blocks of a model: the outermost lists of modules that hold weights.

Found by structure, not by name. Lists of bare linear layers (an MLP) are no blocks; lists inside a block
(experts) are not outermost.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def find_blocks(model: nn.Module) -> dict[nn.Module, str]:
    """Return every candidate block with its module path, in the model's own order."""
    lists: list[str] = []
    blocks: dict[nn.Module, str] = {}
    for name, module in model.named_modules():
        if not isinstance(module, nn.ModuleList) or any(name.startswith(outer + ".") for outer in lists):
            continue
        children = list(module.children())
        if children and all(_holds_linear(child) for child in children):
            lists.append(name)
            blocks.update({child: f"{name}.{index}" for index, child in enumerate(children)})
    return blocks


def is_linear(module: nn.Module) -> bool:
    """Whether a module is one matrix: `nn.Linear`, GPT-2's `Conv1D`, and what replaces them."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a layer norm of some kind."""
    named_so = "norm" in type(module).__name__.lower() and not any(True for _ in module.children())
    return isinstance(module, nn.LayerNorm) or named_so


def first_tensor(value: Any) -> torch.Tensor | None:
    """The first tensor in what a module takes or gives (a tensor, a tuple, an output object)."""
    if isinstance(value, torch.Tensor):
        return value
    if hasattr(value, "to_tuple"):
        value = value.to_tuple()
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)):
        return next((item for item in value if isinstance(item, torch.Tensor)), None)
    return None


def stream_input(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """The hidden states among a module's arguments."""
    found = first_tensor(args)
    if found is not None:
        return found
    named = [kwargs[name] for name in ("hidden_states", "x", "input", "inputs_embeds") if name in kwargs]
    return first_tensor(named)


def with_stream(args: tuple[Any, ...], kwargs: dict[str, Any], stream: torch.Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with `stream` in the place of what `stream_input` finds in them."""
    found = stream_input(args, kwargs)
    return tuple(stream if value is found else value for value in args), {
        name: stream if value is found else value for name, value in kwargs.items()
    }


def with_first_tensor(output: Any, tensor: torch.Tensor) -> Any:
    """What a module gave (a tensor or a tuple), with `tensor` in the place of what `first_tensor` finds in it."""
    if isinstance(output, torch.Tensor):
        return tensor
    if not isinstance(output, (tuple, list)):
        raise TypeError(f"a module gave {type(output).__name__}; expected a tensor or a tuple, in which a tensor can be replaced")
    found = first_tensor(output)
    return type(output)(tensor if value is found else value for value in output)


def _holds_linear(module: nn.Module) -> bool:
    return not is_linear(module) and any(is_linear(part) for part in module.modules())
