"""What every block added in the run, and the norms that it went through, frozen: read in one more pass of the twin, kept for the run.

Always true: a block's expression, evaluated on the terms that are given, is its output; where it is not, the model or the place is refused.
How they are read is in block_terms.py, how parts travel through the expression in carry.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llmwidgets.analysis.memo import once
from llmwidgets.models.errors import UndefinedHereError
from llmwidgets.models.expression import leaves, norms_in
from llmwidgets.models.inputs import forward_inputs
from llmwidgets.models.norms import FrozenNorm

from .block_terms import BlockReader, BlockTerms
from .carry import Parts, carried
from .closing import closeness, not_finite, require_steps

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

KEPT_BYTES = 64 << 20


@dataclass(eq=False)
class Terms:
    """All blocks' terms, and the embeddings that ran before them."""

    blocks: list[BlockTerms]
    embeddings: dict[str, Tensor]  # by module: (n, d_model)
    tolerance: float  # of `off`


def terms_at(run: Capture, positions: Sequence[int]) -> Terms:
    """The terms at `positions`. One pass serves every position of a prompt of modest size; else those of the last single position
    are kept.

    Raises UndefinedHereError where the stream is not finite, or not the sum of what was added to it.
    """
    check_readable(run)
    positions = tuple(positions)
    if _fit_in_memory(run):
        whole, places = _everywhere(run), torch.tensor(positions)
        embeddings = {name: rows[places] for name, rows in whole.embeddings.items()}
        terms = Terms([block.at(places) for block in whole.blocks], embeddings, whole.tolerance)
    elif len(positions) == 1:
        terms = _last(run, positions)
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


def _last(run: Capture, positions: tuple[int, ...]) -> Terms:
    kept: dict[tuple[int, ...], Terms] = once(run, "last terms", dict)
    terms = kept.get(positions)
    if terms is None:
        terms = _read(run, positions)
        kept.clear()
        kept[positions] = terms
    return terms


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


def _read(run: Capture, positions: tuple[int, ...], norms_everywhere: bool = False) -> Terms:
    bench = run.bench("taking the residual stream apart")
    if not run["resid_post", run.n_layers - 1].isfinite().any():
        raise not_finite("the final residual stream of this run")
    with bench.twin.ready() as model:
        reader = BlockReader(model, bench.anatomy.blocks, positions, run.n_tokens, norms_everywhere)
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
