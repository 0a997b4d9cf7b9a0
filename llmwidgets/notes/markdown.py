"""Notes as one Markdown document that can be read, sent and diffed: a heading a finding, its text, who and when, its picture, its replies.

Always true: the text of a note is written anew out of its tree (tree.py, tree_markdown.py) within a block quote of its own, so that nothing
in it can end its block, become a heading or HTML, or define what the rest of the document means. A picture is a data: address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .note import Note
from .tree import tree_of
from .tree_markdown import code_span, escaped, markdown_of, plain_tree
from .web_annotation import instant
from .words import place_words, visible

_MOST_PICTURE = 40_000  # letters
_PICTURE = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]*={0,2}")  # base64 of what begins as a PNG does
_DEEPEST = 6  # replies to replies; those further down stand beside each other


def to_markdown(notes: Iterable[Note]) -> str:
    """The document. Notes come in their order, each with its replies below it, indented; a reply whose note is not among them stands alone.

    >>> print(to_markdown([Note("a", "copies **Mary**", author="ana", created="2026-11-22T18:00:00Z", tags=("mover",))]))
    # 1 note
    <BLANKLINE>
    ## the whole run
    <BLANKLINE>
    > copies **Mary**
    <BLANKLINE>
    ana, 2026-11-22 18:00 UTC · `mover`
    <BLANKLINE>
    """
    notes = list(notes)
    known = {note.id for note in notes}
    replies: dict[str, list[Note]] = {}
    for note in notes:
        if note.reply_to in known and note.reply_to != note.id:
            replies.setdefault(note.reply_to, []).append(note)
    answers = {note.id for each in replies.values() for note in each}
    written: set[str] = set()
    parts = [[f"# {len(notes)} note{'s' if len(notes) != 1 else ''}"]]
    # What answers each other in a circle has no beginning, and is written all the same, as it comes.
    for note in [*(note for note in notes if note.id not in answers), *notes]:
        if note.id not in written:
            parts.append(_finding(note))
            parts += [_reply(one, depth) for one, depth in _thread(note, replies, written)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _finding(note: Note) -> list[str]:
    lines = [f"## {escaped(place_words(note))}", "", *_quoted(_text(note)), "", _signed(note)]
    about = _about(note)
    lines += ["", about] if about else []
    if note.ask:
        lines += ["", f"Asked first: {escaped(visible(note.ask))}"]
    if len(note.picture) <= _MOST_PICTURE and _PICTURE.fullmatch(note.picture):
        lines += ["", f"![picture of {escaped(place_words(note))}](data:image/png;base64,{note.picture})"]
    return lines


def _reply(note: Note, depth: int) -> list[str]:
    lines = [*_quoted(_text(note)), "", _signed(note)]
    return _quoted(lines, depth)


def _thread(note: Note, replies: Mapping[str, Sequence[Note]], written: set[str]) -> Iterator[tuple[Note, int]]:
    """The replies to a note and to its replies, each once, in reading order, with how far in they stand."""
    written.add(note.id)
    waiting = [(one, 1) for one in reversed(replies.get(note.id, ()))]
    while waiting:
        one, depth = waiting.pop()
        if one.id not in written:
            written.add(one.id)
            yield one, min(depth, _DEEPEST)
            waiting += [(other, depth + 1) for other in reversed(replies.get(one.id, ()))]


def _text(note: Note) -> list[str]:
    return markdown_of(tree_of(note.text) or plain_tree(note.text))


def _signed(note: Note) -> str:
    when = instant(note.created)
    who = [escaped(visible(note.author.strip())) if note.author.strip() else "", f"{when[:16].replace('T', ' ')} UTC" if when else ""]
    parts = [
        ", ".join(part for part in who if part) or "unsigned",
        note.evidence if note.evidence != "unstated" else "",
        ", ".join(code_span(visible(tag)) for tag in note.tags if tag.strip()),
        "resolved" if note.resolved else "",
    ]
    return " · ".join(part for part in parts if part)


def _about(note: Note) -> str:
    """What was looked at, on which model, and its tokens within their prompt; the quotes are code, so that spaces are seen."""
    place = note.place
    on = [
        code_span(visible(place.field)) if place.field.strip() else "",
        f"on {escaped(visible(place.model_name))}" if place.model_name.strip() else "",
    ]
    parts = [" ".join(part for part in on if part)]
    for span in place.spans:
        at = f"{span.start}" if span.stop == span.start + 1 else f"{span.start} to {span.stop - 1}"
        words = f"{span.coordinate} {at}"
        if span.quote:
            around = [("after", f"…{span.prefix}"), ("before", f"{span.suffix}…")]
            told = [f"{where} {code_span(visible(text))}" for where, text in around if text != "…"]
            words = ", ".join([f"{words}: {code_span(visible(span.quote))}", *told])
        parts.append(words)
    return "; ".join(part for part in parts if part)


def _quoted(lines: Iterable[str], depth: int = 1) -> list[str]:
    return [f"{'> ' * depth}{line}".rstrip(" ") if not line else f"{'> ' * depth}{line}" for line in lines]
