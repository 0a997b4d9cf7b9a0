"""The logit lens (nostalgebraist 2020): what the output layer would say at every layer and position.

Always true: a row is the model's own tail (final norm with its statistics recomputed, head, any cap) on the residual stream there; the last
layer's row is the model's own output; layer -1 is the embedding. What it shows is what can be read out, not what the model holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as as_integer
from typing import TYPE_CHECKING

import numpy as np

from .given import require_capture
from .lens_rows import KEPT, kept_rows, read_rows
from .sentences import caveat

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

CAVEAT = caveat("logit_lens")
METHOD = "logit lens (nostalgebraist 2020): the model's own final norm and head on the residual stream, statistics recomputed"

Target = str | int | Sequence[int] | None


def logit_lens(
    run: Capture, k: int = 5, layers: Sequence[int] | None = None, positions: Sequence[int] | None = None, target: Target = None
) -> xarray.Dataset:
    """What the output layer would say of the residual stream, at each of `layers` and `positions`.

    layers: -1 (the embedding) to n_layers - 1, an int or several; None for all
    positions: an int or several, negative ones from the end; None for all
    target: "next" (the prompt's next token at each position), a token id, or one id for each position

    A Dataset over layer, position and rank (0 is the most probable): `top_id` int64, `top_token` str, `probability` float32; `entropy` and
    `kl` (to the final layer's distribution) float32 in nats; with a target, `target_probability` and `target_rank` (1 is the most
    probable; NaN where there is no next token). Raises ValueError for a layer, position or k that does not exist, and
    ModelChangedError where the model is no longer the one captured.

    Each row costs a read-out over the whole vocabulary: ask for the positions that are wanted.

        lw.logit_lens(run, positions=[-1]).top_token.sel(rank=0)
    """
    require_capture(run)
    import xarray

    at_layers = _places(layers, range(-1, run.n_layers), "layer", from_end=False)
    at_positions = _places(positions, range(run.n_tokens), "position", from_end=True)
    if not 1 <= k <= run.vocab_size:
        raise ValueError(f"k={k} tokens are asked of a vocabulary of {run.vocab_size}; expected 1 to {run.vocab_size}")
    if target is None and k <= KEPT:
        rows = kept_rows(run, at_layers, at_positions)
    else:
        rows = read_rows(run, at_layers, at_positions, k, _target_ids(run, target, at_positions))
    ids = rows.ids[..., :k]
    plane, pile = ("layer", "position"), ("layer", "position", "rank")
    nats = {"unit": "nats"}
    variables = {
        "top_id": (pile, ids),
        "top_token": (pile, words(run, ids)),
        "probability": (pile, rows.probability[..., :k], {"unit": "probability"}),
        "entropy": (plane, rows.entropy, nats),
        "kl": (plane, rows.kl, {**nats, "title": "KL divergence to the final layer's distribution"}),
    }
    if rows.target_probability is not None:
        variables["target_probability"] = (plane, rows.target_probability, {"unit": "probability"})
        variables["target_rank"] = (plane, rows.target_rank, {"unit": "rank, 1 is the most probable"})
    return xarray.Dataset(
        variables,
        coords={
            "layer": at_layers,
            "layer_label": ("layer", np.array(["embed" if layer < 0 else str(layer) for layer in at_layers], dtype=object)),
            "position": at_positions,
            "token": ("position", np.array([run.tokens[position] for position in at_positions], dtype=object)),
            "rank": range(k),
        },
        attrs={"evidence": "observation", "caveat": CAVEAT, "method": METHOD, "method_name": "logit_lens"},
    )


def words(run: Capture, ids: np.ndarray) -> np.ndarray:
    """The tokens' texts, an object array of the shape of `ids`."""
    distinct, where = np.unique(ids, return_inverse=True)
    texts = np.array(run.token_text(distinct.tolist()), dtype=object)
    return texts[where].reshape(ids.shape)


def _places(wanted: object, every: range, name: str, from_end: bool) -> list[int]:
    if wanted is None:
        return list(every)
    try:
        asked = [as_integer(wanted)]
    except TypeError:
        asked = [as_integer(place) for place in wanted]  # type: ignore[attr-defined]
    places = [place + len(every) if from_end and place < 0 else place for place in asked]
    for place, given in zip(places, asked, strict=True):
        if place not in every:
            raise ValueError(f"{name} {given} does not exist; this run has {every[0]} to {every[-1]}")
    if not places:
        raise ValueError(f"no {name} is asked for; give at least one, or None for all")
    return places


def _target_ids(run: Capture, target: Target, positions: Sequence[int]) -> np.ndarray | None:
    if target is None:
        return None
    if isinstance(target, str):
        if target != "next":
            raise ValueError(f'target={target!r} came; expected "next", a token id, or one id for each position')
        following = [*run.token_ids[1:], -1]
        return np.array([following[position] for position in positions])
    try:
        ids = [as_integer(target)] * len(positions)
    except TypeError:
        ids = [as_integer(token) for token in target]
    if len(ids) != len(positions):
        raise ValueError(f"{len(ids)} targets came for {len(positions)} positions; give one for each, or a single id")
    for token in ids:
        if not 0 <= token < run.vocab_size:
            raise ValueError(f"the target {token} is no token id; this vocabulary has 0 to {run.vocab_size - 1}")
    return np.array(ids)
