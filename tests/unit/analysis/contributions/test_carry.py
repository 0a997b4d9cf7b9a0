"""Carrying parts forward and pulling a direction back are the two sides of one linear map, whatever the block's expression."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.analysis.contributions.carry import NORM_BIAS, carried, pulled_back
from llmwidgets.models.expression import Input, Leaf, Node, Norm, Sum
from llmwidgets.models.norms import FrozenNorm, NormForm

N, WIDTH = 3, 6
COUNT = itertools.count()


def nodes() -> st.SearchStrategy[Node]:
    """Expressions of a block: its input, leaves, norms and weighted sums."""
    ends = st.one_of(st.builds(Input), st.builds(lambda: Leaf(f"leaf {next(COUNT)}", 0)))
    factors = st.floats(-2, 2).filter(lambda factor: abs(factor) > 0.1)
    return st.recursive(
        ends,
        lambda inner: st.one_of(
            st.builds(lambda node: Norm(f"norm {next(COUNT)}", node, 0), inner),
            st.lists(st.tuples(factors, inner), min_size=1, max_size=3).map(lambda terms: Sum(tuple(terms))),
        ),
        max_leaves=6,
    )


def names(node: Node, kind: type) -> set[str]:
    found = {node.name} if isinstance(node, kind) else set()  # type: ignore[attr-defined]
    inner = [node.inner] if isinstance(node, Norm) else [term for _, term in node.terms] if isinstance(node, Sum) else []
    return found.union(*(names(term, kind) for term in inner))


@settings(max_examples=80, deadline=None)
@given(node=nodes(), seed=st.integers(0, 1000), centred=st.booleans())
def test_a_part_carried_forward_times_a_direction_is_the_part_times_the_direction_pulled_back(node: Node, seed: int, centred: bool) -> None:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    norms = {name: FrozenNorm(NormForm(drawn(WIDTH), drawn(WIDTH), centred), drawn(N)) for name in names(node, Norm)}
    entering = {("embed", -1): drawn(1, N, WIDTH), ("head", 0): drawn(2, N, WIDTH)}
    leaves = {name: {(name, 1): drawn(1, N, WIDTH)} for name in names(node, Leaf)}
    direction = drawn(N, WIDTH)
    after, before = carried(node, 1, entering, leaves, norms), pulled_back(node, direction, norms)
    shares = {key: (parts * direction).sum(-1) for key, parts in after.items()}  # (k, n)
    for key, parts in entering.items():
        expected = (parts * before.entering).sum(-1)
        torch.testing.assert_close(shares.get(key, torch.zeros_like(expected)), expected, rtol=1e-9, atol=1e-9)
    for name, parts in leaves.items():
        torch.testing.assert_close(shares[name, 1], (parts[name, 1] * before.leaves[name]).sum(-1), rtol=1e-9, atol=1e-9)
    bias = shares.get((NORM_BIAS, 1), torch.zeros(1, N, dtype=torch.float64))
    torch.testing.assert_close(bias[0], before.norm_bias, rtol=1e-9, atol=1e-9)
