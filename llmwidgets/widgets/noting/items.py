"""The JSON of the `noted` trait: each note as it stands on the run that is shown.

Always true: pure functions of notes and a ground; what they give is bounded, since it is saved with a notebook (at most 1 MB, those that
stand on this run first). Where a note belongs, notes/standing.py says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...fields import Place
from ...notes.ground import Ground
from ...notes.note import Note
from ...notes.placing import change_on
from ...notes.standing import Spans, Standing, standing
from ...notes.tree import tree_of
from ...notes.words import place_words
from .moment import prompt_given

MOST_BYTES = 1_000_000
_PLACES = ("layer", "head", "position", "key", "neuron")


class Items:
    """Makes the items of notes, and keeps them: a note that has not changed, on the same prompt, is not worked out again."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Note, tuple[Any, ...], dict[str, Any], int]] = {}

    def of(self, notes: Iterable[Note], ground: Ground | None, editable: bool) -> tuple[list[dict[str, Any]], int]:
        """The items that may travel, in the order of the notes, and how many were left out."""
        basis = () if ground is None else (ground.model, ground.prompt, ground.tokens, editable)
        kept = {}
        for note in notes:
            known = self._kept.get(note.id)
            if known is None or known[0] != note or known[1] != basis:
                item = item_of(note, ground, editable)
                known = (note, basis, item, len(json.dumps(item)))
            kept[note.id] = known
        self._kept = kept
        found = [(item, size) for _, _, item, size in kept.values()]
        fits = _fitting([(item["standing"] == "detached", size) for item, size in found])
        return [item for at, (item, _) in enumerate(found) if at in fits], len(found) - len(fits)


def _fitting(each: list[tuple[bool, int]]) -> set[int]:
    """Which of them fit into what may travel: those that are not detached first, of these the newest. One too large keeps no other away."""
    fits, used = set(), 0
    for at in sorted(range(len(each)), key=lambda at: (each[at][0], -at)):
        size = each[at][1]
        if used + size <= MOST_BYTES:
            used += size
            fits.add(at)
    return fits


def item_of(note: Note, ground: Ground | None, editable: bool) -> dict[str, Any]:
    """One item of the trait."""
    found = Standing("detached", why="there is no run yet") if ground is None else standing(note, ground)
    text = ((), ()) if ground is None else (ground.tokens, ground.kinds)
    stands = found.kind not in ("choose", "detached")
    own = None if ground is None else _other_prompt(note, ground)
    return {
        "id": note.id,
        "text": note.text,
        "tree": tree_of(note.text),
        "tags": list(note.tags),
        "author": note.author,
        "evidence": note.evidence,
        "created": note.created,
        "edited": note.modified > note.created,
        "resolved": note.resolved,
        "reply": note.reply_to or None,
        "ask": note.ask,
        "field": note.place.field,
        "standing": found.kind,
        "why": found.why,
        "about": about_of(note.place, found.spans) if stands else None,
        "words": place_words(note.place, found.spans if stands else None, *text),
        "choices": [
            {"about": about_of(note.place, spans), "words": place_words(note.place, spans, *text, numbered=True)} for spans in found.choices
        ],
        "prompt": own if editable else None,
    }


def about_of(place: Place, spans: Spans) -> dict[str, Any]:
    """What a place means on a run where its tokens are at these spans."""
    change = change_on(place, spans)
    return {
        "layer": place.cursor.get("layer"),
        "head": place.cursor.get("head"),
        "heads": [list(head) for head in place.heads],
        "query": _listed(spans.get("query")),
        "key": _listed(spans.get("key")),
        "change": None if change is None else change_places(change),
    }


def change_places(change: Mapping[str, Any]) -> dict[str, Any]:
    """An intervention's places, as the `changes` trait tells them."""
    places = {"site": str(change.get("site", "")), **{name: _several(change.get(name)) for name in _PLACES}}
    how = change.get("how") or (change.get("replacement") or {}).get("how")
    return {**places, "how": how} if isinstance(how, str) else places


def _several(places: Any) -> list[int] | None:
    return None if places is None else [places] if isinstance(places, int) else list(places)


def _listed(span: tuple[int, int] | None) -> list[int] | None:
    return None if span is None else list(span)


def _other_prompt(note: Note, ground: Ground) -> str | None:
    told = (note.moment or {}).get("prompt")
    if not isinstance(told, Mapping) or told.get("digest") == ground.prompt:
        return None
    given = prompt_given(told)
    return given if isinstance(given, str) else None if given is None else f"{len(given)} token ids"
