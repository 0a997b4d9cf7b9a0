"""One block's terms: what it got, what its modules added, what its norms did; and the hooks that read them in one pass.

Always true: values are copies at the asked-for positions only, on the CPU, float32 (float64 for a float64 model); of a norm one number a
position is kept. Whether the terms make up the block's output is for terms.py to check.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from llmwidgets.models.anatomy import BlockAnatomy
from llmwidgets.models.expression import leaves, norms_in
from llmwidgets.models.norms import FrozenNorm, NormForm, norm_form
from llmwidgets.models.stacks import first_tensor, stream_input


@dataclass(eq=False)
class BlockTerms:
    """One block's terms at n positions."""

    anatomy: BlockAnatomy
    entered: Tensor | None = None  # (n, d_model)
    left: Tensor | None = None  # (n, d_model)
    off: Tensor | None = None  # (n,): by how much the stream is not the sum of what was added to it, of the largest value
    leaves: dict[str, Tensor] = field(default_factory=dict)  # by module: (n, d_model)
    norms: dict[str, FrozenNorm] = field(default_factory=dict)  # by module, over the n positions
    z: Tensor | None = None  # (n, head * value width): what attention's output projection was given
    mlp_post: Tensor | None = None  # (n, neuron): what the MLP's output projection was given

    def at(self, places: Tensor) -> BlockTerms:
        """The terms at some of the n positions."""

        def picked(rows: Tensor | None) -> Tensor | None:
            return None if rows is None else rows[places]

        return BlockTerms(
            anatomy=self.anatomy,
            entered=picked(self.entered),
            off=picked(self.off),
            leaves={name: rows[places] for name, rows in self.leaves.items()},
            norms={name: norm.at(places) for name, norm in self.norms.items()},
            z=picked(self.z),
            mlp_post=picked(self.mlp_post),
        )


class BlockReader:
    """Hooks of one pass: with `listening()`, the model's forward pass fills `blocks` and `embeddings`.

    positions: those whose values are kept; norms_everywhere: norms are frozen at every position all the same.
    """

    def __init__(
        self, model: nn.Module, anatomy: tuple[BlockAnatomy, ...], positions: tuple[int, ...], n_tokens: int, norms_everywhere: bool
    ) -> None:
        self.blocks: list[BlockTerms] = []
        self.embeddings: dict[str, Tensor] = {}
        self._modules = dict(model.named_modules())
        self._anatomy = anatomy
        self._n_tokens = n_tokens
        self._at = torch.tensor(positions, dtype=torch.long)
        self._norms_everywhere = norms_everywhere
        self._running: BlockTerms | None = None
        self._forms: dict[str, NormForm] = {}

    def listening(self) -> ExitStack:
        """Return the context for as long as which the hooks are there."""
        stack = ExitStack()

        def before(name: str, hook: Any) -> None:
            stack.callback(self._modules[name].register_forward_pre_hook(hook, with_kwargs=True).remove)

        def after(name: str, hook: Any) -> None:
            stack.callback(self._modules[name].register_forward_hook(hook, with_kwargs=True).remove)

        in_blocks = tuple(f"{block.name}." for block in self._anatomy)
        for name, module in self._modules.items():
            if isinstance(module, nn.Embedding) and not name.startswith(in_blocks):
                after(name, self._keep_embedding(name))
        for name in {block.name: None for block in self._anatomy}:
            before(name, self._enter)
            after(name, self._leave)
        for name in {leaf.name: None for block in self._anatomy if block.output for leaf in leaves(block.output)}:
            after(name, self._keep_leaf(name))
        for name in {norm.name: None for block in self._anatomy for norm in norms_in(block.output)}:
            after(name, self._freeze(name))
        for name in {block.output_projection: None for block in self._anatomy if block.output_projection}:
            before(name, self._keep_input("z"))
        for name in {block.mlp_output_projection: None for block in self._anatomy if block.mlp_output_projection}:
            before(name, self._keep_input("mlp_post"))
        return stack

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._running = BlockTerms(self._anatomy[len(self.blocks)], entered=self._kept(stream_input(args, kwargs)))
        self.blocks.append(self._running)

    def _leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        assert self._running is not None
        self._running.left = self._kept(first_tensor(output))
        self._running = None

    def _keep_embedding(self, name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
            if not self.blocks and name not in self.embeddings and output.shape[-2] == self._n_tokens:
                self.embeddings[name] = self._kept(output)

        return hook

    def _keep_leaf(self, name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            gave = first_tensor(output)
            if self._running is not None and gave is not None:
                self._running.leaves[name] = self._kept(gave)

        return hook

    def _freeze(self, name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            given, gave = stream_input(args, kwargs), first_tensor(output)
            if self._running is None or given is None or gave is None:
                return
            if name not in self._forms:
                self._forms[name] = norm_form(_bare(module), given.shape[-1], given.dtype, name)
            everywhere = self._norms_everywhere
            self._running.norms[name] = self._forms[name].frozen(self._kept(given, everywhere), self._kept(gave, everywhere))

        return hook

    def _keep_input(self, name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            given = stream_input(args, kwargs)
            if self._running is not None and given is not None:
                setattr(self._running, name, self._kept(given))

        return hook

    def _kept(self, tensor: Tensor | None, everywhere: bool = False) -> Tensor:
        """A copy (n, width) at the asked-for positions; it stays when the model writes over its tensor."""
        assert tensor is not None
        rows = tensor.detach()
        rows = rows[0] if rows.ndim > 2 else rows
        wide = torch.float64 if rows.dtype == torch.float64 else torch.float32
        return rows.to("cpu", wide).clone() if everywhere else rows[self._at.to(rows.device)].to("cpu", wide)


def _bare(module: nn.Module) -> nn.Module:
    """The module without its hooks, which are for the pass: to be asked what it does."""
    bare = copy(module)
    bare._forward_hooks, bare._forward_pre_hooks = OrderedDict(), OrderedDict()
    return bare
