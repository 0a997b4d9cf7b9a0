"""Changes made by hand on the user's own model: plain hooks on modules that are named here, architecture by architecture.

Nothing here uses llmwidgets. A change is a hook on a module's input or output; its rows are those of a single prompt. What always holds:
hooks are gone after each pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from tests.architectures import build

N = 12
WIDTH = 16  # of a head
HEADS, KV_HEADS = (
    4,
    {"llama": 2, "qwen3": 2, "gemma2": 2, "granite": 2, "mixtral": 2, "gpt_oss": 2, "cohere": 2, "mistral": 2, "gpt_bigcode": 1},
)


class Wiring(NamedTuple):
    """Where things are in a block: module paths. `first_column`: where head `h` of a projection's output begins."""

    blocks: str
    z: str  # takes the heads' outputs
    attn: str  # gives what is added, up to `factor`
    mlp: str
    neurons: str | None  # takes the neurons
    q: str | None
    k: str | None
    v: str | None
    first_column: Callable[[str, int], int] = lambda site, head: head * WIDTH
    factor: float = 1.0


def _llama(**changes: Any) -> Wiring:
    usual = Wiring(
        "model.layers", "self_attn.o_proj", "self_attn", "mlp", "mlp.down_proj", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"
    )
    return usual._replace(**changes)


def _side_by_side(site: str, head: int) -> int:
    """GPT-2: all queries, all keys, all values."""
    return "qkv".index(site) * HEADS * WIDTH + head * WIDTH


def _by_head(site: str, head: int) -> int:
    """GPT-NeoX: each head's query, key and value."""
    return (3 * head + "qkv".index(site)) * WIDTH


def _one_key(site: str, head: int) -> int:
    """Multi-query: all queries, one key, one value."""
    return {"q": head * WIDTH, "k": HEADS * WIDTH, "v": (HEADS + 1) * WIDTH}[site]


_gpt2 = Wiring("transformer.h", "attn.c_proj", "attn", "mlp", "mlp.c_proj", *["attn.c_attn"] * 3, first_column=_side_by_side)
_self = "attention.self."
WIRING: dict[str, Wiring] = {
    "gpt2": _gpt2,
    "gpt_bigcode": _gpt2._replace(first_column=_one_key),
    "llama": _llama(),
    "qwen3": _llama(),
    "mistral": _llama(),
    "cohere": _llama(),
    "granite": _llama(factor=0.22),
    "mixtral": _llama(neurons=None),
    "gpt_oss": _llama(neurons=None),
    "gemma2": _llama(attn="post_attention_layernorm", mlp="post_feedforward_layernorm"),
    "opt": _llama(blocks="model.decoder.layers", z="self_attn.out_proj", mlp="fc2", neurons="fc2"),
    "gpt_neox": Wiring(
        "gpt_neox.layers", "attention.dense", "attention", "mlp", "mlp.dense_4h_to_h", *["attention.query_key_value"] * 3, _by_head
    ),
    "bert": Wiring(
        "bert.encoder.layer",
        *("attention.output.dense", "attention.output.dense", "output.dense", "output.dense"),
        *(_self + "query", _self + "key", _self + "value"),
    ),
    "bloom": Wiring(
        "transformer.h", "self_attention.dense", "self_attention.dense", "mlp.dense_4h_to_h", "mlp.dense_4h_to_h", None, None, None
    ),
    "gptj": Wiring("transformer.h", "attn.out_proj", "attn", "mlp", "mlp.fc_out", None, None, None),
}  # fmt: skip


class Hook(NamedTuple):
    """A change of what the module `path` is given, or has made: (position, width) -> the same, or None to leave it."""

    path: str
    side: str  # "given" or "made"
    change: Callable[[Tensor], Tensor | None]


@cache
def model(name: str, attention: str | None = None) -> PreTrainedModel:
    return build(name, torch.float64, attention=attention)


@torch.no_grad()
def logits(of: nn.Module, ids: Tensor, hooks: Sequence[Hook] = (), **inputs: Any) -> Tensor:
    """(position, vocab) of the model with these hooks, which work in their order."""
    handles = []
    try:
        for hook in hooks:
            module = of.get_submodule(hook.path)
            handles.append(
                module.register_forward_pre_hook(_given(hook.change), with_kwargs=True)
                if hook.side == "given"
                else module.register_forward_hook(_made(hook.change))
            )
        return of(input_ids=ids[None], **inputs).logits[0]
    finally:
        for handle in handles:
            handle.remove()


def seen(of: nn.Module, ids: Tensor, path: str, side: str) -> Tensor:
    """What the module `path` is given or makes in a run without changes, (position, width)."""
    found: list[Tensor] = []
    logits(of, ids, [Hook(path, side, lambda tensor: found.append(tensor.clone()))])
    return found[0]


def hooks_for(
    name: str,
    of: nn.Module,
    site: str,
    layer: int,
    *,
    other: Tensor | None = None,
    position: Sequence[int] | None = None,
    head: Sequence[int] | None = None,
    neuron: Sequence[int] | None = None,
) -> list[Hook]:
    """The hooks that set `site` of block `layer` to zero, or to what the prompt `other` has there."""
    wired = WIRING[name]
    block = f"{wired.blocks}.{layer}"
    at = list(range(N)) if position is None else list(position)

    def put(path: str, side: str, columns: Sequence[int] | None = None) -> Hook:
        value = None if other is None else seen(of, other, path, side)

        def change(tensor: Tensor) -> Tensor:
            tensor, which = tensor.clone(), slice(None) if columns is None else list(columns)
            for place in at:
                tensor[place, which] = 0.0 if value is None else value[place, which]
            return tensor

        return Hook(path, side, change)

    def columns(which: str, heads: Sequence[int]) -> list[int]:
        return [wired.first_column(which, one) + i for one in heads for i in range(WIDTH)]

    n_heads = KV_HEADS.get(name, HEADS) if site in ("k", "v") else HEADS
    heads = list(range(n_heads)) if head is None else list(head)
    if site == "resid_pre":
        return [put(block, "given")]
    if site == "resid_post":
        return [put(block, "made")]
    if site == "attn_out":
        return [put(f"{block}.{wired.attn}", "made")]
    if site == "mlp_out":
        return [put(f"{block}.{wired.mlp}", "made")]
    if site == "mlp_post":
        return [put(f"{block}.{wired.neurons}", "given", neuron)]
    if site == "z":
        return [put(f"{block}.{wired.z}", "given", [one * WIDTH + i for one in heads for i in range(WIDTH)])]
    if site in ("q", "k", "v"):
        return [put(f"{block}.{getattr(wired, site)}", "made", columns(site, heads))]
    if site == "resid_mid":
        return _middle(of, block, wired, other, at)
    assert site == "pattern"
    per_kv = HEADS // KV_HEADS.get(name, HEADS)
    pattern = None if other is None else patterns(name, other)[layer]
    now: dict[str, Tensor] = {}

    def read_values(tensor: Tensor) -> Tensor:
        now["v"] = tensor
        return tensor

    def change_z(tensor: Tensor) -> Tensor:
        tensor = tensor.clone()
        for one in heads:
            values = now["v"][:, columns("v", [one // per_kv])]  # (key, width)
            for row in at:
                tensor[row, one * WIDTH : (one + 1) * WIDTH] = 0.0 if pattern is None else pattern[one, row] @ values
        return tensor

    return [Hook(f"{block}.{wired.v}", "made", read_values), Hook(f"{block}.{wired.z}", "given", change_z)]


@cache
def _eager(name: str) -> PreTrainedModel:
    return build(name, torch.float64, attention="eager")


@torch.no_grad()
def patterns(name: str, ids: Tensor) -> list[Tensor]:
    """(head, query, key) of each layer, by the model's own eager attention."""
    return [weights[0] for weights in _eager(name)(input_ids=ids[None], output_attentions=True).attentions]


def _middle(of: nn.Module, block: str, wired: Wiring, other: Tensor | None, at: Sequence[int]) -> list[Hook]:
    """The sum of the block's input and attention is set by what attention adds."""
    path, now = f"{block}.{wired.attn}", {}
    value = None if other is None else seen(of, other, block, "given") + wired.factor * seen(of, other, path, "made")

    def enter(tensor: Tensor) -> Tensor:
        now["x"] = tensor
        return tensor

    def add(tensor: Tensor) -> Tensor:
        tensor = tensor.clone()
        for place in at:
            wanted = torch.zeros_like(tensor[place]) if value is None else value[place]
            tensor[place] = (wanted - now["x"][place]) / wired.factor
        return tensor

    return [Hook(block, "given", enter), Hook(path, "made", add)]


def _given(change: Callable[[Tensor], Tensor | None]) -> Callable[..., Any]:
    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensor = args[0] if args else kwargs["hidden_states"]
        changed = change(tensor.reshape(N, -1))
        if changed is None:
            return None
        changed = changed.reshape(tensor.shape)
        return ((changed, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": changed})

    return hook


def _made(change: Callable[[Tensor], Tensor | None]) -> Callable[..., Any]:
    def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        tensor = output[0] if isinstance(output, tuple) else output
        changed = change(tensor.reshape(N, -1))
        if changed is None:
            return None
        changed = changed.reshape(tensor.shape)
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    return hook


def may_look(of: PreTrainedModel, layer: int) -> Tensor:
    """(query, key): causal, and within the window where the layer has one; BERT sees everything."""
    if of.config.model_type == "bert":
        return torch.ones(N, N, dtype=torch.bool)
    kinds = getattr(of.config, "layer_types", None)
    window = getattr(of.config, "sliding_window", None)
    is_windowed = window is not None and (kinds is None or kinds[layer] == "sliding_attention")
    allowed = torch.ones(N, N, dtype=torch.bool).tril()
    return allowed.triu(1 - window) if is_windowed else allowed


@torch.no_grad()
def logits_without_looks(name: str, ids: Tensor, cut: dict[int, Tensor], **inputs: Any) -> Tensor:
    """(position, vocab) of the eager model whose layers are handed masks made here; cut[layer] is (head, query, key), True where cut."""
    of, handles = _eager(name), []

    def hand(layer: int) -> Callable[..., Any]:
        allowed = may_look(of, layer)[None] & ~cut[layer]  # (head, query, key)
        mask = torch.zeros(allowed.shape, dtype=torch.float64).masked_fill(~allowed, -torch.inf)
        return lambda module, args, kwargs: (args, {**kwargs, "attention_mask": mask[None]})

    try:
        for layer in cut:
            module = of.get_submodule(f"{WIRING[name].blocks}.{layer}.{_MASKED.get(name, 'self_attn')}")
            handles.append(module.register_forward_pre_hook(hand(layer), with_kwargs=True))
        return of(input_ids=ids[None], **inputs).logits[0]
    finally:
        for handle in handles:
            handle.remove()


#: The modules that are handed `attention_mask`.
_MASKED = {"gpt2": "attn", "gpt_bigcode": "attn", "gpt_neox": "attention", "bert": "attention.self"}
