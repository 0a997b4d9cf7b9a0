"""Probabilities of given tokens in what the model's own tail says of the residual stream at some layers and positions.

Always true: a row is read out only where one of its asked-for tokens is not among those that are kept of it (lens_rows.py), a few rows at
a time; of the others' numbers nothing is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from .lens_rows import kept_rows
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
    kept = kept_rows(run, layers, positions)
    same = kept.ids[..., None] == ids[..., None, :]  # (layer, position, kept, token)
    found = np.take_along_axis(kept.probability, same.argmax(-2), axis=-1)
    lacking = ~same.any(-2).all(-1)  # (layer, position)
    rows = max(1, _CELLS_AT_ONCE // run.vocab_size)
    for i, layer in enumerate(layers):
        at = np.flatnonzero(lacking[i])
        for some in np.split(at, range(rows, len(at), rows)) if len(at) else ():
            log_p = torch.log_softmax(run.read_out(stream(run, layer)[np.asarray(positions)[some]]), dim=-1)  # (position, vocab)
            found[i, some] = log_p.gather(1, torch.as_tensor(ids[i, some])).exp().numpy()
    return found
