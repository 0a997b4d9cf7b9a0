"""Notes as a sequence: read, filtered, and taken along in other forms.

Always true: nothing here changes a note or a file of notes. A NoteList is a value; Notes (notes.py) is one whose notes come and go.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .note import Note, UnknownNoteError

if TYPE_CHECKING:
    import pandas

_SHOWN = 12  # notes in a repr
_WIDE = 60  # letters of a text there


class NoteList(Sequence[Note]):
    """Some notes, in the order in which they were begun.

    >>> from llmwidgets.fields import Place
    >>> notes = NoteList([Note("6c1f", "copies **Mary**", Place(cursor={"layer": 3, "head": 1}), tags=("mover",), author="ana")])
    >>> notes
    1 note
      6c1f  layer 3 head 1  copies **Mary**  #mover  ana
    >>> notes["6c1f"] is notes[0], "6c1f" in notes, len(notes.filter(tag="mover", layer=2))
    (True, True, 0)
    """

    def __init__(self, notes: Iterable[Note] = ()) -> None:
        self._each = tuple(notes)

    def _all(self) -> tuple[Note, ...]:
        return self._each

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Note]:
        return iter(self._all())

    def __bool__(self) -> bool:
        return bool(self._all())

    def __contains__(self, wanted: object) -> bool:
        id = wanted.id if isinstance(wanted, Note) else wanted
        return any(note.id == id for note in self._all())

    def __getitem__(self, at: Any) -> Any:
        """A note by its number or its id, or a NoteList by a slice; IndexError or KeyError where there is none."""
        each = self._all()
        if isinstance(at, slice):
            return NoteList(each[at])
        if not isinstance(at, str):
            return each[at]
        for note in each:
            if note.id == at:
                return note
        raise self._unknown(at)

    def __repr__(self) -> str:
        each = self._all()
        lines = [f"{len(each)} note{'' if len(each) == 1 else 's'}{self._where()}"]
        lines += ["  " + _line(note) for note in each[:_SHOWN]]
        if len(each) > _SHOWN:
            lines.append(f"  and {len(each) - _SHOWN} more")
        return "\n".join(lines)

    def _unknown(self, id: str) -> UnknownNoteError:
        return UnknownNoteError(f"there is no note with the id {id:.80} among these {len(self._all())}")

    def _where(self) -> str:
        return ""

    def filter(
        self,
        *,
        tag: str | None = None,
        author: str | None = None,
        layer: int | None = None,
        head: int | None = None,
        field: str | None = None,
        evidence: str | None = None,
        resolved: bool | None = None,
        search: str | None = None,
    ) -> NoteList:
        """The notes that fit all that is given.

        layer, head: also those about several heads, if it is among them
        search: every one of its words is in the text, the tags, the author or the quoted tokens; large and small letters are alike
        """
        words = [] if search is None else search.casefold().split()
        return NoteList(
            note
            for note in self._all()
            if (tag is None or tag in note.tags)
            and (author is None or note.author == author)
            and ((layer is None and head is None) or _is_about(note, layer, head))
            and (field is None or note.place.field == field)
            and (evidence is None or note.evidence == evidence)
            and (resolved is None or note.resolved == resolved)
            and (not words or _has(note, words))
        )

    def replies_to(self, note: Note | str) -> NoteList:
        """The notes that answer a note."""
        id = note.id if isinstance(note, Note) else note
        return NoteList(other for other in self._all() if other.reply_to == id)

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a row a note, by id; spans of tokens as (start, stop), or None."""
        import pandas as pd

        rows = [_row(note) for note in self._all()]
        columns = list(_row(Note("", "")))
        return pd.DataFrame(rows, columns=columns).set_index("id")

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """The notes as a Markdown text with their pictures; with `path` also written there, in UTF-8."""
        from .markdown import to_markdown

        text = to_markdown(self._all())
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_w3c(self) -> dict[str, Any]:
        """The notes as a collection of the W3C Web Annotation model: plain data for `json.dump`."""
        from .web_annotation import to_w3c

        return to_w3c(self._all())


def _is_about(note: Note, layer: int | None, head: int | None) -> bool:
    pairs = [(note.layer, note.head), *note.place.heads]
    return any((layer is None or of == layer) and (head is None or at == head) for of, at in pairs)


def _has(note: Note, words: list[str]) -> bool:
    quotes = [span.quote for span in note.place.spans]
    said = "\n".join([note.text, note.ask, note.author, *note.tags, *quotes]).casefold()
    return all(word in said for word in words)


def _line(note: Note) -> str:
    about = [f"{name} {at}" for name, at in note.place.cursor.items()]
    text = " ".join(note.text.split())
    text = text if len(text) <= _WIDE else text[: _WIDE - 1] + "…"
    said = [note.id, " ".join(about), text, " ".join(f"#{tag}" for tag in note.tags), note.author, "resolved" if note.resolved else ""]
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in "  ".join(part for part in said if part))


def _row(note: Note) -> dict[str, Any]:
    spans = {name: note.place.span(name) for name in ("query", "key")}
    return {
        "id": note.id,
        "text": note.text,
        "tags": list(note.tags),
        "author": note.author,
        "evidence": note.evidence,
        "layer": note.layer,
        "head": note.head,
        "heads": list(note.place.heads),
        "field": note.place.field,
        **{name: None if span is None else (span.start, span.stop) for name, span in spans.items()},
        "quote": " → ".join(span.quote for span in spans.values() if span is not None),
        "resolved": note.resolved,
        "reply_to": note.reply_to,
        "ask": note.ask,
        "created": note.created,
        "modified": note.modified,
        "model_name": note.place.model_name,
        "model": note.place.model,
        "prompt": note.place.prompt,
        "run": note.place.run,
    }
