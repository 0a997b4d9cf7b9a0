"""Notes taken out of other files, and along into them.

Always true: the other file is only read, or only added to under its own lock. Of a notebook come the notes that its views held when it
was saved: their places have neither digests nor quotes, so a note that is known already keeps what is known of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..fields import Place, Span
from . import given
from .event import Event, make_event
from .log import Log
from .opening import refresh_if_open
from .store import PATIENCE
from .trouble import of_lines, warn

_WIDGETS = "application/vnd.jupyter.widget-state+json"


def events_of_file(path: str) -> list[tuple[Event, bool]]:
    """The events of a file of notes or of a notebook, each with whether it counts only for a note that is not known.

    OSError where the file cannot be read; ValueError for a notebook that is none; a NotesFileWarning for what is set aside.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path}; expected a file of notes (.jsonl) or a notebook (.ipynb)")
    if given.is_notebook(path):
        return [(event, True) for event in _of_notebook(path)]
    reading = Log(path).read()
    aside = [*reading.aside, *([] if reading.torn is None else [reading.torn])]
    told = of_lines(aside, path)
    if told is not None:
        warn(" ".join(told))
    return [(event, False) for event in reading.events]


def write_to(path: str, events: Iterable[Event]) -> None:
    """Add to a file the events that it lacks; OSError where that cannot be done."""
    log = Log(path)
    with log.turn(PATIENCE):
        there = {event.canonical for event in log.read().events}
        lines = [event.canonical for event in events if event.canonical not in there]
        if lines:
            log.append(lines)
    refresh_if_open(path)


def _of_notebook(path: str) -> list[Event]:
    with open(path, encoding="utf-8-sig", errors="replace") as stream:
        try:
            notebook = json.load(stream)
            states = notebook.get("metadata", {}).get("widgets", {}).get(_WIDGETS, {}).get("state", {})
            models = [model.get("state", {}) for model in states.values()]
        except (ValueError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path} is no notebook ({error}); expected a file that Jupyter saved") from None
    found: dict[str, Event] = {}
    left = 0
    for number, item in enumerate(_items(models)):
        try:
            event = _event(item, number)
        except (TypeError, ValueError, AttributeError, KeyError):
            left += 1
        else:
            found.setdefault(event.note, event)
    if left:
        warn(f"{left} notes of {os.path.basename(path)} could not be read; the others were taken in.")
    return list(found.values())


def _items(models: Iterable[Any]) -> Iterator[Any]:
    for model in models:
        noted = model.get("noted") if isinstance(model, dict) else None
        if isinstance(noted, dict) and isinstance(noted.get("items"), list):
            yield from noted["items"]


def _event(item: Mapping[str, Any], number: int) -> Event:
    """The one event of a note as a view told it, by its number there. Its clock is 0: whatever the note's own file says comes after; its
    id is made of its content, so that all who load the notebook write the same, and begins with the number, which keeps their order."""
    values = {
        "text": item["text"],
        "place": _place(item.get("about") or {}, item.get("field") or "").to_json(),
        "tags": item.get("tags") or [],
        "author": item.get("author") or "",
        "evidence": item.get("evidence") or "unstated",
        "resolved": bool(item.get("resolved")),
        "reply_to": item.get("reply") or "",
        "ask": item.get("ask") or "",
    }
    content = json.dumps([item["id"], values], sort_keys=True).encode()
    id = f"{number % 2**16:04x}{hashlib.blake2b(content, digest_size=6).hexdigest()}"
    event = make_event(item["id"], 0, values, at=item.get("created") or "", id=id)
    if "text" not in event.values or "place" not in event.values:
        raise ValueError("; ".join(event.complaints))
    return event


def _place(about: Mapping[str, Any], field: str) -> Place:
    cursor = {name: about[name] for name in ("layer", "head") if about.get(name) is not None}
    spans = tuple(Span(name, *about[name]) for name in ("query", "key") if about.get(name) is not None)
    change = dict(about.get("change") or {})
    how = change.pop("how", None)
    change |= {"replacement": {"how": how}} if isinstance(how, str) else {}
    return Place(field, cursor, spans, tuple((layer, head) for layer, head in about.get("heads") or ()), change or None)
