"""What a block's leaves are made of: attention of heads and a bias, an MLP of neurons and a bias.

Always true: a leaf is divided only where the division gives it back: heads where z times the output projection is what attention added,
neurons where the MLP's activations times its output matrix are. What cannot be divided stays whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from llmwidgets.models.anatomy import BlockAnatomy
from llmwidgets.models.expression import Leaf, Node, Norm, Sum, leaves
from llmwidgets.models.matrices import Matrix, matrix_of

from .block_terms import BlockTerms
from .closing import closeness, dtype_of


@dataclass(frozen=True, eq=False)
class Division:
    """A leaf as rows times a matrix: leaf = inner @ matrix."""

    leaf: str
    inner: Tensor  # (n, in)
    matrix: Matrix


def mixer_leaves(block: BlockAnatomy) -> tuple[str, ...]:
    """The leaves that attention adds (or what stands in its place)."""
    names = {term.name for term in block.mixer_terms}
    return tuple(dict.fromkeys(leaf.name for node in _named(block.output, names) for leaf in leaves(node) if leaf.name))


def _named(node: Node | None, names: set[str]) -> Iterator[Node]:
    if isinstance(node, (Leaf, Norm)) and node.name in names:
        yield node
    elif isinstance(node, Norm):
        yield from _named(node.inner, names)
    elif isinstance(node, Sum):
        for _, term in node.terms:
            yield from _named(term, names)


def heads_of(block: BlockTerms, model: nn.Module) -> Division | None:
    """Attention as heads times its output projection, (n, head * value width); None where it is not that."""
    anatomy = block.anatomy
    if not anatomy.n_heads or anatomy.n_attentions != 1 or block.z is None or block.z.shape[-1] % anatomy.n_heads:
        return None
    return _divided(block, mixer_leaves(anatomy), anatomy.output_projection, block.z, model)


def neurons_of(block: BlockTerms, model: nn.Module) -> Division | None:
    """The MLP as neurons times its output matrix, (n, neuron); None where it is not that (a mixture of experts)."""
    mixer = mixer_leaves(block.anatomy)
    others = tuple(name for name in block.leaves if name not in mixer)
    return None if block.mlp_post is None else _divided(block, others, block.anatomy.mlp_output_projection, block.mlp_post, model)


def by_head(rows: Tensor, n_heads: int) -> Tensor:
    """(n, head * width) as (head, n, width)."""
    return rows.reshape(len(rows), n_heads, -1).transpose(0, 1)


def _divided(block: BlockTerms, names: tuple[str, ...], projection: str | None, inner: Tensor, model: nn.Module) -> Division | None:
    leaf = next((name for name in names if projection is not None and f"{projection}.".startswith(f"{name}.")), None)
    if leaf is None or projection is None:
        return None
    module = model.get_submodule(projection)
    matrix = matrix_of(module, inner.shape[-1], dtype_of(model))
    added = block.leaves[leaf]
    if matrix.weight.shape[-1] != added.shape[-1]:
        return None
    difference = float((matrix(inner) - added).abs().max())
    return Division(leaf, inner, matrix) if difference <= closeness(model) * float(added.abs().max()) else None
