"""The JSON of the `tour` trait: a step as it stands on the run that is shown, and what is not to be seen yet.

Always true: pure functions of notes and a ground. While a note asks and is not revealed, nothing of its answer is told.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ...notes.collection import NoteList
from ...notes.note import Note
from ...notes.standing import Standing, standing
from ...notes.tree import tree_of
from ...notes.words import place_words

if TYPE_CHECKING:
    from ...notes.ground import Ground


def found(notes: NoteList, id: str) -> Note | None:
    """The note as it reads now; None where it was deleted."""
    try:
        return notes[id]
    except KeyError:
        return None


def asks(note: Note, shown: Collection[str]) -> bool:
    """Whether the note is still a question. shown: ids of what was revealed."""
    return bool(note.ask) and note.id not in shown


def hidden(notes: NoteList, steps: Collection[str], shown: Collection[str]) -> list[str]:
    """Steps that ask and are not yet revealed, with whatever answers them."""
    every = list(notes)
    kept = {note.id for note in every if note.id in steps and asks(note, shown)}
    replies: dict[str, list[str]] = {}
    for note in every:
        replies.setdefault(note.reply_to, []).append(note.id)
    waiting = list(kept)
    while waiting:
        more = [id for id in replies.get(waiting.pop(), ()) if id not in kept]
        kept.update(more)
        waiting += more
    return [note.id for note in every if note.id in kept]


def step_trait(notes: NoteList, ground: Ground | None, id: str, shown: Collection[str], left: list[str]) -> dict[str, Any]:
    """What the trait says of one step. left: what could not be brought back when the view went there."""
    note = found(notes, id)
    empty = {"note": id, "text": "", "tree": None, "words": "", "why": "", "ask": "", "revealed": True}
    if note is None:
        return {**empty, "why": "this note was deleted"}
    if asks(note, shown):
        return {**empty, "ask": note.ask, "revealed": False}
    stands = Standing("detached", why="there is no run yet") if ground is None else standing(note, ground)
    here = None if stands.kind in ("choose", "detached") else stands.spans
    why = dict.fromkeys(sentence for sentence in (stands.why, *left) if sentence)
    words = place_words(note.place, here, *(((), ()) if ground is None else (ground.tokens, ground.kinds)))
    return {**empty, "text": note.text, "tree": tree_of(note.text), "words": words, "why": "; ".join(why), "ask": note.ask}
