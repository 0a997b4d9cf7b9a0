"""The difference of two fields of one name, cell by cell: what a change, or another prompt, did to a quantity.

Always true: both readers are asked for just the places that are wanted, and the difference is over the axes of `before`. Where both fields
mask a cell it is masked; where only one has a value there is no difference, and the cell is absent; what either has not computed yet is
pending. Which places of two prompts belong together is told by `pairs`; how these are found is left to others (analysis/alignment.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .axis import TOKEN_COORDINATES, Axis
from .field import CellExtra, Field
from .half import ABSENT, MASKED, PENDING, VALUE
from .scale import Scale
from .stream import Cells, Places

BY_CHANGE = "By how much the change moved this number; where it moved little, something else may have made up for it."
BY_RUN = "By how much this number differs between the two runs; all that is different in them takes part."
WORDS = "Words are each run's own."
ARROW = " → "

Pairs = Sequence[tuple[int, int]]


def difference(after: Field, before: Field, *, label: str, pairs: Pairs | None = None, evidence: str = "intervention") -> Field | None:
    """`after` − `before`, lazily, over the axes of `before`, with its name and unit; None where the axes do not fit together.

    pairs: (place in before's prompt, place in after's): the query, key and position of `after` are those of another prompt; a place
    without a partner is absent. None: the same places. label: what is subtracted from what, such as "changed − clean"; it stands in the
    title and names both values of a cell. evidence: what the subtraction is: "intervention" for a change that was made; "observation"
    for two runs side by side, whose difference is of the kind that `before` is (effects stay interventions, contributions
    attributions). Values keep the readers' dtype.

    >>> from llmwidgets.fields.axis import Axis
    >>> def doubled(by):
    ...     return Field("size", "size", (Axis("layer", 3),), "m", lambda index: Cells(np.array(index["layer"], np.float32) * by))
    >>> found = difference(doubled(5), doubled(2), label="changed − clean")
    >>> found.title, found.read().values.tolist()
    ('size, changed − clean', [0.0, 3.0, 6.0])
    """
    if not _fit(after, before, pairs):
        return None
    to = None if pairs is None else dict(pairs)
    has_texts = before.texts and after.texts
    caveat = BY_CHANGE if evidence == "intervention" else BY_RUN
    both = _Both(after, before, to, label)
    return Field(
        name=before.name,
        title=f"{before.title}, {label}",
        axes=before.axes,
        unit=before.unit,
        reader=both.cells,
        scale=Scale("diverging", 0.0, None, before.scale.power),
        evidence=before.evidence if evidence == "observation" else evidence,
        caveat=f"{caveat} {WORDS}" if has_texts else caveat,
        method=f"{before.method}; {label}" if before.method else label,
        texts=has_texts,
        cell_reader=both.extra,
        band=min(after.band, before.band),
    )


def _allowed(values: np.ndarray, state: np.ndarray, forbidden: float | None, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With a number in the cells that only this run's mask forbids: a look that is cut has none of the attention."""
    if forbidden is None or not where.any():
        return values, state
    return np.where(where, np.asarray(forbidden, values.dtype), values), np.where(where, np.uint8(VALUE), state)


def names_of(label: str) -> tuple[str, str]:
    """What the two values are called, after and before.

    >>> names_of("changed − clean"), names_of("difference")
    (('changed', 'clean'), ('after', 'before'))
    """
    after, minus, before = label.partition(" − ")
    return (after, before) if minus else ("after", "before")


def word_of_both(after: str, before: str) -> str:
    """One word where both runs have it, else the old one and the new."""
    return after if after == before else f"{before}{ARROW}{after}"


def mapped(places: Places, axis: Axis, to: Mapping[int, int] | None) -> tuple[np.ndarray, Places]:
    """Which of `places` have a partner on `axis` (of the other prompt), (place,) bool, and the partners in their order."""
    if to is None:
        return np.ones(len(places), bool), places
    partners = [to.get(place) for place in places]
    known = np.array([partner is not None and partner in axis.range for partner in partners], bool)
    found = [partner for partner, is_known in zip(partners, known, strict=True) if is_known and partner is not None]
    if found and found == list(range(found[0], found[0] + len(found))):
        return known, range(found[0], found[0] + len(found))  # readers are quicker with a range
    return known, tuple(found)


class _Both:
    """Asks both readers for the same places."""

    def __init__(self, after: Field, before: Field, to: Mapping[int, int] | None, label: str) -> None:
        self._after, self._before, self._to, self._label = after, before, to, label

    def cells(self, index: Mapping[str, Places]) -> Cells:
        before = self._before.reader(index)
        values, state, texts = self._of_after(index)
        old_values, old_state = np.asarray(before.values), _states(before)
        only = (state == MASKED) & (old_state == VALUE), (old_state == MASKED) & (state == VALUE)
        values, state = _allowed(values, state, self._after.forbidden, only[0])
        old_values, old_state = _allowed(old_values, old_state, self._before.forbidden, only[1])
        with np.errstate(invalid="ignore", over="ignore"):
            change = values - old_values
        found = _state_of_both(state, old_state)
        change[found != VALUE] = np.nan
        words = None
        if self._before.texts and self._after.texts and texts is not None and before.texts is not None:
            words = np.frompyfunc(word_of_both, 2, 1)(texts, before.texts)
            words[found != VALUE] = ""
        return Cells(change, found if found.any() else None, words)

    def _of_after(self, index: Mapping[str, Places]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Values, states and words of `after`, at the places of `before`; absent where there is no partner."""
        known, there = {}, {}
        for axis in self._after.axes:
            name = axis.coordinate
            known[name], there[name] = mapped(index[name], axis, self._to if name in TOKEN_COORDINATES else None)
        shape = tuple(len(index[axis.coordinate]) for axis in self._before.axes)
        if all(has.all() for has in known.values()):
            cells = self._after.reader(there)
            return np.asarray(cells.values), _states(cells), cells.texts
        values, state, texts = np.full(shape, np.nan, np.float32), np.full(shape, ABSENT, np.uint8), None
        if all(has.any() for has in known.values()):
            cells, at = self._after.reader(there), np.ix_(*(known[name] for name in known))
            values = values.astype(np.asarray(cells.values).dtype)
            values[at], state[at] = cells.values, _states(cells)
            if cells.texts is not None:
                texts = np.full(shape, "", object)
                texts[at] = cells.texts
        return values, state, texts

    def extra(self, index: Mapping[str, int]) -> CellExtra:
        """Both exact values, both words, and what else each cell can tell, under the names of the runs."""
        names, more, words = names_of(self._label), [], []
        for name, field, to in zip(names, (self._after, self._before), (self._to, None), strict=True):
            place = {key: to[at] if to is not None and key in TOKEN_COORDINATES else at for key, at in index.items()}
            cells = field.reader({key: (at,) for key, at in place.items()})
            own = CellExtra() if field.cell_reader is None else field.cell_reader(place)
            words.append(own.text if own.text is not None or cells.texts is None else str(cells.texts.item()))
            of_word = "" if words[-1] is None else f", {words[-1]!r}"
            more.append((f"{name}{of_word}", float(np.float32(cells.values.item())), field.unit))
            more += [(f"{what}, {name}", number, unit) for what, number, unit in own.more]
        after, before = words
        return CellExtra(text=None if after is None or before is None else word_of_both(after, before), more=tuple(more))


def _fit(after: Field, before: Field, pairs: Pairs | None) -> bool:
    if after.coordinates != before.coordinates or after.unit != before.unit:
        return False
    for one, other in zip(after.axes, before.axes, strict=True):
        is_token = one.coordinate in TOKEN_COORDINATES
        if is_token and pairs is not None:
            continue
        if one.range != other.range or (one.labels != other.labels and not is_token):
            return False
    return True


def _states(cells: Cells) -> np.ndarray:
    return np.zeros(np.shape(cells.values), np.uint8) if cells.state is None else np.asarray(cells.state)


def _state_of_both(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Equal states stay; what either has yet to compute is pending; else one without the other is absent."""
    pending = (one == PENDING) | (other == PENDING)
    return np.where(one == other, one, np.where(pending, np.uint8(PENDING), np.uint8(ABSENT))).astype(np.uint8)
