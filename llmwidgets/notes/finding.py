"""The fields of a new note, out of what a caller gives.

Always true: everything is checked here, before a file or another note is looked at; what is empty is left out. What a place may be on a
run is placing.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..fields import Place
from . import given
from .note import OF_FIELD

if TYPE_CHECKING:
    from ..capture import Capture


def finding(
    text: str,
    place: Place | None,
    *,
    tags: Iterable[str],
    author: str,
    evidence: str,
    ask: str,
    reply_to: str,
    moment: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What the first event of a note sets, as JSON has it. Without a place, `place` is {}.

    >>> finding("hm", None, tags=[], author="ana", evidence="observed", ask="", reply_to="", moment=None)
    {'text': 'hm', 'place': {}, 'author': 'ana', 'evidence': 'observed'}
    """
    values = {
        "tags": given.tags(tags),
        "author": given.author(author),
        "evidence": given.evidence(evidence),
        "ask": given.ask(ask),
        "reply_to": reply_to,
        "moment": None if moment is None else given.moment(moment),
    }
    first = {"text": given.text(text), "place": {} if place is None else given.place(place)}
    return {**first, **{name: value for name, value in values.items() if value not in ("", [], None)}}


def place_of(place: Place | None, run: Capture | None, coordinates: Mapping[str, Any], field: str | None) -> Place | None:
    """The place that was named, in one way or the other; None where none was."""
    named = [name for name, value in coordinates.items() if value is not None]
    if place is not None:
        if run is not None or named or field is not None:
            beside = ", ".join(named) or ("field" if run is None else "run")
            raise ValueError(f"place= came with {beside}; a place says it all: give one or the other")
        return place
    if field is not None and not isinstance(field, str):
        raise TypeError(f"field={field!r:.80} is of type {type(field).__name__}; expected the name of a field such as 'attention'")
    if run is None:
        if named:
            raise ValueError(f"{', '.join(named)} came without a run; give run= as well, or place=, or use view.annotate")
        return None if field is None else Place(field)
    from .ground import Ground
    from .placing import place_on

    return place_on(Ground.of(run), **coordinates, field=field or "")


def evidence_of(run: Capture | None, field: str | None) -> str:
    """The level of evidence that the looked at field gives; "unstated" where the run does not know the field."""
    return OF_FIELD[run.field(field).evidence] if run is not None and field in run.fields else "unstated"
