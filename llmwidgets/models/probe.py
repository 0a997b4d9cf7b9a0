"""One small forward pass that follows the residual stream through each block.

Inside a block, outputs of modules are leaves and sums, scalings, casts and dropouts of tracked tensors
are followed by arithmetic, so that the block's output comes out as an expression in its input. Runs on a
twin, changes nothing, keeps tensors only while it runs. What the trace means is read in `anatomy`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from llmwidgets.models.expression import Input, Leaf, Node, Norm, add, contains_input, scale
from llmwidgets.models.stacks import find_blocks, first_tensor, is_norm, stream_input
from llmwidgets.models.tap import AttentionCall, AttentionTap

_ADD = {Tensor.__add__, Tensor.__radd__, Tensor.add, torch.add, Tensor.__iadd__, Tensor.add_}
_SUBTRACT = {Tensor.__sub__, Tensor.sub, torch.sub}
_MULTIPLY = {Tensor.__mul__, Tensor.__rmul__, Tensor.mul, torch.mul, Tensor.__imul__, Tensor.mul_}
_DIVIDE = {Tensor.__truediv__, Tensor.div, torch.div, Tensor.true_divide}
_SAME = {
    F.dropout, torch.dropout, F.alpha_dropout, Tensor.view, Tensor.reshape, torch.reshape, Tensor.to, Tensor.float,
    Tensor.type, Tensor.type_as, Tensor.contiguous, Tensor.clone, Tensor.squeeze, Tensor.unsqueeze,
}  # fmt: skip
_IN_PLACE = {Tensor.__iadd__, Tensor.add_, Tensor.__imul__, Tensor.mul_}
_SOFTMAX = {F.softmax, torch.softmax, Tensor.softmax}


@dataclass
class Attended:
    """An attention seen in a block: through the interface, or as a bare softmax or sdpa call."""

    time: int
    module: str
    n_heads: int
    via: str  # "interface" | "softmax" | "sdpa"


@dataclass
class Visit:
    """A module's turn inside a block."""

    start: int
    end: int
    name: str
    module: nn.Module


@dataclass
class BlockTrace:
    """What one block did, in order of time."""

    name: str
    start: int
    end: int = 0
    output: Node | None = None
    output_length: int | None = None  # of the tuple that the block returns; None where it returns a tensor
    is_stream: bool = True  # (1, position, d_model) in and out
    attended: list[Attended] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    read: list[Node] = field(default_factory=list)  # tracked tensors that modules were given


@dataclass
class Trace:
    """The whole pass."""

    blocks: list[BlockTrace]
    mutated: set[str]  # modules whose output is written over after they returned it
    final_norm: str | None
    n_tokens: int


def probe(model: nn.Module, inputs: dict[str, Tensor]) -> Trace:
    """Run `model(**inputs)` once and return what its blocks did."""
    follower = _Follower(model, inputs["input_ids"].shape[-1])
    with torch.no_grad(), follower.listening(), AttentionTap(follower), follower:
        model(**inputs)
    return Trace(follower.blocks, follower.mutated, follower.final_norm, follower.n_tokens)


class _Follower(TorchFunctionMode):
    def __init__(self, model: nn.Module, n_tokens: int) -> None:
        super().__init__()
        self.n_tokens = n_tokens
        self.blocks: list[BlockTrace] = []
        self.mutated: set[str] = set()
        self.final_norm: str | None = None
        self._model = model
        self._names = {module: name for name, module in model.named_modules()}
        self._candidates = find_blocks(model)
        self._clock = itertools.count(1)
        self._running: list[Visit] = []
        self._block: BlockTrace | None = None
        self._block_module: nn.Module | None = None
        self._nodes: dict[int, Node] = {}  # by id of the tensor; `_alive` keeps ids from being used again
        self._alive: list[Any] = []
        self._stream: Tensor | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        handles = []
        try:
            for module in self._names:
                handles.append(module.register_forward_pre_hook(self._enter, with_kwargs=True))
                handles.append(module.register_forward_hook(self._leave, with_kwargs=True))
            yield
        finally:
            for handle in handles:
                handle.remove()
            self._nodes.clear()
            self._alive.clear()

    # modules

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        visit = Visit(next(self._clock), 0, self._names[module], module)
        self._running.append(visit)
        given = stream_input(args, kwargs)
        if self._block is None and module in self._candidates:
            self._block = BlockTrace(self._candidates[module], visit.start)
            self._block_module = module
            self._nodes.clear()
            if given is not None:
                self._track(given, Input())
        elif self._block is not None:
            self._block.visits.append(visit)
            if (node := self._node(given)) is not None:
                self._block.read.append(node)
        elif given is not None and given is self._stream and is_norm(module):
            self.final_norm = visit.name

    def _leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        visit = self._running.pop()
        visit.end = next(self._clock)
        given, gave = stream_input(args, kwargs), first_tensor(output)
        self._alive.append(gave)
        if module is self._block_module and self._block is not None:
            self._close_block(given, gave, output)
        elif self._block is not None and gave is not None and gave.is_floating_point():
            self._see_output(module, visit.name, given, gave)

    def _close_block(self, given: Tensor | None, gave: Tensor | None, output: Any) -> None:
        block = self._block
        assert block is not None
        block.end = next(self._clock)
        block.output = self._node(gave)
        block.output_length = len(output) if isinstance(output, (tuple, list)) else None
        shapes = [None if t is None else tuple(t.shape) for t in (given, gave)]
        block.is_stream = shapes[0] is not None and shapes[0] == shapes[1] and len(shapes[0]) == 3
        self.blocks.append(block)
        self._stream = gave
        self._block = self._block_module = None

    def _see_output(self, module: nn.Module, name: str, given: Tensor | None, gave: Tensor) -> None:
        source, present = self._node(given), self._node(gave)
        if isinstance(module, (nn.Dropout, nn.Identity)) and source is not None:
            self._track(gave, source)
        elif is_norm(module) and source is not None:
            self._track(gave, Norm(name, source, next(self._clock)))
        elif present is None or not contains_input(present):
            self._track(gave, Leaf(name, next(self._clock)))

    # attention

    def before_attention(self, call: AttentionCall) -> None:
        pass

    def after_attention(self, call: AttentionCall, result: Any) -> None:
        self._see_attention(self._names.get(call.module), call.query.shape[1], "interface")

    def _see_attention(self, module: str | None, n_heads: int, via: str) -> None:
        if self._block is not None and module is not None:
            self._block.attended.append(Attended(next(self._clock), module, n_heads, via))

    # arithmetic

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._block is None:
            return function(*args, **kwargs)
        if function in _IN_PLACE and isinstance(written := self._node(args[0]), (Leaf, Norm)) and written.name:
            self.mutated.add(written.name)
        sources = [self._node(argument) for argument in args[:2]]
        result = function(*args, **kwargs)
        if function in _SOFTMAX or function is F.scaled_dot_product_attention:
            self._see_bare_attention(function, args, result)
        if isinstance(result, Tensor) and result.is_floating_point():
            node = self._combine(function, args, kwargs, sources, result)
            if node is not None:
                self._track(result, node)
            elif function in _IN_PLACE:
                self._nodes.pop(id(result), None)  # written over by something that is not followed
        return result

    def _see_bare_attention(self, function: Any, args: Any, result: Any) -> None:
        module = self._running[-1].name
        if function is F.scaled_dot_product_attention:
            self._see_attention(module, args[0].shape[1] if args else 0, "sdpa")
        elif isinstance(result, Tensor) and result.ndim >= 3 and result.shape[-2:] == (self.n_tokens,) * 2:
            self._see_attention(module, result[..., 0, 0].numel(), "softmax")

    def _combine(self, function: Any, args: Any, kwargs: Any, sources: list[Node | None], result: Tensor) -> Node | None:
        if function in _ADD | _SUBTRACT:
            if len(args) < 2 or not any(sources) or not all(isinstance(a, Tensor) for a in args[:2]):
                return None
            if args[0].shape[-1:] != args[1].shape[-1:]:
                return None
            left, right = (node or self._anonymous(t) for node, t in zip(sources, args, strict=False))
            return add(left, right, (-1.0 if function in _SUBTRACT else 1.0) * float(kwargs.get("alpha", 1)))
        if function in _MULTIPLY | _DIVIDE and len(args) >= 2 and sources[0] is not None:
            factor = args[1]
            if isinstance(factor, Tensor):
                factor = factor.item() if factor.numel() == 1 else None
            if isinstance(factor, (int, float)):
                return scale(sources[0], 1 / factor if function in _DIVIDE else factor)
            return None
        if function in _SAME and sources and sources[0] is not None and result.numel() == args[0].numel():
            return sources[0]
        return None

    def _anonymous(self, tensor: Tensor) -> Leaf:
        node = Leaf(None, next(self._clock))
        self._track(tensor, node)
        return node

    def _track(self, tensor: Tensor, node: Node) -> None:
        self._alive.append(tensor)
        self._nodes[id(tensor)] = node

    def _node(self, tensor: Any) -> Node | None:
        return self._nodes.get(id(tensor)) if isinstance(tensor, Tensor) else None
