"""The residual decomposition: the final residual stream as the sum of what the embedding, every head, bias and MLP wrote.

Always true: the parts sum to the residual stream that the last block left, before the final norm, up to the closing error that the result
carries. Through norms in the stream (post-norm and sandwich blocks) each part goes with the norm's statistics frozen at what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.sentences import caveat
from llmwidgets.models.expression import leaves

from .asked import positions_of
from .block_terms import BlockTerms
from .carry import Parts, carried
from .closing import require_closing
from .parts import by_head, heads_of, mixer_leaves
from .terms import Terms, check_readable, terms_at

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

METHOD = "residual stream decomposition (Elhage et al. 2021), norms in the stream frozen at their statistics"
MOST_BYTES = 1 << 30
_ORDER = ("embed", "position embed", "head", "attention", "mixer", "bias", "mlp", "norm bias")  # of the kinds within a layer


def decompose(run: Capture, positions: int | Sequence[int] = -1) -> xarray.DataArray:
    """The final residual stream (what the last block left, before the final norm) as a sum of parts.

    positions: an int or several; negative ones count from the end.

    A DataArray (part, position, d_model), float32 (float64 for a float64 model), in the units of the stream. `part` has names ("embed",
    "head 0.3", "bias 0", "mlp 2") and the coordinates kind, layer and head (-1 where a part has none):
    embed: what enters the first block, or of it the token's; position embed: the position's, where the two are told apart;
    head: one head's output through the output projection, its value bias with it; bias: the attention's output bias;
    attention: a block's attention that cannot be told apart by heads; mixer: what stands in attention's place (Mamba, convolution);
    mlp: an MLP with its bias, a mixture of experts as a whole; norm bias: what the betas of a block's norms in the stream add.

    attrs["closing_error"] is the largest |sum of parts - stream|, as a share of the largest |stream|. Source: Elhage et al. 2021, "A
    Mathematical Framework for Transformer Circuits". Raises UndefinedHereError (a ValueError) where a block's output is not made of its
    input by additions and norms, or the stream is not finite or not the sum of the parts; IndexError for a position outside, MemoryError
    above 1 GB (ask for fewer positions).

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> parts = decompose(run)
    >>> parts.sel(part="head 1.0").shape, parts.attrs["closing_error"] < 1e-5
    ((1, 128), True)
    """
    require_capture(run)
    import xarray

    at = positions_of(run, positions)
    check_readable(run)
    n_parts = 2 + sum(run.heads_per_layer) + 3 * run.n_layers
    if n_parts * len(at) * run.d_model * 4 > MOST_BYTES:
        raise MemoryError(
            f"{n_parts} parts at {len(at)} positions weigh {n_parts * len(at) * run.d_model * 4 / 1e9:.1f} GB; "
            f"ask for at most {max(1, MOST_BYTES // (4 * n_parts * run.d_model))} positions at once"
        )
    terms = terms_at(run, at)
    bench = run.bench("taking the residual stream apart")
    with bench.twin.ready() as model:
        stacks = embedded(terms, model)
        for layer, block in enumerate(terms.blocks):
            assert block.anatomy.output is not None
            stacks = carried(block.anatomy.output, layer, stacks, _leaf_parts(block, layer, model), block.norms)
        stacks = dict(sorted(stacks.items(), key=lambda item: (item[0][1], _ORDER.index(item[0][0]))))
        values = torch.cat(list(stacks.values()))  # (part, position, d_model)
        stream = run["resid_post", run.n_layers - 1][list(at)]
        error, largest = float((values.sum(0, dtype=torch.float64) - stream).abs().max()), float(stream.abs().max())
        require_closing(run, error, max(largest, float(values.abs().max())), model, "the final residual stream")
    return xarray.DataArray(
        values.numpy(),
        dims=("part", "position", "d_model"),
        coords={
            **_named(stacks),
            "position": list(at),
            "token": ("position", np.array([run.tokens[place] for place in at], dtype=object)),
        },
        name="residual_parts",
        attrs={
            "title": "parts of the final residual stream",
            "unit": "residual stream",
            "evidence": "attribution",
            "method_name": "decomposition",
            "caveat": caveat("decomposition"),
            "method": METHOD,
            "positions": list(at),
            "n_prompts": 1,
            "closing_error": error / largest if largest else error,
        },
    )


def embedded(terms: Terms, model: nn.Module) -> Parts:
    """What entered the first block: token and position embeddings apart where their plain sum it is, else as one."""
    entered = terms.blocks[0].entered
    assert entered is not None
    tokens = [name for name in terms.embeddings if model.get_submodule(name) is model.get_input_embeddings()]
    others = [name for name in terms.embeddings if name not in tokens]
    if len(tokens) == len(others) == 1:
        token, position = (terms.embeddings[name] for name in (*tokens, *others))
        if token.shape == position.shape == entered.shape and torch.allclose(token + position, entered, rtol=1e-5, atol=1e-5):
            return {("embed", -1): token[None], ("position embed", -1): (entered - token)[None]}
    return {("embed", -1): entered[None]}


def _leaf_parts(block: BlockTerms, layer: int, model: nn.Module) -> dict[str, Parts]:
    """Each leaf's stacks of parts."""
    assert block.anatomy.output is not None
    heads, mixer = heads_of(block, model), mixer_leaves(block.anatomy)
    found: dict[str, Parts] = {}
    for name in {leaf.name for leaf in leaves(block.anatomy.output) if leaf.name}:
        whole = block.leaves[name][None]  # (1, n, d_model)
        if heads is not None and name == heads.leaf:
            n_heads = block.anatomy.n_heads
            each = by_head(heads.inner, n_heads) @ heads.matrix.weight.reshape(n_heads, -1, whole.shape[-1])  # (head, n, d_model)
            found[name] = {("head", layer): each}
            if heads.matrix.bias is not None:
                found[name]["bias", layer] = heads.matrix.bias.expand_as(whole)
        elif name in mixer:
            found[name] = {("attention" if block.anatomy.attention else "mixer", layer): whole}
        else:
            found[name] = {("mlp", layer): whole}
    return found


def _named(stacks: dict[tuple[str, int], Tensor]) -> dict[str, Any]:
    """Coordinates of the parts."""
    names, kinds, layers, heads = [], [], [], []
    for (kind, layer), parts in stacks.items():
        for index in range(len(parts)):
            names.append(kind if layer < 0 else f"{kind} {layer}.{index}" if kind == "head" else f"{kind} {layer}")
            kinds.append(kind)
            layers.append(layer)
            heads.append(index if kind == "head" else -1)
    words = {name: np.array(given, dtype=object) for name, given in (("part", names), ("kind", kinds))}
    return {"part": words["part"], "kind": ("part", words["kind"]), "layer": ("part", layers), "head": ("part", heads)}
