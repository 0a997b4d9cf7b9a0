"""Writing a note in a view: what it is about on the run that is shown, which evidence its field proposes, the moment, the small picture.

Always true: what a caller gives is checked before anything is written; the moment is the view's own, with the cursor at what the note is
about. The picture is worked out apart, since it may need numbers of the run.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...fields import Place
from ...notes.ground import Ground
from ...notes.note import OF_FIELD, Note
from ...notes.picture import picture_of
from ...notes.placing import place_on
from .items import change_places

if TYPE_CHECKING:
    from ..answers import Served
    from ..inquiry.asked import Entry
    from .host import Places

log = logging.getLogger("llmwidgets")


def place_in(served: Served | None, settings: Mapping[str, str], field: str | None, given: Places) -> Place:
    """What a note is about, on the run that is shown. field: None for the one that the panel shows which draws such a place."""
    if served is None:
        if any(value is not None for value in given.values()):
            raise RuntimeError("there is no run yet for a note to stand on; wait for the capture to end, or give the view a Capture")
        return Place()
    if field is not None and field != "" and field not in served.fields:
        raise ValueError(f"field={field!r}: this run has no such field; it has {', '.join(served.fields)}")
    return place_on(Ground.of(served.capture), **given, field=_field_for(served, settings, given) if field is None else field)


def _field_for(served: Served, settings: Mapping[str, str], given: Places) -> str:
    """The field that draws such a place now, in the panels of this view."""
    has = {name for name, value in given.items() if value is not None}
    if "change" in has or not has:
        return ""
    if "head" in has or "heads" in has:
        name = settings["patternField"] if has & {"query", "key"} else settings["headField"]
    else:
        name = settings["layerField"] if "layer" in has else settings["textField"]
    return name if name in served.fields else ""


def evidence_of(served: Served | None, place: Place) -> str:
    """The level of evidence that a field proposes; an intervention is one."""
    if place.change is not None:
        return "intervened"
    if served is None or place.field not in served.fields:
        return "unstated"
    return OF_FIELD[served.fields[place.field].evidence]


def change_meant(entries: tuple[Entry, ...], told: Mapping[str, Any]) -> dict[str, Any]:
    """The intervention of the list that has these places (and changes them so, where `how` is told).

    ValueError where it is gone: what was done there nobody knows any more, and a note must not say something else.
    """
    wanted = change_places(told)
    for entry in entries:
        change = entry.change.to_json()
        places = change_places(change)
        if {**places, **wanted} == places:
            return change
    raise ValueError("this change is not on the list any more; add it again, or write the note about the head or the token itself")


def moment_at(moment: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The moment with its cursor at what the note is about."""
    cursor = dict(moment.get("cursor", {}))
    cursor.update({name: place.cursor[name] for name in ("layer", "head") if name in place.cursor})
    for coordinate in ("query", "key"):
        span = place.span(coordinate)
        now = cursor.get(coordinate)
        if span is not None and not (now is not None and span.start <= now < span.stop):
            cursor[coordinate] = span.start
    return {**moment, "cursor": cursor}


def small_picture(served: Served | None, note: Note) -> str:
    """A small PNG of what the note is about, base64; "" where there is nothing to draw."""
    place = note.place
    field = None if served is None else served.fields.get(place.field)
    if field is None:
        return ""
    spans = {span.coordinate: (span.start, span.stop) for span in place.spans}
    try:
        drawn = picture_of(
            field, layer=place.cursor.get("layer"), head=place.cursor.get("head"), query=spans.get("query"), key=spans.get("key")
        )
    except Exception as error:  # the note stands without it
        log.warning("the picture of a note could not be made", exc_info=error)
        return ""
    return "" if drawn is None else base64.b64encode(drawn).decode()
