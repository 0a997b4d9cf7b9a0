"""The methods by which the page writes notes, returns to their moments and plays a tour.

Always true: each says at once whether it was taken; what follows shows in the traits. What comes from the page is checked here, for its
form; that a run has such places, and what a note may hold, is checked where it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from ...notes.note import Note
from ...notes.standing import standing
from ..failures import BadRequest
from ..inquiry.asking import method_of
from ..rpc import Answer, Method
from ..selection import Selection
from .writing import change_meant, place_in

if TYPE_CHECKING:
    from .host import Host

_WRITTEN = ("text", "tags", "evidence", "ask", "resolved")


def noting_methods(view: Host) -> dict[str, Method]:
    """The methods, by name."""
    methods: dict[str, Callable[[Host, Mapping[str, Any]], Answer | None]] = {"note": _note, "return": _return, "tour": _tour}
    return {name: method_of(view, ask) for name, ask in methods.items()}


def _note(view: Host, params: Mapping[str, Any]) -> Answer | None:
    notes, op = view.board.notes, params.get("op")
    if op == "add":
        return Answer({"accepted": True, "id": _add(view, params).id})
    if op == "edit":
        notes.edit(_id(params), **{name: params[name] for name in _WRITTEN if name in params})
    elif op == "remove":
        notes.remove(_id(params))
    elif op == "undo":
        notes.undo()
    elif op == "attach":
        _attach(view, notes[_id(params)], _about(params))
    else:
        raise BadRequest(f"op={op!r:.80} came; expected add, edit, remove, undo or attach")
    return None


def _add(view: Host, params: Mapping[str, Any]) -> Note:
    about, notes = _about(params), view.board.notes
    parent = params.get("reply")
    given: dict[str, Any] = {name: about.get(name) for name in ("layer", "head", "query", "key")}
    if about.get("heads"):
        given["heads"] = about["heads"]
    if isinstance(about.get("change"), Mapping):
        given["change"] = change_meant(view.inquiry.entries(), about["change"])
    if view.served is None and parent is None:
        raise RuntimeError("there is no run yet for a note to stand on; wait for the capture to end")
    place = notes[parent].place if isinstance(parent, str) else place_in(view.served, view.settings, _text(params, "field"), given)
    author = _text(params, "author") if "author" in params else notes.author
    note = view.write(
        _text(params, "text"),
        place,
        evidence=params.get("evidence") or ("unstated" if isinstance(parent, str) else None),
        tags=params.get("tags", ()),
        ask=_text(params, "ask"),
        reply_to=parent if isinstance(parent, str) else None,
        author=author,
        cursor=_cursor(params),
    )
    notes.author = author  # who signs what is written next
    served = view.served
    view.later(lambda: view.draw(note, served))
    return note


def _attach(view: Host, note: Note, about: Mapping[str, Any]) -> None:
    ground = view.board.ground
    if ground is None:
        raise RuntimeError("there is no run yet to attach a note to")
    chosen = {name: tuple(about[name]) for name in ("query", "key") if about.get(name) is not None}
    if chosen not in [dict(spans) for spans in standing(note, ground).choices]:
        raise ValueError("this is none of the places where the note may belong; the prompt may have changed meanwhile")
    view.board.notes.attach(note, ground.prompt, chosen)


def _return(view: Host, params: Mapping[str, Any]) -> Answer:
    note = params.get("note")
    if note is not None and not isinstance(note, str):
        raise BadRequest(f"note must be the id of one, or null; {note!r:.80} came")
    # The page shows the note's place before the kernel hears of the click.
    return Answer({"accepted": True, "left": view.return_to(note, bool(params.get("prompt", False)), stood=_cursor(params))})


def _tour(view: Host, params: Mapping[str, Any]) -> None:
    tour, op = view.touring, params.get("op")
    if tour is None:
        raise BadRequest("no tour is playing in this view", "start one: lw.tour(view, notes)")
    if op == "go":
        at = params.get("at")
        if not isinstance(at, int) or isinstance(at, bool):
            raise BadRequest(f"at must be a whole number; {at!r:.80} came")
        tour.go(at)
    elif op == "guess":
        tour.guess(_text(params, "text"))
    elif op == "reveal":
        tour.reveal()
    elif op == "end":
        tour.end()
    else:
        raise BadRequest(f"op={op!r:.80} came; expected go, guess, reveal or end")


def _id(params: Mapping[str, Any]) -> str:
    if not isinstance(params.get("id"), str):
        raise BadRequest(f"id must be the id of a note; {params.get('id')!r:.80} came")
    return params["id"]


def _cursor(params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where the page's cursor stands, or stood."""
    if params.get("cursor") is None:
        return None
    probe = Selection()
    try:
        probe.from_cursor(params["cursor"])
    except (traitlets.TraitError, TypeError, AttributeError) as error:
        raise BadRequest(f"cursor={params['cursor']!r:.200} came; expected an object like the trait of that name") from error
    return probe.to_cursor()


def _about(params: Mapping[str, Any]) -> Mapping[str, Any]:
    about = {} if params.get("about") is None else params["about"]
    if not isinstance(about, Mapping):
        raise BadRequest(f"about must be an object; {about!r:.80} came")
    return {name: tuple(value) if name in ("query", "key") and isinstance(value, list) else value for name, value in about.items()}


def _text(params: Mapping[str, Any], name: str) -> str:
    text = params.get(name, "")
    if not isinstance(text, str):
        raise BadRequest(f"{name} must be a text; {text!r:.80} came")
    return text
