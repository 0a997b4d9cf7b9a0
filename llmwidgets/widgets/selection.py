"""The one cursor that views share: where it stands on each coordinate, and which further heads are pinned.

Always true: every value is a whole number or None; a group of values moves as one, so that an observer that reads several
never sees half a move; changes from several threads happen one after the other, under TURN. A Selection knows no view: views
mirror it (view.py), and views with the same selection stay in step.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import traitlets

COORDINATES = ("layer", "head", "query", "key", "step", "prompt")

TURN = threading.RLock()
"""Who changes what views share waits for its turn: messages of the page come on any thread. One lock for all of them, since two
views with one selection would otherwise wait for each other."""


class _Place(traitlets.TraitType):
    """A whole number from `least` on, or None; also what NumPy and torch call whole numbers."""

    default_value = None

    def __init__(self, least: int = 0, **more: Any) -> None:
        self.least = least
        self.info_text = f"a whole number from {least} on, or None (places count from 0, not from the end)"
        super().__init__(**more)

    def validate(self, obj: Any, value: Any) -> int | None:
        if value is None:
            return None
        place = int(value.__index__()) if hasattr(value, "__index__") and not isinstance(value, bool) else None
        if place is None or place < self.least:
            self.error(obj, value)
        return place


class _Heads(traitlets.TraitType):
    """Pinned heads: a list of (layer, head), each once."""

    info_text = "a list of (layer, head) pairs of whole numbers from 0 on"

    def make_dynamic_default(self) -> list[tuple[int, int]]:
        return []

    def validate(self, obj: Any, value: Any) -> list[tuple[int, int]]:
        try:
            pairs = [(int(layer.__index__()), int(head.__index__())) for layer, head in value]
        except (TypeError, ValueError, AttributeError):
            self.error(obj, value)
        if any(layer < 0 or head < 0 for layer, head in pairs):
            self.error(obj, value)
        return list(dict.fromkeys(pairs))


class Selection(traitlets.HasTraits):
    """A cursor on the shared coordinates. `None` on a coordinate: nothing is chosen there.

    >>> selection = Selection(layer=3)
    >>> seen = []
    >>> selection.observe(lambda change: seen.append((change.name, change.new)), ["layer", "head"])
    >>> selection.move(layer=2, head=1)
    >>> seen, selection
    ([('layer', 2), ('head', 1)], Selection(layer=2, head=1))

    Observers may be called from another thread, and are called one at a time: keep them short.
    """

    layer = _Place(-1, help="-1 is the row of the embedding, where a field has one")
    head = _Place()
    query = _Place(help="position of the token that looks; the residual stream's `position` follows it")
    key = _Place(help="position of the token looked at")
    step = _Place()
    prompt = _Place()
    heads = _Heads()

    def __init__(self, **places: Any) -> None:
        unknown = sorted(set(places) - {*COORDINATES, "heads"})
        if unknown:
            raise TypeError(f"a Selection has no {', '.join(unknown)}; it has {', '.join(COORDINATES)} and heads")
        super().__init__(**places)
        self._id = uuid.uuid4().hex

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"a Selection has no {name!r}; it has {', '.join(COORDINATES)} and heads")
        super().__setattr__(name, value)

    def __setstate__(self, state: Any) -> None:
        """A copy stands at the same place and moves alone: a page would share the cursor of two selections with one id."""
        super().__setstate__(state)
        self._id = uuid.uuid4().hex

    @property
    def id(self) -> str:
        """Views of one page with the same id share their cursor."""
        return self._id

    def move(self, **places: Any) -> None:
        """Set several coordinates as one. Raises TypeError for a coordinate that there is not, TraitError for a wrong value."""
        unknown = sorted(set(places) - {*COORDINATES, "heads"})
        if unknown:
            raise TypeError(f"a Selection has no {', '.join(unknown)}; it has {', '.join(COORDINATES)} and heads")
        with TURN, self.hold_trait_notifications():
            for name, value in places.items():
                setattr(self, name, value)

    def to_cursor(self) -> dict[str, Any]:
        """The JSON of the `cursor` trait."""
        with TURN:
            places = {name: getattr(self, name) for name in COORDINATES}
            return {"id": self.id, **places, "heads": [list(pair) for pair in self.heads]}

    def from_cursor(self, cursor: Mapping[str, Any]) -> None:
        """Move to where a page's cursor stands."""
        self.move(**{name: cursor.get(name) for name in COORDINATES}, heads=cursor.get("heads") or [])

    def __repr__(self) -> str:
        parts = [f"{name}={value}" for name, value in _set_places(self)]
        return f"Selection({', '.join(parts)})"


def _set_places(selection: Selection) -> Iterable[tuple[str, Any]]:
    for name in COORDINATES:
        if getattr(selection, name) is not None:
            yield name, getattr(selection, name)
    if selection.heads:
        yield "heads", selection.heads
