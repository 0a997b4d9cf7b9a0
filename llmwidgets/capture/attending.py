"""What a Capture answers about attention: patterns, masks and sinks, for just the heads, queries and keys that are asked for.

Always true: nothing is computed that was not asked for, and what a mask forbids is exactly 0. Where a module does not use the attention
interface its attention is caught in a re-run, which needs the model; what was recorded does not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor

from llmwidgets.capture.indexing import Index, indices, one_index
from llmwidgets.capture.mask import Mask
from llmwidgets.capture.recorder import Tape
from llmwidgets.capture.rerun import Attention
from llmwidgets.models.errors import AttentionUnavailableError

if TYPE_CHECKING:
    from llmwidgets.capture.bench import Bench


class Attending(ABC):
    """The part of a Capture that is about attention."""

    _tape: Tape
    heads_per_layer: tuple[int, ...]

    @property
    @abstractmethod
    def n_tokens(self) -> int:
        """Tokens of the prompt."""

    @property
    def n_layers(self) -> int:
        """Blocks of the model."""
        return len(self._tape.blocks)

    @abstractmethod
    def bench(self, what: str, unchanged: bool = True) -> Bench:
        """Return what computes with the model."""

    def pattern(self, layer: int, head: Index = None, queries: Index = None, keys: Index = None) -> Tensor:
        """Return attention weights, computed now, for just what is asked: (head, query, key) on the CPU.

        `head`, `queries` and `keys` take None (all), an int (drops that dimension), a slice, a range or a list.
        float64 for a float64 model, else float32. Rows sum to 1, or with attention sinks (gpt-oss) to
        1 - `sink_share`. Raises `AttentionUnavailableError` (a ValueError) for a block without attention, IndexError for a place
        outside, and `ModelChangedError` where a module must be run again and the model has changed.
        """
        attention = self.attention(layer)
        (heads, no_head), (rows, no_query), (columns, no_key) = self._indices(attention, head, queries, keys)
        return _dropped(attention.pattern(heads, rows, columns), no_head, no_query, no_key)

    def allowed(self, layer: int, head: Index = None, queries: Index = None, keys: Index = None) -> Tensor:
        """Return bool of the pattern's shape: False where the mask (causal, window, padding) forbids the look. Raises as `pattern` does."""
        attention = self.attention(layer)
        (heads, no_head), (rows, no_query), (columns, no_key) = self._indices(attention, head, queries, keys)
        return _dropped(attention.allowed(heads, rows, columns), no_head, no_query, no_key)

    def mask(self, layer: int) -> Mask:
        """Return the layer's mask, in closed form where it has one (causal, sliding window, full); see also `allowed`."""
        return self.attention(layer).mask

    def sink_share(self, layer: int, head: Index = None, queries: Index = None) -> Tensor:
        """Return (head, query), float as the pattern: what of each row goes to an attention sink that is no token; 0 without sinks."""
        attention = self.attention(layer)
        heads, no_head = indices(head, attention.n_heads, "head")
        rows, no_query = indices(queries, self.n_tokens, "query")
        return _dropped(attention.sink_share(heads, rows), no_head, no_query)

    def _indices(self, attention: Attention, head: Index, queries: Index, keys: Index) -> tuple[tuple[Tensor, bool], ...]:
        return (
            indices(head, attention.n_heads, "head"),
            indices(queries, self.n_tokens, "query"),
            indices(keys, self.n_tokens, "key"),
        )

    def attention(self, layer: int) -> Attention:
        """Return the layer's attention as it was recorded, or caught in a re-run: for analyses; `pattern` is for the rest.

        Raises `AttentionUnavailableError` (a ValueError) for a block without attention, or with several.
        """
        layer = one_index(layer, self.n_layers, "layer")
        block = self._tape.blocks[layer]
        if block.anatomy.n_heads == 0:
            having = [i for i, n in enumerate(self.heads_per_layer) if n]
            where = f"layers with attention: {having}" if having else "no block of this model has any"
            raise AttentionUnavailableError(f"layer {layer} has no attention ({block.anatomy.expression}); {where}")
        if block.attention is not None:
            return block.attention
        if block.attention_arguments is None:
            raise AttentionUnavailableError(
                f"layer {layer} calls its attention {block.anatomy.n_attentions} times; a pattern of its own cannot be given"
            )
        return self.bench("the pattern of a module that must be run again").attention_again(layer, block)


def _dropped(values: Tensor, *drop: bool) -> Tensor:
    return values[tuple(0 if gone else slice(None) for gone in drop)]
