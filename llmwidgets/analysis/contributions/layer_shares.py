"""One block's shares in a direction at one position: attention whole, by head or by source; the MLP whole or by neuron.

Always true: what is divided sums, with its bias, to the whole; what cannot be divided is None. A share is a part times the direction where
that part was written, float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from .block_terms import BlockTerms
from .carry import Directions
from .parts import Division, by_head, heads_of, mixer_leaves, neurons_of
from .values import edges

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

Pair = tuple[Tensor, float]
"""The shares of the parts (n,), and that of their bias."""


@dataclass(frozen=True, eq=False)
class LayerShares:
    """One block at `position`, with the direction (1, d_model) at each of its leaves."""

    run: Capture
    layer: int
    position: int
    terms: BlockTerms
    directions: Directions
    model: nn.Module

    @property
    def has_attention(self) -> bool:
        """Whether it is attention that `attention` gives."""
        return self.terms.anatomy.attention is not None

    def attention(self) -> float:
        """All that attention adds, or what stands in its place."""
        return sum((self._whole(name) for name in mixer_leaves(self.terms.anatomy)), 0.0)

    def mlp(self) -> float:
        """All that the other leaves add."""
        mixer = mixer_leaves(self.terms.anatomy)
        return sum((self._whole(name) for name in self.directions.leaves if name not in mixer), 0.0)

    def norm_bias(self) -> float:
        """What the betas of the norms in the stream add."""
        return float(self.directions.norm_bias[0])

    def heads(self) -> Pair | None:
        """What each head (head,) and the output bias add; None where they cannot be told apart."""
        n_heads = self.terms.anatomy.n_heads
        return self._divided(heads_of, lambda weighed: by_head(weighed, n_heads).sum((1, 2)), self.attention)

    def neurons(self) -> Pair | None:
        """What each neuron (neuron,) and the MLP's bias add; None where the MLP is not one matrix of neurons."""
        return self._divided(neurons_of, lambda weighed: weighed[0], self.mlp)

    def positions(self) -> Pair | None:
        """What attention moved from each position (key,), and its output bias; None where its heads cannot be told apart."""
        division = heads_of(self.terms, self.model)
        if division is None:
            return None
        direction = self.directions.leaves[division.leaf]
        heads = range(self.terms.anatomy.n_heads)
        brought = edges(self.run, self.layer, division.matrix, direction, heads, [self.position], None)  # (head, 1, key)
        return brought.sum((0, 1)), float(division.matrix.offset.double() @ direction[0])

    def _divided(
        self, divide: Callable[[BlockTerms, nn.Module], Division | None], shares: Callable[[Tensor], Tensor], whole: Callable[[], float]
    ) -> Pair | None:
        division = divide(self.terms, self.model)
        if division is None:
            return None
        direction, matrix = self.directions.leaves[division.leaf][0], division.matrix
        weighed = division.inner.double() * (matrix.weight @ direction.to(matrix.weight.dtype)).double()  # (1, in)
        other_leaves = whole() - self._whole(division.leaf)
        return shares(weighed), float(matrix.offset.double() @ direction) + other_leaves

    def _whole(self, leaf: str) -> float:
        return float((self.terms.leaves[leaf].double() * self.directions.leaves[leaf]).sum())
