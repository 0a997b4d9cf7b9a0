"""How a note stands on a run: on the very place, moved with its quote, to be chosen, carried over from another model, or detached.

Always true: pure; a note is never dropped, and one that is not found says why. Spans are found by anchor.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, product
from typing import Any

from ..fields import Place, Span
from .anchor import MOST_CHOICES, Found, find
from .ground import Ground
from .note import Note
from .run_text import text_of
from .words import quoted

Spans = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Standing:
    """kind: "here", "moved", "choose", "carried" or "detached"; spans: where its tokens are on this run, by coordinate ("query", "key");
    why: one sentence, "" for here; choices: for "choose", every place that it may mean, likeliest first."""

    kind: str
    spans: Spans = field(default_factory=dict)
    why: str = ""
    choices: tuple[Spans, ...] = ()


def standing(note: Note, ground: Ground) -> Standing:
    """How `note` stands on the run of `ground`.

    What a reader said of this prompt (`note.attached`) comes first, then the numbers of its tokens where model and prompt are its own, then
    their quotes. On another model the layers and heads must be there too.

    >>> from llmwidgets.notes.placing import place_on
    >>> def ground(prompt, *tokens):
    ...     return Ground("gpt2", "m1", prompt, prompt, tokens, ("text",) * len(tokens), (4, 4))
    >>> note = Note("a", "copies", place_on(ground("p1", "When", " Mary", " went"), layer=1, head=0, query=1))
    >>> standing(note, ground("p2", "So", " then", " Mary"))
    Standing(kind='moved', spans={'query': (2, 3)}, why='made on another prompt', choices=())
    """
    place = note.place
    missing = _missing(place, ground)
    if missing:
        return Standing("detached", why=missing)
    other_model = bool(place.model) and place.model != ground.model
    carried = _carried(place, ground) if other_model else ""
    kind = "carried" if other_model else "moved"

    attached = note.attached.get(ground.prompt)
    if attached is not None and _within(attached, ground):
        return Standing(kind, {name: (span[0], span[1]) for name, span in attached.items()}, carried or "put here by hand")

    spans = {span.coordinate: (span.start, span.stop) for span in place.spans}
    unknown = not place.model and not place.prompt
    same_prompt = bool(place.prompt) and place.prompt == ground.prompt
    if same_prompt and _within(spans, ground) and (not other_model or _same_text(place, ground)):
        return Standing(kind, spans, carried) if other_model else Standing("here", spans)

    if unknown and all(not span.quote for span in place.spans):
        if not _within(spans, ground):
            return Standing("detached", why=f"its tokens are past the {_tokens(ground)} of this prompt")
        return Standing("moved", spans, "the run on which it was made is not known")
    unquoted = _unquoted(place)
    if unquoted and not same_prompt:
        return Standing("detached", why=f"made on another prompt, at {unquoted}")
    why = "the run on which it was made is not known" if unknown else "" if same_prompt else "made on another prompt"
    return _by_quotes(place, ground, kind, carried or why)


def _by_quotes(place: Place, ground: Ground, kind: str, why: str) -> Standing:
    text = text_of(ground.tokens, ground.kinds)
    found = [(span, find(span, text)) for span in place.spans]
    for span, where in found:
        if not where.spans:
            return Standing("detached", why=f"{quoted(span.quote)} is not found on this prompt")
    if all(where.sure for _, where in found):
        return Standing(kind, {span.coordinate: where.spans[0] for span, where in found}, why)
    choices = _choices(found)
    if len(choices) == 1 and not any(where.within for _, where in found):
        return Standing(kind, choices[0], why)
    likely = _in_order(place, choices)[:MOST_CHOICES]
    several = {quoted(span.quote): _where(where) for span, where in found if not where.sure}
    sentence = " and ".join(f"{words} {'' if i else 'is found '}{where}" for i, (words, where) in enumerate(several.items()))
    if any(where.total > len(where.spans) for _, where in found) or len(likely) == MOST_CHOICES:
        sentence += f"; the likeliest {len(likely)} are offered"
    return Standing("choose", why=sentence if kind == "moved" else f"{sentence}; {why}", choices=tuple(likely))


def _where(found: Found) -> str:
    if not found.within:
        return f"at {found.total} places"
    return "only within another word" if found.total == 1 else f"only within other words, at {found.total} places"


def _choices(found: list[tuple[Span, Found]]) -> list[Spans]:
    """Whole choices out of the choices of each span, likeliest first: by the sum of their ranks, then as far apart as they were."""
    spans = [span for span, _ in found]
    ranked = []
    for ranks in product(*(range(len(where.spans)) for _, where in found)):
        at = [where.spans[rank] for rank, (_, where) in zip(ranks, found, strict=True)]
        apart = abs((at[-1][0] - at[0][0]) - (spans[-1].start - spans[0].start))
        ranked.append((sum(ranks), apart, ranks, {span.coordinate: place for span, place in zip(spans, at, strict=True)}))
    ranked.sort(key=lambda one: one[:3])
    choices = [one[3] for one in ranked]
    if len(found) == 2 and (spans[0].start, spans[0].stop) == (spans[1].start, spans[1].stop):
        choices = [one for one in choices if one["query"] == one["key"]] or choices  # a token that looks at itself
    return choices


def _in_order(place: Place, choices: list[Spans]) -> list[Spans]:
    """Those in which the key stands on the side of the query on which it did, where there are any: most models have no look ahead."""
    query, key = place.span("query"), place.span("key")
    if query is None or key is None:
        return choices
    ahead = key.start > query.start
    return [one for one in choices if (one["key"][0] > one["query"][0]) == ahead] or choices


def _same_text(place: Place, ground: Ground) -> bool:
    """Whether each quote stands at its own number: two tokenizers may give one list of ids different words."""
    text = text_of(ground.tokens, ground.kinds)
    for span in place.spans:
        begin, end = text.characters(span.start, span.stop)
        special = text.special(span.start, span.stop)
        if span.quote != ("".join(ground.tokens[span.start : span.stop]) if special else text.text[begin:end]):
            return False
    return True


def _missing(place: Place, ground: Ground) -> str:
    """What of the place's layers and heads this model has not, as a sentence; "" where it has all."""
    layers, most = len(ground.heads_per_layer), max(ground.heads_per_layer, default=0)
    layer, head = place.cursor.get("layer"), place.cursor.get("head")
    change = place.change or {}
    # Of k and v heads are counted as they are shared, which the number of heads bounds as well.
    changed = product(_several(change.get("layer")) or [None], _several(change.get("head")) or [None])
    for at, one in chain([(layer, head)], place.heads, changed):  # there may be very many, of which the first that is missing is named
        if at is not None and not (0 if one is not None else -1) <= at < layers:
            return f"{ground.model_name or 'this model'} has no layer {at}: its {layers} layers are 0 to {layers - 1}"
        heads = most if at is None else ground.heads_per_layer[at] if at >= 0 else 0
        if one is not None and not 0 <= one < heads:
            where = "" if at is None else f" in layer {at}"
            has = f"it has {heads} there" if heads else "it has none there"
            return f"{ground.model_name or 'this model'} has no head {one}{where}: {has}"
    return ""


def _unquoted(place: Place) -> str:
    """Positions or keys of an intervention that no span quotes, in words."""
    for name, coordinate in (("position", "query"), ("key", "key")):
        at = _several((place.change or {}).get(name))
        if at and place.span(coordinate) is None:
            return f"{name} {', '.join(map(str, at[:6]))}"
    return ""


def _several(places: Any) -> list[int]:
    each = places if isinstance(places, (list, tuple)) else [places]
    return list(dict.fromkeys(at for at in each if isinstance(at, int) and not isinstance(at, bool)))


def _within(spans: Spans, ground: Ground) -> bool:
    return all(0 <= start < stop <= len(ground.tokens) for start, stop in spans.values())


def _carried(place: Place, ground: Ground) -> str:
    name = place.model_name or "another model"
    other = " with other weights" if name == ground.model_name else ""
    return f"carried over from {name}{other}: made there, not tested on this model"


def _tokens(ground: Ground) -> str:
    return f"{len(ground.tokens)} token{'s' if len(ground.tokens) != 1 else ''}"
