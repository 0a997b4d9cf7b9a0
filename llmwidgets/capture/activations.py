"""The activations of a capture by their usual names (TransformerLens's), from what was kept of each block.

`attn_out` and `mlp_out` are what is added to the stream: after a post-norm and any multiplier, so that
resid_pre + attn_out + mlp_out = resid_post; in a post-norm block (BERT) each is what is
added before the norm over the sum. In a block without attention `mixer_out` takes its place. What
this model does not have is refused with a list of what there is.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from llmwidgets.capture.recorder import BlockTape
from llmwidgets.models.anatomy import Term
from llmwidgets.models.errors import ActivationUnavailableError

BLOCK_NAMES = (
    "resid_pre", "resid_mid", "resid_post", "attn_out", "mixer_out", "mlp_out", "q", "k", "v", "z", "mlp_pre", "mlp_post",
)  # fmt: skip


def available(block: BlockTape) -> tuple[str, ...]:
    """The names that this block has."""
    anatomy = block.anatomy
    has = {
        "resid_pre": block.resid_pre is not None,
        "resid_mid": anatomy.has_middle,
        "resid_post": block.resid_post is not None,
        "attn_out": anatomy.attention is not None and bool(anatomy.mixer_terms),
        "mixer_out": anatomy.attention is None and bool(anatomy.mixer_terms),
        "mlp_out": bool(anatomy.mlp_terms),
        "q": block.attention is not None,
        "k": block.attention is not None,
        "v": block.attention is not None,
        "z": block.z is not None and anatomy.n_heads > 0,
        "mlp_pre": anatomy.mlp_activation is not None,
        "mlp_post": anatomy.mlp_output_projection is not None,
    }
    return tuple(name for name in BLOCK_NAMES if has[name])


def activation(block: BlockTape, name: str, layer: int, run_again: Callable[[BlockTape, str], Tensor]) -> Tensor:
    """Return (position, width), or (head, position, width) for q, k, v, z.

    `run_again(block, module)` gives the input of one of the block's modules in a re-run.
    """
    names = available(block)
    if name not in names:
        raise ActivationUnavailableError(_refusal(block, name, layer, names))
    if name in ("resid_pre", "resid_post"):
        return getattr(block, name)
    if name in ("attn_out", "mixer_out"):
        return _total(block, block.anatomy.mixer_terms)
    if name == "mlp_out":
        return _total(block, block.anatomy.mlp_terms)
    if name == "resid_mid":
        assert block.resid_pre is not None
        return block.resid_pre + _total(block, block.anatomy.mixer_terms)
    if name in ("q", "k", "v"):
        assert block.attention is not None
        return {"q": block.attention.query, "k": block.attention.key, "v": block.attention.value}[name]
    if name == "z":
        assert block.z is not None
        return block.z.reshape(block.z.shape[0], block.anatomy.n_heads, -1).transpose(0, 1)  # (head, position, width)
    module = block.anatomy.mlp_activation if name == "mlp_pre" else block.anatomy.mlp_output_projection
    assert module is not None
    return run_again(block, module)


def _total(block: BlockTape, terms: tuple[Term, ...]) -> Tensor:
    assert block.resid_pre is not None
    parts = [block.added[term.name].reshape(block.resid_pre.shape) for term in terms]
    scaled = [part if term.factor == 1 else part * term.factor for part, term in zip(parts, terms, strict=True)]
    return scaled[0] if len(scaled) == 1 else torch.stack(scaled).sum(0)


def _refusal(block: BlockTape, name: str, layer: int, names: tuple[str, ...]) -> str:
    there_is = f"block {layer} has {', '.join(names)}" if names else f"block {layer} has none that can be told apart"
    if name not in BLOCK_NAMES:
        return f"no activation is called {name!r}; {there_is}, and the run has embed, ln_final"
    expression = block.anatomy.expression
    if name == "resid_mid" and block.anatomy.is_additive:
        return f"there is no resid_mid in block {layer}: attention and MLP both read the block's input ({expression}); {there_is}"
    if name in ("attn_out", "mlp_out", "mixer_out", "resid_mid") and not block.anatomy.is_additive:
        return f"{name} is not a separate addition in block {layer}, which computes {expression} (x is its input); {there_is}"
    if name in ("q", "k", "v", "z", "attn_out") and block.anatomy.attention is None:
        return f"block {layer} has no attention, so no {name} ({expression}); {there_is}"
    if name in ("q", "k", "v"):
        return f"the attention of block {layer} does not use the attention interface, so {name} is not seen; {there_is}"
    return f"{name} was not found in block {layer} ({expression}); {there_is}"
