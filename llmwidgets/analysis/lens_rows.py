"""Rows of the logit lens: what the model's own tail says of the residual stream at one layer and position.

Always true: only the asked-for rows are read out, in chunks of positions, so no more than a chunk of (position, vocabulary) numbers exists
at once; what was summed up from a row is kept for the run. A row costs one read-out over the whole vocabulary (about 3 ms on one CPU
core for GPT-2 small), and every chunk of positions one more for the final layer, which the others are compared to.

For a row's distribution p and the final layer's q at the same position: entropy -sum p ln p, KL sum p (ln p - ln q), both in nats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch

from .memo import once
from .stream_norm import stream

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

KEPT = 10
"""Tokens kept of each row's distribution."""

_CELLS_AT_ONCE = 1 << 23  # of logits: 32 MB of float32
_POSITIONS_AT_ONCE = 256  # of the residual stream, gathered from every layer


@dataclass(frozen=True, eq=False)
class Rows:
    """What is known of (layer, position) rows; layers and positions as they were asked.

    ids: (layer, position, rank) int64, most probable first; probability: the same shape, float32
    entropy, kl: (layer, position) float32, nats
    target_probability, target_rank: (layer, position), rank 1 for the most probable; None where no target was asked
    """

    ids: np.ndarray
    probability: np.ndarray
    entropy: np.ndarray
    kl: np.ndarray
    target_probability: np.ndarray | None = None
    target_rank: np.ndarray | None = None

    @classmethod
    def empty(cls, layers: int, positions: int, k: int, target: bool = False) -> Rows:
        plane = (layers, positions)
        return cls(
            np.zeros((*plane, k), np.int64),
            np.full((*plane, k), np.nan, np.float32),
            np.full(plane, np.nan, np.float32),
            np.full(plane, np.nan, np.float32),
            np.full(plane, np.nan, np.float32) if target else None,
            np.full(plane, np.nan, np.float32) if target else None,
        )


def kept_rows(run: Capture, layers: Sequence[int], positions: Sequence[int]) -> Rows:
    """Rows with the KEPT most probable tokens; read out the first time they are asked for."""
    kept = once(run, "lens rows", lambda: _Kept(run))
    return kept.rows(run, layers, positions)


def read_rows(run: Capture, layers: Sequence[int], positions: Sequence[int], k: int, targets: np.ndarray | None = None) -> Rows:
    """Rows read out now. targets: (position,) int64 of token ids, -1 for none; or None."""
    rows = Rows.empty(len(layers), len(positions), k, targets is not None)
    final = run.n_layers - 1
    read = list(dict.fromkeys([*layers, final]))
    chunk = max(1, _CELLS_AT_ONCE // (run.vocab_size * len(read)))  # positions whose logits are held at once
    for top in range(0, len(positions), _POSITIONS_AT_ONCE):
        block = range(top, min(top + _POSITIONS_AT_ONCE, len(positions)))
        streams = torch.stack(
            [stream(run, layer)[list(positions[block.start : block.stop])] for layer in read]
        )  # (layer, position, d_model)
        for first in range(0, len(block), chunk):
            some = streams[:, first : first + chunk]
            at = slice(block.start + first, block.start + first + some.shape[1])
            log_p = torch.log_softmax(run.read_out(some.flatten(0, 1)), dim=-1).unflatten(0, some.shape[:2])  # (layer, position, vocab)
            wanted = None if targets is None else torch.as_tensor(targets[at])
            for i, layer in enumerate(layers):
                _sum_up(rows, (i, at), log_p[read.index(layer)], log_p[read.index(final)], wanted)
    return rows


class _Kept:
    """The rows read out so far of one run. It does not hold the run, which would then never be let go of (see memo)."""

    def __init__(self, run: Capture) -> None:
        k = min(KEPT, run.vocab_size)
        self._lock = Lock()
        self._rows = Rows.empty(run.n_layers + 1, run.n_tokens, k)
        self._known = np.zeros((run.n_layers + 1, run.n_tokens), bool)

    def rows(self, run: Capture, layers: Sequence[int], positions: Sequence[int]) -> Rows:
        at_layers, at_positions = np.asarray(layers) + 1, np.asarray(positions)
        plane = np.ix_(at_layers, at_positions)
        with self._lock:
            # Positions that lack the same layers are read out together: the final layer's read-out is then shared.
            for lacking in np.unique(~self._known[plane], axis=1).T:
                if lacking.any():
                    these = at_positions[(~self._known[plane] == lacking[:, None]).all(axis=0)]
                    self._read(run, at_layers[lacking], np.unique(these))
            kept = self._rows
            return Rows(kept.ids[plane], kept.probability[plane], kept.entropy[plane], kept.kl[plane])

    def _read(self, run: Capture, at_layers: np.ndarray, at_positions: np.ndarray) -> None:
        at_layers = np.union1d(at_layers, [run.n_layers])  # the final layer is read out in any case
        found = read_rows(run, [int(i) - 1 for i in at_layers], at_positions.tolist(), self._rows.ids.shape[-1])
        plane = np.ix_(at_layers, at_positions)
        for name in ("ids", "probability", "entropy", "kl"):
            getattr(self._rows, name)[plane] = getattr(found, name)
        self._known[plane] = True


def _sum_up(rows: Rows, at: tuple[int, slice], here: torch.Tensor, final: torch.Tensor, targets: torch.Tensor | None) -> None:
    p = here.exp()  # (position, vocab)
    top = here.topk(rows.ids.shape[-1], dim=-1)
    rows.ids[at] = top.indices.numpy()
    rows.probability[at] = top.values.exp().numpy()
    rows.entropy[at] = torch.special.entr(p).sum(dim=-1).numpy()
    gap = (here - final).mul_(p).masked_fill_(p == 0, 0.0)  # a token that is impossible here adds nothing, whatever q says
    rows.kl[at] = gap.sum(dim=-1).clamp_(min=0).numpy()
    if targets is not None:
        asked = targets >= 0
        of_target = here.gather(1, targets.clamp(min=0)[:, None])  # (position, 1)
        rank = 1 + (here > of_target).sum(dim=-1)
        rank = torch.where(asked & ~of_target[:, 0].isnan(), rank.double(), torch.nan)
        rows.target_rank[at] = rank.numpy()
        rows.target_probability[at] = torch.where(asked, of_target[:, 0].exp(), torch.nan).numpy()
