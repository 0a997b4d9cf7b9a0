"""How the distribution of the next token differs between two runs, over (position, rank).

Always true: a word is one and the same in both runs, and both of its probabilities are read out; rank 0 is the word that changed most.
Candidates are the most probable tokens of either run, so what neither ranks high is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.axis import Axis
from llmwidgets.fields.difference import Pairs, mapped, names_of
from llmwidgets.fields.field import CellExtra, Field
from llmwidgets.fields.half import ABSENT, VALUE
from llmwidgets.fields.scale import Scale
from llmwidgets.fields.stream import Cells, Places

from .axes import axes_of
from .lens import words
from .lens_rows import KEPT, kept_rows
from .next_tokens import METHOD
from .probabilities import probabilities_of

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

CAVEAT = f"How the model's distribution differs, of the {KEPT} likeliest tokens of either run: what it gives, not what is right."


def next_token_difference(
    after: Capture, before: Capture, pairs: Pairs | None = None, *, label: str = "changed − clean", evidence: str = "intervention"
) -> Field:
    """The field `next_token` of `after` less that of `before`, (position, rank): the change of a token's probability, that token its word.

    pairs: (position of before, position of after), where the prompts differ; a position without a partner is absent.
    """
    ranks = min(KEPT, before.vocab_size)
    position = axes_of(before)["position"]
    to = None if pairs is None else dict(pairs)
    axis = axes_of(after)["position"]

    def rows(positions: Places) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Which positions have a partner, and of these ids, probabilities after and before, (position, rank)."""
        known, there = mapped(positions, axis, to)
        here = [place for place, is_known in zip(positions, known, strict=True) if is_known]
        return known, *_most_changed(after, before, list(there), here, ranks)

    def reader(index: Mapping[str, Places]) -> Cells:
        at = np.asarray(index["rank"])
        known, ids, new, old = rows(index["position"])
        shape = (len(known), len(at))
        values, state, texts = np.full(shape, np.nan, np.float32), np.full(shape, ABSENT, np.uint8), np.full(shape, "", object)
        if known.any():
            values[known], state[known], texts[known] = (new - old)[:, at], VALUE, words(before, ids[:, at])
        return Cells(values, None if known.all() else state, texts)

    def cell(index: Mapping[str, int]) -> CellExtra:
        _, ids, new, old = rows((index["position"],))
        at = (0, index["rank"])
        named = zip(names_of(label), (new[at], old[at]), strict=True)
        return CellExtra(
            text=str(words(before, ids[at][None])[0]),
            more=(("id", float(ids[at]), ""), *((name, float(share), "probability") for name, share in named)),
        )

    return Field(
        name="next_token",
        title=f"next token, {label}",
        axes=(position, Axis("rank", ranks)),
        unit="probability",
        reader=reader,
        scale=Scale("diverging", 0.0, None),
        evidence=evidence,
        caveat=CAVEAT,
        method=f"{METHOD}; {label}",
        texts=True,
        cell_reader=cell,
        band=1024,
    )


def _most_changed(
    after: Capture, before: Capture, there: Sequence[int], here: Sequence[int], ranks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids and both probabilities, (position, rank), of the tokens that changed most; of equal changes the smaller id comes first."""
    last, last_after = before.n_layers - 1, after.n_layers - 1
    if not len(here):
        return np.zeros((0, ranks), np.int64), *np.zeros((2, 0, ranks), np.float32)
    new_ids = kept_rows(after, [last_after], there).ids[0]  # (position, kept)
    old_ids = kept_rows(before, [last], here).ids[0]
    ids = np.sort(np.concatenate([old_ids, new_ids], axis=1), axis=1)  # (position, 2 kept)
    again = np.zeros(ids.shape, bool)
    again[:, 1:] = ids[:, 1:] == ids[:, :-1]  # tokens that both runs rank high stand twice
    new = probabilities_of(after, [last_after], there, ids[None])[0]
    old = probabilities_of(before, [last], here, ids[None])[0]
    size = np.where(again, -1.0, np.nan_to_num(np.abs(new - old)))
    order = np.argsort(-size, axis=1, kind="stable")[:, :ranks]
    return tuple(np.take_along_axis(each, order, axis=1) for each in (ids, new, old))  # type: ignore[return-value]
