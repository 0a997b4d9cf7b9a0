"""Carrying parts forward through a block's expression, and a direction backward through it.

Always true: both are linear, norms being frozen, and each is the other's adjoint: a part carried forward, times a direction, is the part
times the direction pulled back. Post-norm, sandwich, parallel and scaled blocks differ in their expressions only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from llmwidgets.models.expression import Input, Leaf, Node, Norm
from llmwidgets.models.norms import FrozenNorm

Parts = dict[tuple[str, int], Tensor]
"""Stacks of parts (k, n, d_model) by kind ("head", "mlp", ...) and layer."""

NORM_BIAS = "norm bias"


def carried(node: Node, layer: int, entering: Parts, of_leaf: Mapping[str, Parts], norms: Mapping[str, FrozenNorm]) -> Parts:
    """The parts of a block's output: those that entered it and those that its leaves add; a norm's beta is one of the layer's."""
    if isinstance(node, Input):
        return entering
    if isinstance(node, Leaf):
        assert node.name is not None
        return of_leaf[node.name]
    total: Parts = {}
    if isinstance(node, Norm):
        norm = norms[node.name]
        inner = carried(node.inner, layer, entering, of_leaf, norms)
        total = {key: norm.apply(parts) for key, parts in inner.items()}
        if bool(norm.form.beta.any()):
            beta = norm.form.beta.expand(1, len(norm.inverse_scale), -1)  # (1, n, d_model)
            _add(total, {(NORM_BIAS, layer): beta}, 1.0)
        return total
    for factor, term in node.terms:
        _add(total, carried(term, layer, entering, of_leaf, norms), factor)
    return total


def _add(total: Parts, more: Parts, factor: float) -> None:
    for key, parts in more.items():
        scaled = parts if factor == 1 else factor * parts
        total[key] = total[key] + scaled if key in total else scaled


@dataclass(eq=False)
class Directions:
    """Where a direction (n, d_model) at a block's output comes from inside it. Zeros where it reaches nothing."""

    entering: Tensor  # (n, d_model)
    norm_bias: Tensor  # (n,): what the betas of the block's norms have in the direction
    leaves: dict[str, Tensor] = field(default_factory=dict)  # by module: (n, d_model)


def pulled_back(node: Node, direction: Tensor, norms: Mapping[str, FrozenNorm]) -> Directions:
    """The direction at the block's input and at each of its leaves."""
    found = Directions(torch.zeros_like(direction), torch.zeros_like(direction[:, 0]))
    _pull(node, direction, norms, found)
    return found


def _pull(node: Node, direction: Tensor, norms: Mapping[str, FrozenNorm], found: Directions) -> None:
    if isinstance(node, Input):
        found.entering = found.entering + direction
    elif isinstance(node, Leaf):
        assert node.name is not None
        found.leaves[node.name] = found.leaves[node.name] + direction if node.name in found.leaves else direction
    elif isinstance(node, Norm):
        norm = norms[node.name]
        found.norm_bias = found.norm_bias + direction @ norm.form.beta.to(direction.dtype)
        _pull(node.inner, norm.pull_back(direction), norms, found)
    else:
        for factor, term in node.terms:
            _pull(term, direction if factor == 1 else factor * direction, norms, found)


def pulled_back_to(layer: int, nodes: Sequence[Node], direction: Tensor, norms: Sequence[Mapping[str, FrozenNorm]]) -> list[Directions]:
    """The directions inside every block from `layer` on, for a `direction` (n, d_model) at the final residual stream."""
    found = []
    for node, of_block in zip(reversed(nodes[layer:]), reversed(norms[layer:]), strict=True):
        found.append(pulled_back(node, direction, of_block))
        direction = found[-1].entering
    return found[::-1]
