"""How a block's output is made of its input: a small algebra over the residual stream.

`Input` is what enters the block, `Leaf` what one of its modules gave, `Norm` a norm applied to something
tracked, `Sum` a weighted sum. The probe writes these down; the anatomy reads from them what attention and
MLP add to the stream. No tensors are held here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, eq=False)
class Input:
    """The residual stream as it enters the block."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """The output of a module, taken as given. `name` is None for a tensor that no module gave."""

    name: str | None
    time: int


@dataclass(frozen=True, eq=False)
class Norm:
    """The output of the norm `name`, applied to a tracked tensor."""

    name: str
    inner: Node
    time: int


@dataclass(frozen=True, eq=False)
class Sum:
    """Terms with their factors, in the order in which they were added."""

    terms: tuple[tuple[float, Node], ...]


Node: TypeAlias = Input | Leaf | Norm | Sum


def terms(node: Node) -> tuple[tuple[float, Node], ...]:
    """The node as a sum: its terms, or itself once."""
    return node.terms if isinstance(node, Sum) else ((1.0, node),)


def add(left: Node, right: Node, factor: float = 1.0) -> Sum:
    """left + factor * right."""
    return Sum(terms(left) + tuple((factor * c, n) for c, n in terms(right)))


def scale(node: Node, factor: float) -> Sum:
    """factor * node."""
    return Sum(tuple((factor * c, n) for c, n in terms(node)))


def leaves(node: Node) -> Iterator[Leaf]:
    """Every leaf below the node."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Norm):
        yield from leaves(node.inner)
    elif isinstance(node, Sum):
        for _, term in node.terms:
            yield from leaves(term)


def norms_in(node: Node | None) -> Iterator[Norm]:
    """Every norm in an expression."""
    if isinstance(node, Norm):
        yield node
        yield from norms_in(node.inner)
    elif isinstance(node, Sum):
        for _, term in node.terms:
            yield from norms_in(term)


def contains_input(node: Node) -> bool:
    """Whether the block's input stands anywhere in the node."""
    if isinstance(node, Norm):
        return contains_input(node.inner)
    if isinstance(node, Sum):
        return any(contains_input(term) for _, term in node.terms)
    return isinstance(node, Input)


def describe(node: Node | None, prefix: str = "") -> str:
    """The node as a line, names relative to `prefix`: ``x + attn + 0.22*mlp``."""
    if node is None:
        return "?"
    if isinstance(node, Input):
        return "x"
    if isinstance(node, Sum):
        return " + ".join(("" if c == 1 else f"{c:.3g}*") + describe(n, prefix) for c, n in node.terms)
    name = (node.name or "?").removeprefix(prefix).lstrip(".")
    return name if isinstance(node, Leaf) else f"{name}[{describe(node.inner, prefix)}]"
