"""What a caller gives for a note, held to the bounds of note.py.

Always true: pure; TypeError or ValueError says what came, what was expected and what to do; the answer is what JSON has for it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..fields import Place
from .note import EVIDENCE, LONGEST_NAME, LONGEST_TEXT, MOST_TAGS, Note

LARGEST_MOMENT = 4_000_000  # letters of JSON
LARGEST_PICTURE = 2_000_000  # letters of base64
_PICTURE = re.compile(r"(iVBORw0KGgo[A-Za-z0-9+/]*={0,2})?")
_LONE = re.compile("[\ud800-\udfff]")


def text(given: Any) -> str:
    """The text of a note."""
    words = _str("text", given, "in Markdown, such as 'copies **Mary**'")
    if not words.strip():
        raise ValueError("text is empty; a note says something: give it a few words")
    return _short("text", words, LONGEST_TEXT)


def ask(given: Any) -> str:
    """A question that a tour asks first; "" for none."""
    return _short("ask", _str("ask", given, "a question, or ''"), LONGEST_TEXT)


def author(given: Any) -> str:
    """A name; "" for none."""
    return _short("author", _str("author", given, "a name, or ''").strip(), LONGEST_NAME)


def tags(given: Any) -> list[str]:
    """Tags, each once.

    >>> tags(("mover", " mover", "L3"))
    ['mover', 'L3']
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"tags={given!r:.80} is {_kind(given)}; expected a list of texts such as tags=['mover']")
    each = [_str("a tag", tag, "such as 'mover'").strip() for tag in given]
    if not all(each):
        raise ValueError("a tag is empty; leave it out")
    if len(each) > MOST_TAGS:
        raise ValueError(f"{len(each)} tags came; expected {MOST_TAGS} at most")
    return list(dict.fromkeys(_short("a tag", tag, LONGEST_NAME) for tag in each))


def evidence(given: Any) -> str:
    """One of EVIDENCE."""
    if given not in EVIDENCE:
        raise ValueError(f"evidence={given!r:.80} is no level of evidence; expected one of {', '.join(EVIDENCE)}")
    return given


def flag(name: str, given: Any) -> bool:
    """True or False."""
    if not isinstance(given, bool):
        raise TypeError(f"{name}={given!r:.80} is {_kind(given)}; expected True or False")
    return given


def place(given: Any) -> dict[str, Any]:
    """A Place, as JSON has it."""
    if not isinstance(given, Place):
        raise TypeError(f"place={given!r:.80} is {_kind(given)}; expected a llmwidgets.Place, or give run= and coordinates")
    return _json("place", given.to_json(), LARGEST_MOMENT)


def moment(given: Any) -> dict[str, Any]:
    """A snapshot of a view; numbers that JSON does not have become null."""
    if not isinstance(given, Mapping):
        raise TypeError(f"moment={given!r:.80} is {_kind(given)}; expected what view.snapshot() gives")
    return _json("moment", dict(given), LARGEST_MOMENT)


def picture(given: Any) -> str:
    """A PNG in base64; "" for none."""
    code = _str("picture", given, "a PNG in base64, or ''")
    if len(code) > LARGEST_PICTURE:
        raise ValueError(f"picture has {len(code)} letters of base64; expected {LARGEST_PICTURE} at most: make it smaller")
    if not _PICTURE.fullmatch(code):
        raise ValueError(f"picture={code!r:.40} is no PNG in base64; encode the bytes of a PNG with base64.b64encode(...).decode()")
    return code


def spans(given: Any) -> dict[str, list[int]]:
    """Spans of tokens by coordinate."""
    expected = "expected {'query': (start, stop)} or {'key': (start, stop)} or both, with 0 <= start < stop"
    if not isinstance(given, Mapping):
        raise TypeError(f"spans={given!r:.80} is {_kind(given)}; {expected}")
    read: dict[str, list[int]] = {}
    for name, span in given.items():
        try:
            start, stop = (at.__index__() for at in span)
        except (TypeError, ValueError, AttributeError):
            raise ValueError(f"the span of {name!r:.40} is {span!r:.80}; {expected}") from None
        if name not in ("query", "key") or not 0 <= start < stop:
            raise ValueError(f"the span of {name!r:.40} is {span!r:.80}; {expected}")
        read[name] = [start, stop]
    if not read:
        raise ValueError(f"spans is empty; {expected}")
    return read


def note_id(given: Any) -> str:
    """The id of a note that came itself or by its id."""
    if isinstance(given, Note):
        return given.id
    if isinstance(given, str):
        return given
    raise TypeError(f"note={given!r:.80} is {_kind(given)}; expected a Note or the id of one")


def file_path(given: Any) -> str:
    """Where a file is or may come to be, absolute and without symbolic links."""
    if not isinstance(given, str | os.PathLike) or isinstance(os.fspath(given), bytes):
        raise TypeError(f"path={given!r:.80} is {_kind(given)}; expected a path such as 'findings.jsonl'")
    path = os.fspath(given)
    if not path or "\0" in path:
        raise ValueError(f"path={path!r:.80} names no file; expected a path such as 'findings.jsonl'")
    real = absolute(os.path.expanduser(path))
    if path.endswith(("/", os.sep)) or (os.path.exists(real) and not os.path.isfile(real)):
        raise ValueError(f"path={path!r:.200} is no file; expected a file such as {os.path.join(path, 'findings.jsonl')!r:.200}")
    return real


def notes_path(given: Any) -> str:
    """Where a file of notes is or may come to be, as `file_path` has it; a notebook is none."""
    path = file_path(given)
    if is_notebook(path):
        raise ValueError(
            f"path={os.fspath(given)!r:.200} is a notebook; expected a file of notes such as 'findings.jsonl'. "
            "The notes that a notebook was saved with are taken in with notes.load(...)"
        )
    return path


def is_notebook(path: str) -> bool:
    """Whether a file is a notebook, by its name."""
    return path.lower().endswith(".ipynb")


def absolute(path: str) -> str:
    """The path without symbolic links. Where the working folder is gone, as it was called: it may come back."""
    try:
        return os.path.realpath(path)
    except OSError:
        return os.path.normpath(os.path.join(_gone_folder(), path))


def _gone_folder() -> str:
    try:
        return os.readlink("/proc/self/cwd").removesuffix(" (deleted)")
    except OSError:
        return os.environ.get("PWD", os.sep)


def _str(name: str, given: Any, expected: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{name}={given!r:.80} is {_kind(given)}; expected a text {expected}")
    return _LONE.sub("\N{REPLACEMENT CHARACTER}", given)


def _short(name: str, words: str, longest: int) -> str:
    if len(words) > longest:
        raise ValueError(f"{name} has {len(words)} letters; expected {longest} at most: shorten it, or make it several notes")
    return words


def _json(name: str, given: Mapping[str, Any], largest: int) -> dict[str, Any]:
    try:
        written = json.dumps(given)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name} holds what JSON does not have ({error}); expected plain data") from None
    if len(written) > largest:
        raise ValueError(f"{name} takes {len(written)} letters of JSON; expected {largest} at most")
    return json.loads(written, parse_constant=lambda _name: None)


def _kind(given: Any) -> str:
    return "None" if given is None else f"of type {type(given).__name__}"
