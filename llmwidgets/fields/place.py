"""A place: what a note, a tour, a link or a restored view points at.

Always true: a place is plain JSON. It says by meaning where something was: coordinates of the model, stretches of tokens with the text that
stood there and around it, and digests of the model, the prompt and the run. Whether it still fits another run is for the reader of a place
to decide (notes/standing.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Span:
    """Tokens from `start` to `stop` (excluded) on "query" (which `position` shares) or "key", with the text that stood there.

    quote, prefix, suffix: the text of the tokens and what stood before and after it, as the W3C's text-quote selector has them
    at: where the quote began in the run's text, in characters, as the text-position selector has it; -1 for special tokens alone, which
        are quoted as they are written and stand nowhere in the text
    """

    coordinate: str
    start: int
    stop: int
    quote: str = ""
    prefix: str = ""
    suffix: str = ""
    at: int = 0


@dataclasses.dataclass(frozen=True)
class Place:
    """A field, a cursor, spans of tokens, an intervention, and the run that it was made on.

    field: name of the field that was looked at, "" for none
    cursor: the coordinates of the model that it means: layer, head (and step, prompt, neuron)
    spans: of queries (or positions) and keys; heads: several (layer, head)
    change: the JSON of an intervention, where the place is one
    model, prompt, run: digests of the model, of the prompt's tokens, and of both with what was changed; model_name for people

    >>> place = Place("attention", {"layer": 3, "head": 1}, (Span("query", 13, 14, " to"),), run="9f3c")
    >>> Place.from_json(place.to_json()) == place
    True
    """

    field: str = ""
    cursor: Mapping[str, int] = dataclasses.field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    heads: tuple[tuple[int, int], ...] = ()
    change: Mapping[str, Any] | None = None
    model_name: str = ""
    model: str = ""
    prompt: str = ""
    run: str = ""

    def span(self, coordinate: str) -> Span | None:
        """The span on a coordinate, if there is one."""
        return next((span for span in self.spans if span.coordinate == coordinate), None)

    def to_json(self) -> dict[str, Any]:
        """Plain data, without what is empty."""
        spans = [{name: value for name, value in vars(span).items() if value != "" or name == "quote"} for span in self.spans]
        told = {
            "field": self.field,
            "cursor": dict(self.cursor),
            "spans": spans,
            "heads": [list(head) for head in self.heads],
            "change": None if self.change is None else dict(self.change),
            "model_name": self.model_name,
            "model": self.model,
            "prompt": self.prompt,
            "run": self.run,
        }
        return {name: value for name, value in told.items() if value not in ("", [], {}, None)}

    @classmethod
    def from_json(cls, raw: Any) -> Place:
        """The place that `to_json` wrote; ValueError for anything else."""
        try:
            spans = tuple(_span(span) for span in raw.get("spans", ()))
            cursor = {str(name): _whole(at) for name, at in raw.get("cursor", {}).items() if at is not None}
            heads = tuple((_whole(layer), _whole(head)) for layer, head in raw.get("heads", ()))
            change = raw.get("change")
            if change is not None and not isinstance(change, Mapping):
                raise TypeError
            words = [_text(raw.get(name, "")) for name in ("field", "model_name", "model", "prompt", "run")]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{raw!r:.200} is no place; expected an object with field, cursor, spans and run") from error
        return cls(words[0], cursor, spans, heads, None if change is None else dict(change), *words[1:])


def _span(raw: Mapping[str, Any]) -> Span:
    if raw["coordinate"] not in ("query", "key"):
        raise ValueError
    texts = [_text(raw.get(name, "")) for name in ("quote", "prefix", "suffix")]
    return Span(raw["coordinate"], _whole(raw["start"]), _whole(raw["stop"]), *texts, _whole(raw.get("at", 0)))


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
