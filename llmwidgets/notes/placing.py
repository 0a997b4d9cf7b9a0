"""A place out of what a caller names: layer, head, tokens, an intervention, on one run.

Always true: every coordinate is checked against the run before a place is made, and spans carry their quotes. An error says what came and
what there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import index as as_integer
from typing import Any

from ..fields import Place, Span
from .anchor import span_of, whole_words
from .ground import Ground
from .run_text import RunText, text_of

HEAD_SITES = ("z", "q", "pattern", "scores")  # k and v count their heads as they are shared


def place_on(
    ground: Ground,
    *,
    layer: int | None = None,
    head: int | None = None,
    heads: Iterable[tuple[int, int]] = (),
    query: Any = None,
    key: Any = None,
    tokens: Any = None,
    field: str = "",
    change: Any = None,
) -> Place:
    """The place of these coordinates on the run of `ground`.

    layer, head: whole numbers, counted from 0 (layer -1 is the row of the embedding; it has no heads); heads: several (layer, head)
    query (or position of the stream), key: a position, negative ones from the end; a (start, stop) span, stop excluded; or a text that
    stands once in the prompt
    tokens: the same, for a place that is about tokens alone
    field: name of the field that was looked at
    change: an intervention, or its JSON; the layer, head, positions and keys of it become the place's own where none are given
    Raises IndexError for what the run does not have, ValueError for what does not go together, TypeError for what is no coordinate.

    >>> ground = Ground("demo", "m", "p", "r", ("When", " Mary", " went"), ("text",) * 3, (4, 4))
    >>> place_on(ground, layer=1, head=2, query=-1, key=" Mary").spans[1].start
    1
    >>> place_on(ground, layer=9)
    Traceback (most recent call last):
        ...
    IndexError: layer=9 came; demo has 2 layers, 0 to 1
    """
    if tokens is not None and query is not None:
        raise ValueError(f"tokens={tokens!r} and query={query!r} came; tokens are for a place without a query: give one of them")
    text = text_of(tuple(ground.tokens), tuple(ground.kinds))
    told = None if change is None else _change(change, len(ground.tokens))
    if told is not None:
        layer = _only(told, "layer", layer)
        if told["site"] in HEAD_SITES:
            head = None if layer is None else _only(told, "head", head)
        query = _reach(told, "position") if query is None and tokens is None else query
        key = _reach(told, "key") if key is None else key
    cursor: dict[str, int] = {}
    if layer is not None:
        cursor["layer"] = _layer(layer, ground, with_head=head is not None)
    if head is not None:
        if layer is None:
            raise ValueError(f"head={head!r} came without a layer; a head is one of a layer: give layer= too")
        cursor["head"] = _head(cursor["layer"], head, ground)
    several = tuple(dict.fromkeys((_layer(one, ground, with_head=True), _head(one, other, ground)) for one, other in map(_pair, heads)))
    asked = {"query": query if tokens is None else tokens, "key": key}
    names = {"query": "query" if tokens is None else "tokens", "key": "key"}
    spans = tuple(_span(text, name, given, names[name]) for name, given in asked.items() if given is not None)
    if not isinstance(field, str):
        raise TypeError(f"field={field!r} came; expected the name of a field")
    return Place(field, cursor, spans, several, told, ground.model_name, ground.model, ground.prompt, ground.run)


def change_on(place: Place, spans: Mapping[str, tuple[int, int]]) -> dict[str, Any] | None:
    """The place's intervention with its positions and keys moved to where `spans` are on another run; None where it has none."""
    if place.change is None:
        return None
    change = dict(place.change)
    for name, coordinate in (("position", "query"), ("key", "key")):
        own, here = place.span(coordinate), spans.get(coordinate)
        if own is not None and here is not None and change.get(name) is not None:
            by = here[0] - own.start
            change[name] = change[name] + by if isinstance(change[name], int) else [at + by for at in change[name]]
    return change


def _span(text: RunText, coordinate: str, given: Any, name: str) -> Span:
    start, stop = _found(text, given, name) if isinstance(given, str) else _ends(given, len(text.tokens), name)
    return span_of(text, coordinate, start, stop)


def _found(text: RunText, quote: str, name: str) -> tuple[int, int]:
    if not quote:
        raise ValueError(f"{name}='' came; expected a text that stands in the prompt, a position, or (start, stop)")
    spans = [text.covering(at, at + len(quote)) for at in whole_words(text.text, quote)]
    spans += [(i, i + 1) for i, token in enumerate(text.tokens) if token == quote and text.kinds[i] == "special"]
    spans = list(dict.fromkeys(spans))
    if not spans:
        raise ValueError(f"{name}={quote!r} is not in the prompt, which reads {_cut(text.text)!r}")
    if len(spans) > 1:
        where = ", ".join(f"({start}, {stop})" for start, stop in spans[:6])
        more = f" and {len(spans) - 6} more" if len(spans) > 6 else ""
        raise ValueError(f"{name}={quote!r} is in the prompt {len(spans)} times; give one of the spans {where}{more}")
    return spans[0]


def _ends(given: Any, n_tokens: int, name: str) -> tuple[int, int]:
    """Where the tokens meant by a position or a span begin and end, counted from 0."""
    if isinstance(given, (slice, range)):
        if given.step not in (None, 1):
            raise ValueError(f"{name}={given!r} came; a span has no steps: give (start, stop)")
        given = (0 if given.start is None else given.start, n_tokens if given.stop is None else given.stop)
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        if len(given) != 2:
            raise ValueError(f"{name}={given!r} came; a span is (start, stop), stop excluded")
        start, stop = (_whole(end, name) for end in given)
        from_end = tuple(end + n_tokens if end < 0 else end for end in (start, stop))
        if not 0 <= from_end[0] <= n_tokens or not 0 <= from_end[1] <= n_tokens:
            raise IndexError(f"{name}=({start}, {stop}) came; the prompt has {n_tokens} tokens, 0 to {n_tokens - 1}")
        if from_end[0] >= from_end[1]:
            raise ValueError(f"{name}=({start}, {stop}) holds no token; a span is (start, stop), stop excluded")
        return from_end[0], from_end[1]
    at = _whole(given, name)
    if not -n_tokens <= at < n_tokens:
        raise IndexError(f"{name}={at} came; the prompt has {n_tokens} tokens, 0 to {n_tokens - 1}")
    return at % n_tokens, at % n_tokens + 1


def _layer(layer: Any, ground: Ground, with_head: bool) -> int:
    at, n_layers = _whole(layer, "layer"), len(ground.heads_per_layer)
    if not (0 if with_head else -1) <= at < n_layers:
        raise IndexError(f"layer={at} came; {ground.model_name or 'the model'} has {n_layers} layers, 0 to {n_layers - 1}")
    return at


def _head(layer: Any, head: Any, ground: Ground) -> int:
    at, heads = _whole(head, "head"), ground.heads_per_layer[_whole(layer, "layer")]
    if not 0 <= at < heads:
        has = f"has {heads} heads, 0 to {heads - 1}" if heads else "has no attention heads"
        raise IndexError(f"head={at} came; layer {layer} of {ground.model_name or 'the model'} {has}")
    return at


def _pair(given: Any) -> tuple[Any, Any]:
    try:
        layer, head = given
    except (TypeError, ValueError):
        raise TypeError(f"heads holds {given!r}; expected pairs (layer, head)") from None
    return layer, head


def _change(change: Any, n_tokens: int) -> dict[str, Any]:
    """The JSON of an intervention, positions and keys counted from 0."""
    raw = change.to_json() if hasattr(change, "to_json") else change
    if not isinstance(raw, Mapping) or not isinstance(raw.get("site"), str):
        raise TypeError(f"change={change!r:.200} came; expected one Intervention, or its JSON")
    told = {name: value for name, value in raw.items() if value is not None}
    for name in ("position", "key"):
        at = told.get(name)
        if at is None:
            continue
        each = [_whole(one, name) for one in (at if isinstance(at, (list, tuple)) else [at])]
        outside = [one for one in each if not -n_tokens <= one < n_tokens]
        if outside:
            raise IndexError(f"the change is at {name} {outside[0]}; the prompt has {n_tokens} tokens, 0 to {n_tokens - 1}")
        told[name] = [one % n_tokens for one in each] if isinstance(at, (list, tuple)) else each[0] % n_tokens
    return told


def _only(change: Mapping[str, Any], name: str, given: Any) -> Any:
    """What was given, or the one layer or head that an intervention is of."""
    places = change.get(name)
    if given is not None or places is None:
        return given
    each = list(places) if isinstance(places, (list, tuple)) else [places]
    return each[0] if len(each) == 1 else None


def _reach(change: Mapping[str, Any], name: str) -> tuple[int, int] | None:
    """The span from an intervention's first position (or key) to its last; None where it is everywhere."""
    places = change.get(name)
    if places is None or places == []:
        return None
    each = places if isinstance(places, list) else [places]
    return min(each), max(each) + 1


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, bool):
        try:
            return as_integer(value)
        except TypeError:
            pass
    raise TypeError(f"{name}={value!r} came; expected a whole number" + (" or (start, stop)" if name in ("query", "key", "tokens") else ""))


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
