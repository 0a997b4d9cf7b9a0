"""How the logit lens differs between two runs, over (layer, position): the change of the probability of one word, named in the cell.

Always true: the word is the one on top before; its probability is read out in both runs. (Each run's top probability less the other's would
be 0 where one sure word gave way to another.) Where another word is on top after, the cell's text says "old → new".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from llmwidgets.fields.difference import Pairs, mapped, names_of, word_of_both
from llmwidgets.fields.field import CellExtra, Field
from llmwidgets.fields.half import ABSENT, VALUE
from llmwidgets.fields.scale import Scale
from llmwidgets.fields.stream import Cells, Places

from .axes import axes_of, stream_axis
from .lens import METHOD, words
from .lens_rows import kept_rows
from .probabilities import probabilities_of

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

_ROWS_AT_ONCE = 512  # read out before the work can be called off


def logit_lens_difference(
    after: Capture, before: Capture, pairs: Pairs | None = None, *, label: str = "changed − clean", evidence: str = "intervention"
) -> Field:
    """The field `logit_lens` of `after` less that of `before`, (layer, position): of the word on top in `before`, its probability's change.

    pairs: (position of before, position of after), where the prompts differ; a position without a partner is absent.
    """
    to = None if pairs is None else dict(pairs)
    axis, names = axes_of(after)["position"], names_of(label)

    def rows(layers: Places, positions: Places) -> tuple[np.ndarray, ...]:
        """Which positions have a partner; of these (layer, position): the word's probability after and before, its id, the new top's id."""
        known, there = mapped(positions, axis, to)
        here = [place for place, is_known in zip(positions, known, strict=True) if is_known]
        if not here:
            return known, *np.zeros((4, len(layers), 0), np.int64)
        old = kept_rows(before, list(layers), here)
        new_top = kept_rows(after, list(layers), list(there)).ids[..., 0]
        top = old.ids[..., 0]  # (layer, position)
        new = probabilities_of(after, list(layers), list(there), top[..., None])[..., 0]
        return known, new, old.probability[..., 0], top, new_top

    def reader(index: Mapping[str, Places]) -> Cells:
        known, new, old, top, new_top = rows(index["layer"], index["position"])
        shape = (len(index["layer"]), len(known))
        values, state, texts = np.full(shape, np.nan, np.float32), np.full(shape, ABSENT, np.uint8), np.full(shape, "", object)
        if known.any():
            values[:, known], state[:, known] = new - old, VALUE
            texts[:, known] = np.frompyfunc(word_of_both, 2, 1)(words(after, new_top), words(before, top))
        return Cells(values, None if known.all() else state, texts)

    def cell(index: Mapping[str, int]) -> CellExtra:
        _, new, old, top, new_top = rows((index["layer"],), (index["position"],))
        word, new_word = str(words(before, top)[0, 0]), str(words(after, new_top)[0, 0])
        named = zip(names, (new, old), strict=True)
        return CellExtra(
            text=word_of_both(new_word, word),
            more=tuple((f"{word!r}, {name}", float(share[0, 0]), "probability") for name, share in named),
        )

    return Field(
        name="logit_lens",
        title=f"logit lens: the {names[1]} top token, {label}",
        axes=(stream_axis(before), axes_of(before)["position"]),
        unit="probability",
        reader=reader,
        scale=Scale("diverging", 0.0, None),
        evidence=evidence,
        caveat=f"How the probability of the word on top in the {names[1]} run differs; the model may not hold it in this form.",
        method=f"{METHOD}; {label}",
        texts=True,
        cell_reader=cell,
        band=_ROWS_AT_ONCE,
    )
