"""Notes as W3C Web Annotations (JSON-LD), for tools that know nothing of models.

Always true: plain JSON; every note becomes one annotation, in a collection whose first page holds them all. What the vocabulary of the W3C
has no word for (layer, head, field, the intervention) stands in terms of our own, under a prefix that the context declares, as JSON.

Source: https://www.w3.org/TR/annotation-model/ (Recommendation of 23 February 2017).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from ..fields import Place, Span
from .note import Note

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
TERMS = "urn:llmwidgets:terms:"
_JSON_TERMS = ("place", "attached")
_CONTEXTS = [
    CONTEXT,
    {"@version": 1.1, "llm": TERMS, **{f"llm:{name}": {"@id": f"{TERMS}{name}", "@type": "@json"} for name in _JSON_TERMS}},
]


def to_w3c(notes: Iterable[Note]) -> dict[str, Any]:
    """An AnnotationCollection of these notes, in their order.

    A note targets the text of its prompt: one specific resource for each span, with a text-quote and a text-position selector; a reply
    targets the annotation that it answers. `llm:place` holds the place as Place.from_json reads it.

    >>> page = to_w3c([Note("a1", "copies **Mary**", tags=("mover",))])["first"]
    >>> [body["value"] for body in page["items"][0]["body"]]
    ['copies **Mary**', 'mover']
    """
    notes = list(notes)
    known = {note.id: note for note in notes}
    name = hashlib.sha256("\n".join(note.id for note in notes).encode("utf-8", "replace")).hexdigest()[:16]
    collection: dict[str, Any] = {
        "@context": _CONTEXTS,
        "id": f"urn:llmwidgets:notes:{name}",
        "type": "AnnotationCollection",
        "label": "Notes of llmwidgets",
        "total": len(notes),
    }
    if notes:
        page = f"{collection['id']}:page:1"
        items = [_annotation(note, known.get(note.reply_to)) for note in notes]
        collection["first"] = {"id": page, "type": "AnnotationPage", "partOf": collection["id"], "startIndex": 0, "items": items}
        collection["last"] = page
    return collection


def instant(written: str) -> str | None:
    """A time as xsd:dateTime in UTC; None for what is no time.

    >>> instant("2026-11-22T19:00:00.5+01:00"), instant("soon")
    ('2026-11-22T18:00:00.500000Z', None)
    """
    try:
        text = written[:-1] + "+00:00" if written[-1:] in ("Z", "z") else written
        time = datetime.fromisoformat(_whole_fraction(text))
        time = time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return time.isoformat().replace("+00:00", "Z")


def _whole_fraction(text: str) -> str:
    """Fractions of a second with three or six digits, as Python 3.10 wants them."""
    head, point, tail = text.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}" if point and digits else text


def _annotation(note: Note, parent: Note | None) -> dict[str, Any]:
    purpose = "replying" if note.reply_to else "commenting"
    told: dict[str, Any] = {
        "id": _urn("note", note.id),
        "type": "Annotation",
        "motivation": [purpose, "questioning"] if note.ask else purpose,
        "created": instant(note.created),
        "modified": instant(note.modified),
        "creator": {"type": "Person", "name": note.author} if note.author else None,
        "body": _bodies(note, purpose),
        "target": _targets(note, parent),
        "llm:resolved": True if note.resolved else None,
        "llm:attached": {digest: {name: list(span) for name, span in spans.items()} for digest, spans in note.attached.items()} or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _bodies(note: Note, purpose: str) -> list[dict[str, Any]]:
    bodies = [_body(note.text, purpose, "text/markdown")]
    if note.ask:
        bodies.append(_body(note.ask, "questioning"))
    bodies += [_body(tag, "tagging") for tag in note.tags]
    if note.evidence != "unstated":
        bodies.append(_body(note.evidence, "classifying"))
    return bodies


def _body(value: str, purpose: str, form: str = "text/plain") -> dict[str, Any]:
    return {"type": "TextualBody", "value": value, "format": form, "purpose": purpose}


def _targets(note: Note, parent: Note | None) -> Any:
    place = note.place
    if note.reply_to:
        answered = _urn("note", note.reply_to)
        own = place.cursor or place.spans or place.heads or place.change is not None
        return [answered, *_resources(place)] if own and (parent is None or parent.place != place) else answered
    resources = _resources(place)
    return resources[0] if len(resources) == 1 else resources


def _resources(place: Place) -> list[dict[str, Any]]:
    base = {"type": "SpecificResource", "source": _urn("prompt", place.prompt or "unknown")}
    told = place.to_json()
    each = [{**base, **_selectors(span), "llm:span": span.coordinate} for span in place.spans] or [base]
    return [{**one, "llm:place": told} for one in each]


def _selectors(span: Span) -> dict[str, Any]:
    """Of special tokens alone there are none: they stand nowhere in the prompt's text."""
    if not span.quote or span.at < 0:
        return {}
    around = {"prefix": span.prefix, "suffix": span.suffix}
    text = {"type": "TextQuoteSelector", "exact": span.quote, **{name: value for name, value in around.items() if value}}
    return {"selector": [text, {"type": "TextPositionSelector", "start": span.at, "end": span.at + len(span.quote)}]}


def _urn(what: str, name: str) -> str:
    return f"urn:llmwidgets:{what}:{quote(name.encode('utf-8', 'replace'), safe='')}"
