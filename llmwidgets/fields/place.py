"""A place: what a note, a tour, a link or a restored view points at.

Always true: a place is plain JSON of a field's name, a cursor, spans of tokens with their quotes, and the fingerprint of the run that it
was made on. Whether it still fits another run is for the reader of a place to decide (`matches` says whether it is the same run).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Span:
    """Tokens from `start` to `stop` (excluded), with the text that stood there."""

    start: int
    stop: int
    quote: str = ""


@dataclass(frozen=True)
class Place:
    """A field, a cursor, spans of tokens and a run's fingerprint.

    >>> place = Place("attention", {"layer": 3, "head": 1, "query": 13}, (Span(2, 4, " Mary and"),), "9f3c")
    >>> Place.from_json(place.to_json()) == place
    True
    """

    field: str
    cursor: Mapping[str, int] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    fingerprint: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "cursor": dict(self.cursor),
            "spans": [{"start": span.start, "stop": span.stop, "quote": span.quote} for span in self.spans],
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_json(cls, raw: Any) -> Place:
        """The place that `to_json` wrote; ValueError for anything else."""
        try:
            spans = tuple(Span(int(span["start"]), int(span["stop"]), str(span["quote"])) for span in raw["spans"])
            cursor = {str(coordinate): int(place) for coordinate, place in raw["cursor"].items() if place is not None}
            return cls(str(raw["field"]), cursor, spans, str(raw["fingerprint"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{raw!r} is no place; expected an object with field, cursor, spans and fingerprint") from error

    def matches(self, fingerprint: str) -> bool:
        """Whether the run with this fingerprint is the one that the place was made on."""
        return bool(self.fingerprint) and self.fingerprint == fingerprint
