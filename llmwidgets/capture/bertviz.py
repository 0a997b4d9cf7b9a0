"""What BertViz's own views take: every pattern in full, layer by layer.

This is the one place that builds all patterns at once, so its weight is known and said before it is built.
"""

from __future__ import annotations

import warnings
from typing import Any, Protocol

from torch import Tensor

from llmwidgets.capture.store import in_words
from llmwidgets.models.errors import AttentionUnavailableError

_WORTH_SAYING = 16_000_000


class Attended(Protocol):
    """What is needed of a Capture."""

    tokens: list[str]
    heads_per_layer: tuple[int, ...]

    @property
    def bertviz_nbytes(self) -> int: ...

    def pattern(self, layer: int) -> Tensor: ...


def attention_for_bertviz(run: Attended, max_bytes: int) -> dict[str, Any]:
    """Return {"attention": tuple of (1, head, query, key), "tokens": list of str}."""
    weight = run.bertviz_nbytes
    if weight > max_bytes:
        raise MemoryError(
            f"every pattern of this run together weighs {in_words(weight)}, more than max_bytes={in_words(max_bytes)}; "
            "BertViz needs them all at once. Capture a shorter prompt, or raise max_bytes"
        )
    if weight > _WORTH_SAYING:
        warnings.warn(f"building {in_words(weight)} of attention patterns for BertViz", stacklevel=3)
    if not weight:
        raise AttentionUnavailableError("no block of this model has attention, so BertViz has nothing to draw")
    layers = [layer for layer, n_heads in enumerate(run.heads_per_layer) if n_heads]
    return {"attention": tuple(run.pattern(layer)[None] for layer in layers), "tokens": list(run.tokens)}
