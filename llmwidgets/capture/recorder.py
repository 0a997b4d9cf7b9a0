"""The recorder: listens to one forward pass of a twin and keeps what later questions need.

Kept per block: the stream before and after, what each part adds to it, the input of attention's output
projection, and q, k, v with mask and scale as they enter the attention (or, for a module that does not use
the attention interface, its arguments). Progress is told and cancelling is asked for before each block.
The recorder only keeps; patterns and sums are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from llmwidgets.capture.arguments import Arguments, keep_arguments
from llmwidgets.capture.mask import Mask, read_mask
from llmwidgets.capture.record import AttentionRecord
from llmwidgets.capture.store import Store
from llmwidgets.models.anatomy import Anatomy, BlockAnatomy
from llmwidgets.models.errors import CaptureStopped, ModelError
from llmwidgets.models.stacks import first_tensor, stream_input
from llmwidgets.models.tap import AttentionCall, AttentionTap

Progress = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]

# The granite *_swa models hand over `s_aux` too, but scale the output by it after the softmax.
_SINKS_AFTER_SOFTMAX = ("granite_swa", "granitemoe_swa")


@dataclass(eq=False)
class BlockTape:
    """What was kept of one block. Tensors without the batch dimension."""

    anatomy: BlockAnatomy
    resid_pre: Tensor | None = None  # (position, d_model)
    resid_post: Tensor | None = None  # (position, d_model)
    added: dict[str, Tensor] = field(default_factory=dict)  # by module: (position, d_model), before its factor
    z: Tensor | None = None  # (position, head * value width)
    attention: AttentionRecord | None = None
    arguments: Arguments | None = None  # of the block
    attention_arguments: Arguments | None = None  # of a module that does not use the interface


@dataclass(eq=False)
class Tape:
    """What was kept of one forward pass."""

    blocks: list[BlockTape] = field(default_factory=list)
    embed: Tensor | None = None  # (position, width)
    ln_final: Tensor | None = None  # (position, d_model)
    calls: list[tuple[int, AttentionCall]] = field(default_factory=list)  # (layer, call); for the self-check, then dropped


class Recorder:
    """Use as `with recorder.listening(): model(...)`; then read `recorder.tape`."""

    def __init__(self, model: nn.Module, anatomy: Anatomy, store: Store, progress: Progress | None, cancelled: Cancelled | None) -> None:
        self.tape = Tape()
        self._anatomy = anatomy
        self._modules = dict(model.named_modules())
        self._store = store
        self._progress = progress
        self._cancelled = cancelled
        self._running: BlockTape | None = None
        self._last_output: tuple[Any, Tensor | None] = (None, None)  # a block's output is mostly the next one's input
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}  # shared by many blocks; holds them, so that ids stay theirs
        self._masks: dict[tuple[Any, ...], tuple[Any, Mask, Tensor | None]] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hooks on the twin and a tap on its attention, for as long as the context."""
        handles: list[Any] = []
        try:
            self._hook_all(handles)
            with AttentionTap(self):
                yield
        finally:
            for handle in handles:
                handle.remove()
            self._kept.clear()
            self._masks.clear()
            self._last_output = (None, None)

    def _hook_all(self, handles: list[Any]) -> None:
        def before(name: str, hook: Any) -> None:
            handles.append(self._modules[name].register_forward_pre_hook(hook, with_kwargs=True))

        def after(name: str, hook: Any) -> None:
            handles.append(self._modules[name].register_forward_hook(hook))

        blocks = self._anatomy.blocks
        for name in {block.name: None for block in blocks}:
            before(name, self._enter_block)
            after(name, self._leave_block)
        for name in {term.name: None for block in blocks for term in (*block.mixer_terms, *block.mlp_terms)}:
            after(name, self._keep_added(name))
        for name in {block.output_projection: None for block in blocks if block.output_projection}:
            before(name, self._keep_z)
        for name in {block.attention: None for block in blocks if block.attention and not block.via_interface}:
            before(name, self._keep_attention_arguments)
        if self._anatomy.embedding:
            after(self._anatomy.embedding, self._keep_embed)
        if self._anatomy.final_norm:
            after(self._anatomy.final_norm, self._keep_final_norm)

    # hooks; they return None, since anything else would replace what they listen to

    def _enter_block(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        layer, total = len(self.tape.blocks), len(self._anatomy.blocks)
        if self._cancelled is not None and self._cancelled():
            raise CaptureStopped(f"stopped before layer {layer} of {total}")
        if self._progress is not None:
            self._progress(layer, total, f"layer {layer}")
        tape = BlockTape(self._anatomy.blocks[layer])
        self.tape.blocks.append(tape)
        self._running = tape
        stream = stream_input(args, kwargs)
        if stream is not None and tape.anatomy.is_stream:
            output, kept = self._last_output
            tape.resid_pre = kept if stream is output else self._keep(stream)
            tape.arguments = keep_arguments(args, kwargs, stream, self._keep_shared)

    def _leave_block(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        tape, self._running = self._running, None
        stream = first_tensor(output)
        if tape is not None and stream is not None and tape.anatomy.is_stream:
            tape.resid_post = self._keep(stream)
            self._last_output = (stream, tape.resid_post)

    def _keep_added(self, name: str) -> Any:
        is_mutated = name in self._anatomy.mutated

        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            added = first_tensor(output)
            if self._running is not None and added is not None:
                self._running.added[name] = self._keep(added.clone() if is_mutated else added)

        return hook

    def _keep_z(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        z = stream_input(args, kwargs)
        if self._running is not None and z is not None:
            self._running.z = self._keep(z)

    def _keep_attention_arguments(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._running is not None:
            self._running.attention_arguments = keep_arguments(args, kwargs, None, self._keep_shared)

    def _keep_embed(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self.tape.embed is None:
            self.tape.embed = self._keep(output)

    def _keep_final_norm(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.tape.ln_final = self._keep(first_tensor(output))

    # the tap

    def before_attention(self, call: AttentionCall) -> None:
        running = self._running
        if running is None or call.module is not self._modules.get(running.anatomy.attention):
            return
        if running.attention is None and running.anatomy.n_attentions == 1:
            running.attention = self._record(call)
            self.tape.calls.append((len(self.tape.blocks) - 1, call))

    def after_attention(self, call: AttentionCall, result: Any) -> None:
        pass

    def _record(self, call: AttentionCall) -> AttentionRecord:
        options, given = call.options, call.mask
        if given is not None and not isinstance(given, Tensor):
            raise ModelError(
                f"the model's attention ({call.implementation}) masks with a {type(given).__name__}, which cannot be read; "
                'load it with attn_implementation="sdpa" or "eager"'
            )
        n_keys = call.key.shape[2] if given is None else min(call.key.shape[2], given.shape[-1])
        causal = options.get("is_causal")
        causal = getattr(call.module, "is_causal", True) if causal is None else causal
        # The eager functions apply the mask that they are given and nothing else.
        is_eager = call.implementation == "eager"
        window = None if is_eager else options.get("sliding_window")
        mask, bias = self._read_mask(given, bool(causal) and not is_eager, n_keys, window)
        position_bias = options.get("position_bias")
        if position_bias is not None:
            bias = position_bias[0] if bias is None else bias + position_bias[0]
        scaling = options.get("scaling")
        return AttentionRecord(
            query=self._keep(call.query),
            key=self._keep(call.key[:, :, :n_keys]),
            value=self._keep(call.value[:, :, :n_keys]),
            mask=mask,
            scaling=call.query.shape[-1] ** -0.5 if scaling is None else scaling,
            softcap=options.get("softcap"),
            bias=None if bias is None else self._keep_shared(bias),
            sinks=self._sinks(call),
        )

    def _read_mask(self, given: Any, *rest: Any) -> tuple[Mask, Tensor | None]:
        key = (id(given), *rest)
        if key not in self._masks:
            self._masks[key] = (given, *read_mask(given, *rest))  # holds the mask, so that its id stays its own
        return self._masks[key][1:]

    def _sinks(self, call: AttentionCall) -> Tensor | None:
        sinks = call.options.get("s_aux", call.options.get("sinks"))
        if sinks is None or any(name in type(call.module).__module__ for name in _SINKS_AFTER_SOFTMAX):
            return None
        sinks = sinks[0, ..., 0] if sinks.ndim == 4 else sinks.reshape(-1, 1)
        return sinks.detach().clone()  # (head, 1 or query); a parameter may change after the capture

    # keeping

    def _keep(self, tensor: Tensor) -> Tensor:
        return self._store.keep(tensor[0] if tensor.ndim > 2 and tensor.shape[0] == 1 else tensor)

    def _keep_shared(self, tensor: Tensor) -> Tensor:
        kept = self._kept.get(id(tensor))
        if kept is None:
            kept = self._kept[id(tensor)] = (tensor, self._store.keep(tensor))
        return kept[1]
