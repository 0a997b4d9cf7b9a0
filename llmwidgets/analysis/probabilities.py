"""Probabilities of given tokens in what the model's own tail says of the residual stream at some layers and positions.

Always true: only the asked-for rows are read out, a few at a time, and only the asked-for tokens' numbers are kept. What the most probable
tokens of a row are is found elsewhere (lens_rows.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from .stream_norm import stream

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

_CELLS_AT_ONCE = 1 << 23  # of logits: 32 MB of float32


def probabilities_of(run: Capture, layers: Sequence[int], positions: Sequence[int], ids: np.ndarray) -> np.ndarray:
    """(layer, position, token) float32 of the tokens `ids`, (layer, position, token) int64; layer -1 is the embedding.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> found = lw.next_token(run, k=3)
    >>> ids = found.top_id.values[None, None]
    >>> bool(np.allclose(probabilities_of(run, [run.n_layers - 1], [13], ids)[0, 0], found.probability, atol=1e-6))
    True
    """
    found = np.empty(ids.shape, np.float32)
    rows = max(1, _CELLS_AT_ONCE // run.vocab_size)
    for i, layer in enumerate(layers):
        some = stream(run, layer)[list(positions)]  # (position, d_model)
        for top in range(0, len(positions), rows):
            log_p = torch.log_softmax(run.read_out(some[top : top + rows]), dim=-1)  # (position, vocab)
            found[i, top : top + rows] = log_p.gather(1, torch.as_tensor(ids[i, top : top + rows])).exp().numpy()
    return found
