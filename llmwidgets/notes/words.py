"""Places in words, alike on cards and in exports: "L3H1 · “ to” → “ Mary”".

Always true: plain text out of data; what cannot be seen in a token (a newline, a control character) becomes a sign, and long quotes are
shortened in their middle. The page says its own places in the same style (js/src/views/words.ts).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..fields import Place
from .note import Note
from .placing import change_on
from .run_text import text_of

LONGEST_QUOTE = 24  # letters
_MOST_HEADS = 6
_UNSEEN = re.compile("[\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DONE = {"zero": "set to zero", "mean": "set to a mean", "other": "taken from another prompt", "own": "held as in the clean run"}
_SIGNS = {"\n": "⏎", "\r": "⏎", "\t": "⇥"}


def place_words(
    of: Note | Place,
    spans: Mapping[str, tuple[int, int]] | None = None,
    tokens: Sequence[str] = (),
    kinds: Sequence[str] = (),
    *,
    numbered: bool = False,
) -> str:
    """What a note or a place is about, as a short line.

    spans: where its tokens are on the run of `tokens` (kinds: theirs); None: in the words that the place keeps, as for a detached note
    numbered: with the positions, so that choices of the same words can be told apart

    >>> place_words(Place(cursor={"layer": 3, "head": 1}), {"query": (1, 2), "key": (0, 1)}, ["Mary", " gave"])
    'L3H1 · “ gave” → “Mary”'
    >>> place_words(Place())
    'the whole run'
    """
    place = of.place if isinstance(of, Note) else of
    query, key = (_span_words(place, name, spans, tokens, kinds, numbered) for name in ("query", "key"))
    if place.change is not None:
        return change_words(place, spans)
    if place.field == "next_token" and query and not key:
        query = f"after {query}"
    looks = query + (f" → {key}" if query else f"→ {key}") if key else query
    rest = [f"{name} {at}" for name, at in place.cursor.items() if name in ("neuron", "step", "prompt")]
    return " · ".join(part for part in (_model_words(place), looks, *rest) if part) or "the whole run"


def head_short(layer: int, head: int) -> str:
    """A head where there is little room."""
    return f"L{layer}H{head}"


def layer_name(layer: int) -> str:
    """A layer in words: the embedding's row of the logit lens has the number -1."""
    return "embedding" if layer < 0 else f"layer {layer}"


def quoted(text: str) -> str:
    """A piece of a prompt within a sentence.

    >>> quoted("When Mary and John went to the store")
    '“When Mary an…o the store”'
    """
    return f"“{visible(shortened(text))}”"


def visible(text: str) -> str:
    """The text with a sign for each character that cannot be seen."""
    return _UNSEEN.sub(lambda sign: _SIGNS.get(sign[0], f"U+{ord(sign[0]):04X}"), text)


def shortened(text: str, longest: int = LONGEST_QUOTE) -> str:
    """The text, its middle left out where it is longer."""
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - 1 - head) :]}"


def change_words(place: Place, spans: Mapping[str, tuple[int, int]] | None = None) -> str:
    """The intervention of a place, as the list of changes says it, with its positions where `spans` are. Of what took the place of what
    there was it says no more than is known."""
    from ..experiments.intervention import Intervention

    change: Mapping[str, Any] = change_on(place, spans or {}) or {}
    told = {name: value for name, value in change.items() if value is not None and name not in ("name", "replacement")}
    replacement = change.get("replacement")
    try:
        try:
            if replacement is not None:
                return Intervention.from_json({**told, "replacement": replacement}).in_words
        except (TypeError, ValueError, KeyError, AttributeError):
            pass  # such as a mean of which the prompts did not come along
        how = replacement.get("how") if isinstance(replacement, Mapping) else None
        done = _DONE.get(how, "changed") if isinstance(how, str) else "changed"
        return Intervention.from_json(told).in_words.replace("set to zero", done, 1)
    except (TypeError, ValueError, KeyError, AttributeError):  # written by a later version, or by hand
        return f"a change of {change.get('site') or 'something'!s:.40}"


def _model_words(place: Place) -> str:
    layer, head = place.cursor.get("layer"), place.cursor.get("head")
    if place.heads:
        names = [f"{one}.{other}" for one, other in place.heads[:_MOST_HEADS]]
        more = len(place.heads) - len(names)
        return f"head{'s' if len(place.heads) > 1 else ''} {', '.join(names)}" + (f" and {more} more" if more else "")
    if head is not None:
        return head_short(layer, head) if layer is not None else f"head {head}"
    return "" if layer is None else layer_name(layer)


def _span_words(
    place: Place,
    coordinate: str,
    spans: Mapping[str, tuple[int, int]] | None,
    tokens: Sequence[str],
    kinds: Sequence[str],
    numbered: bool,
) -> str:
    if spans is not None and coordinate in spans:
        start, stop = spans[coordinate]
        within = 0 <= start < stop <= len(tokens)
        words = quoted(_text(tokens, kinds, start, stop)) if within else _positions(start, stop)
        return f"{words} at {_positions(start, stop)}" if numbered and within else words
    own = place.span(coordinate)
    if own is None:
        return ""
    return quoted(own.quote) if own.quote else _positions(own.start, own.stop)


def _text(tokens: Sequence[str], kinds: Sequence[str], start: int, stop: int) -> str:
    if kinds and any(kind in ("byte", "id", "word", "rest") for kind in kinds[start:stop]):
        text = text_of(tuple(tokens), tuple(kinds))
        begin, end = text.characters(start, stop)
        return text.text[begin:end]
    return "".join(tokens[start:stop])


def _positions(start: int, stop: int) -> str:
    return f"position {start}" if stop == start + 1 else f"positions {start} to {stop - 1}"
