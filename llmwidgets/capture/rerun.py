"""Running one module of the twin again, alone, on the arguments that it had.

For attention modules that do not use the attention interface, whose pattern is caught as they compute it,
and for inner activations of an MLP that were not kept. Exact, because it is the model's own code on its
own inputs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from llmwidgets.capture.arguments import Arguments
from llmwidgets.capture.mask import Mask, read_mask
from llmwidgets.capture.record import AttentionRecord
from llmwidgets.capture.recorder import BlockTape
from llmwidgets.models.errors import AttentionUnavailableError
from llmwidgets.models.twin import Twin

_SOFTMAX = (F.softmax, torch.softmax, Tensor.softmax)
_SDPA = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")
_CACHED_BYTES = 512 << 20


class Attention(Protocol):
    """What a block's attention answers, whether recomputed from q and k or caught in a re-run."""

    @property
    def n_heads(self) -> int: ...

    @property
    def mask(self) -> Mask: ...

    def pattern(self, heads: Tensor, queries: Tensor, keys: Tensor) -> Tensor: ...

    def allowed(self, heads: Tensor, queries: Tensor, keys: Tensor) -> Tensor: ...

    def sink_share(self, heads: Tensor, queries: Tensor) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class CaughtAttention:
    """A whole pattern, caught at the softmax of a module that was run again."""

    weights: Tensor  # (head, query, key) float32 or float64, on the CPU
    mask: Mask

    @property
    def n_heads(self) -> int:
        return self.weights.shape[0]

    def pattern(self, heads: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        return self.weights[heads][:, queries][:, :, keys]

    def allowed(self, heads: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        return self.mask.allowed(heads, queries, keys).expand(len(heads), -1, -1)

    def sink_share(self, heads: Tensor, queries: Tensor) -> Tensor:
        return torch.zeros(len(heads), len(queries), dtype=self.weights.dtype)


class RerunAttention:
    """The attention of blocks that bypass the interface, run again when asked for; the last ones are kept."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._guard = threading.Lock()
        self._kept: OrderedDict[str, Attention] = OrderedDict()

    def of(self, layer: int, block: BlockTape) -> Attention:
        with self._guard:
            key = str(layer)
            if key not in self._kept:
                self._kept[key] = run_attention_again(self._twin, block)[0]
                while len(self._kept) > 1 and sum(map(_weight, self._kept.values())) > _CACHED_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def run_attention_again(twin: Twin, block: BlockTape) -> tuple[Attention, Tensor | None]:
    """Return the block's attention, and the input of its output projection (position, width) in the re-run."""
    name, arguments = block.anatomy.attention, block.attention_arguments
    assert name is not None and arguments is not None
    assert block.resid_pre is not None
    catcher = _Catcher(n_tokens=block.resid_pre.shape[0])
    inputs = [block.anatomy.output_projection] if block.anatomy.output_projection else []
    seen = _run(twin, name, arguments, None, inputs, catcher)
    if catcher.caught is None:
        raise AttentionUnavailableError(f"{name} computes its attention in a way that shows no softmax; no pattern can be given")
    return catcher.caught, next(iter(seen.values()), None)


def run_block_again(twin: Twin, block: BlockTape, inputs_of: str) -> Tensor:
    """Return the input (position, width) that the module `inputs_of` has when the block runs again."""
    assert block.arguments is not None and block.resid_pre is not None
    return _run(twin, block.anatomy.name, block.arguments, block.resid_pre[None], [inputs_of])[inputs_of]


def _run(
    twin: Twin,
    name: str,
    arguments: Arguments,
    stream: Tensor | None,
    inputs_of: list[str],
    mode: TorchFunctionMode | None = None,
) -> dict[str, Tensor]:
    seen: dict[str, Tensor] = {}

    def watch(path: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
            seen[path] = args[0][0] if args[0].ndim > 2 else args[0]

        return hook

    with twin.ready() as model, ExitStack() as stack:
        modules = dict(model.named_modules())
        module = modules[name]
        weight = next(module.parameters(), None)
        device = weight.device if weight is not None and weight.device.type != "meta" else torch.device("cpu")
        for path in inputs_of:
            stack.callback(modules[path].register_forward_pre_hook(watch(path)).remove)
        args, kwargs = arguments.filled(device, None if stream is None else stream.to(device).clone())
        if mode is not None:
            stack.enter_context(mode)
        module(*args, **kwargs)
    return seen


class _Catcher(TorchFunctionMode):
    """Catches the attention that one module computes: its softmax, or its scaled dot product call."""

    def __init__(self, n_tokens: int) -> None:
        super().__init__()
        self._n_tokens = n_tokens
        self.caught: Attention | None = None

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function is F.scaled_dot_product_attention:
            self.caught = _from_sdpa({**dict(zip(_SDPA, args, strict=False)), **kwargs})
        elif function in _SOFTMAX and result.ndim >= 3 and result.shape[-2:] == (self._n_tokens,) * 2:
            scores = args[0] if args else kwargs["input"]
            self.caught = _from_softmax(scores, result)
        return result


def _from_sdpa(call: dict[str, Any]) -> AttentionRecord:
    query, key, value = (call[name].detach()[0] for name in ("query", "key", "value"))
    given = call.get("attn_mask")
    given = given if given is None or given.ndim == 4 else given[None, None]
    mask, bias = read_mask(given, bool(call.get("is_causal", False)), key.shape[1])
    scale = call.get("scale")
    return AttentionRecord(query, key, value, mask, query.shape[-1] ** -0.5 if scale is None else scale, bias=bias)


def _from_softmax(scores: Tensor, weights: Tensor) -> CaughtAttention:
    weights = weights.detach().reshape(-1, *weights.shape[-2:])  # (head, query, key)
    scores = scores.detach().reshape(weights.shape)
    allowed = scores > torch.finfo(scores.dtype).min / 2
    # A NaN score does not tell whether it was masked; these modules are causal.
    allowed |= scores.isnan() & torch.ones(weights.shape[1:], dtype=torch.bool, device=scores.device).tril()
    dtype = torch.float64 if weights.dtype == torch.float64 else torch.float32
    weights = weights.to("cpu", dtype).masked_fill(~allowed.to("cpu"), 0.0)
    one_for_all = bool((allowed == allowed[:1]).all())
    mask, _ = read_mask((allowed[:1] if one_for_all else allowed)[None].to("cpu"), is_causal=True, n_keys=weights.shape[-1])
    return CaughtAttention(weights, mask)


def _weight(attention: Attention) -> int:
    if isinstance(attention, CaughtAttention):
        explicit = attention.mask.explicit
        return attention.weights.numel() * attention.weights.element_size() + (0 if explicit is None else explicit.numel())
    return 0
