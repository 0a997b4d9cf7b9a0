"""What every block added in the run, and the norms that it went through, frozen: read in one more pass of the twin.

Always true: a block's expression, evaluated on these terms, is its output. Values are kept at the asked-for positions only, on the CPU,
float32 (float64 for a float64 model); of a norm one number a position is kept. How parts travel through the expression is in carry.py.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from llmwidgets.analysis.memo import once
from llmwidgets.models.anatomy import BlockAnatomy
from llmwidgets.models.errors import UndefinedHereError
from llmwidgets.models.expression import Node, Norm, Sum, leaves
from llmwidgets.models.inputs import forward_inputs
from llmwidgets.models.norms import FrozenNorm, NormForm, norm_form
from llmwidgets.models.stacks import first_tensor, stream_input

from .carry import Parts, carried
from .closing import closeness, not_finite, require_steps

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


KEPT_BYTES = 64 << 20


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


@dataclass(eq=False)
class Terms:
    """All blocks' terms, and the embeddings that ran before them."""

    blocks: list[BlockTerms]
    embeddings: dict[str, Tensor]  # by module: (n, d_model)
    tolerance: float  # of `off`


def terms_at(run: Capture, positions: Sequence[int]) -> Terms:
    """The terms at `positions`. One pass serves every position of a prompt of modest size; else a single position's are kept.

    Raises UndefinedHereError where the stream is not finite, or not the sum of what was added to it.
    """
    check_readable(run)
    positions = tuple(positions)
    if _fit_in_memory(run):
        whole, places = _everywhere(run), torch.tensor(positions)
        embeddings = {name: rows[places] for name, rows in whole.embeddings.items()}
        terms = Terms([block.at(places) for block in whole.blocks], embeddings, whole.tolerance)
    elif len(positions) == 1:
        terms = once(run, ("terms", positions), lambda: _read(run, positions))
    else:
        terms = _read(run, positions)
    for layer, block in enumerate(terms.blocks):
        assert block.off is not None
        place = int(block.off.nan_to_num(torch.inf).argmax())
        require_steps(run, float(block.off[place]), layer, positions[place], terms.tolerance)
    return terms


def frozen_norms(run: Capture) -> list[dict[str, FrozenNorm]]:
    """For each block its norms by module name, frozen at every position; kept for the run. No pass where no block has one in its stream."""
    check_readable(run)
    blocks = run.bench("the norms inside the blocks").anatomy.blocks
    if not any(True for block in blocks for _ in norms_in(block.output)):
        return [{} for _ in blocks]
    if _fit_in_memory(run):
        return [block.norms for block in _everywhere(run).blocks]
    return once(run, "frozen norms", lambda: [block.norms for block in _read(run, (), norms_everywhere=True).blocks])


def _everywhere(run: Capture) -> Terms:
    return once(run, "terms", lambda: _read(run, tuple(range(run.n_tokens))))


def _fit_in_memory(run: Capture) -> bool:
    """Whether all positions' terms may be kept: about eight vectors of the stream's width a block (leaves, heads, neurons), float32."""
    return run.n_tokens * run.n_layers * 8 * run.d_model * 4 <= KEPT_BYTES


def check_readable(run: Capture) -> None:
    """Raise UndefinedHereError unless every block's output is an expression that parts can be carried through."""
    for layer, block in enumerate(run.bench("taking the residual stream apart").anatomy.blocks):
        if not block.is_stream or block.output is None:
            raise UndefinedHereError(
                f"block {layer} ({block.expression}) does not show how its output is made of its input by additions and norms, "
                "so the residual stream cannot be taken apart here; ablation needs no such sum"
            )
        if any(leaf.name is None for leaf in leaves(block.output)):
            raise UndefinedHereError(
                f"block {layer} ({block.expression}) adds a tensor that none of its modules gave, so what added it cannot be told; "
                "ablation needs no such sum"
            )
        times: dict[str, int] = {}
        for node in (*leaves(block.output), *norms_in(block.output)):
            if times.setdefault(str(node.name), node.time) != node.time:
                raise UndefinedHereError(
                    f"block {layer} ({block.expression}) runs {node.name} more than once, so what it added each time cannot be told apart; "
                    "ablation needs no such sum"
                )


def norms_in(node: Node | None) -> Iterator[Norm]:
    """Every norm in an expression."""
    if isinstance(node, Norm):
        yield node
        yield from norms_in(node.inner)
    elif isinstance(node, Sum):
        for _, term in node.terms:
            yield from norms_in(term)


def _read(run: Capture, positions: tuple[int, ...], norms_everywhere: bool = False) -> Terms:
    bench = run.bench("taking the residual stream apart")
    if not run["resid_post", run.n_layers - 1].isfinite().any():
        raise not_finite("the final residual stream of this run")
    with bench.twin.ready() as model:
        reader = _Reader(model, bench.anatomy.blocks, positions, run.n_tokens, norms_everywhere)
        with bench.as_captured(model), reader.listening():  # what is read is what was changed
            model(**forward_inputs(model, run.inputs.ids, run.inputs.attention_mask, keep=torch.zeros(1, dtype=torch.long)))
        tolerance = closeness(model)
    before = None
    for layer, block in enumerate(reader.blocks):
        if positions:
            block.off = _off(layer, block, before)
        before, block.left = block.left, None
        block.entered = block.entered if layer == 0 else None  # what the block before it left, which its terms give
    return Terms(reader.blocks, reader.embeddings, tolerance)


def _off(layer: int, block: BlockTerms, before: Tensor | None) -> Tensor:
    """By how much the block's input is not what was left `before` it, or its output not what its terms make: (n,), of the largest value."""
    entered, left = block.entered, block.left
    assert entered is not None and left is not None and block.anatomy.output is not None
    of_leaf: dict[str, Parts] = {name: {("", layer): rows[None]} for name, rows in block.leaves.items()}
    made = carried(block.anatomy.output, layer, {("", layer): entered[None]}, of_leaf, block.norms)
    total = torch.stack(list(made.values())).sum((0, 1))  # (n, d_model)
    before = entered if before is None else before
    largest = torch.stack([entered, before, left, total]).abs().amax((0, -1)).clamp_min(torch.finfo(left.dtype).tiny)  # (n,)
    return torch.maximum((total - left).abs().amax(-1), (entered - before).abs().amax(-1)) / largest


def _bare(module: nn.Module) -> nn.Module:
    """The module without its hooks, which are for the pass: to be asked what it does."""
    bare = copy(module)
    bare._forward_hooks, bare._forward_pre_hooks = OrderedDict(), OrderedDict()
    return bare


class _Reader:
    """Hooks of one pass."""

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
