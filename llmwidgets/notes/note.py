"""A note: one finding, as it reads now.

Always true: a Note is a value, made by merging the events of a file (merge.py); nothing here knows of files, runs or the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..fields import Place

EVIDENCE = ("observed", "attributed", "correlated", "intervened", "unstated")
#: What a note may say of its evidence, by the evidence of the field that it was made in.
OF_FIELD = {
    "observation": "observed",
    "attribution": "attributed",
    "correlation": "correlated",
    "intervention": "intervened",
    "unstated": "unstated",
}
LONGEST_TEXT = 20_000  # letters
LONGEST_NAME = 200  # of an author or a tag
MOST_TAGS = 50
MOST_HEADS = 20_000  # more than models have


class UnknownNoteError(KeyError):
    """A note that is not there, never was, or was deleted; the message says which."""

    def __str__(self) -> str:  # KeyError shows its message's repr
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True)
class Note:
    """One finding.

    id: a random name; text: in Markdown; place: what it is about, as it was when it was made
    tags, author, evidence (one of EVIDENCE), resolved; reply_to: the id of the note that it answers
    ask: a question that a tour asks before it shows the note
    created, modified: UTC, ISO 8601, as the clocks of the writers had it: to be read, not to be ordered by
    moment: the snapshot of the view in which it was made (`view.restore` takes it), or None
    picture: a small PNG of the finding, base64, or ""
    attached: where a reader said that it belongs on other prompts: by the prompt's digest, spans as {coordinate: (start, stop)}
    """

    id: str
    text: str
    place: Place = field(default_factory=Place)
    tags: tuple[str, ...] = ()
    author: str = ""
    evidence: str = "unstated"
    resolved: bool = False
    reply_to: str = ""
    ask: str = ""
    created: str = ""
    modified: str = ""
    moment: Mapping[str, Any] | None = None
    picture: str = ""
    attached: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)

    @property
    def layer(self) -> int | None:
        """The layer that it is about, if it is about one."""
        return self.place.cursor.get("layer")

    @property
    def head(self) -> int | None:
        """The head that it is about, if it is about one."""
        return self.place.cursor.get("head")
