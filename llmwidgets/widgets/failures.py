"""How an error is told to the page: its type, what happened, what to do.

Always true: every exception becomes one of the error types of docs/protocol.md, with a sentence a person can read. Errors of a
request's form are BadRequest; what goes wrong inside an answer is Failed, and logged with its traceback.
"""

from __future__ import annotations

import logging
from typing import Any

from ..models.errors import ModelChangedError

log = logging.getLogger("llmwidgets")


class Failure(Exception):
    """A request that is answered with an error of this type."""

    def __init__(self, kind: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


class BadRequest(Failure):
    """The request is not of the form that docs/protocol.md gives it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__("BadRequest", message, hint)


def told(error: BaseException) -> dict[str, Any]:
    """The error as the page gets it."""
    if isinstance(error, Failure):
        return {"type": error.kind, "message": str(error), "hint": error.hint}
    if isinstance(error, ModelChangedError):
        return {"type": "ModelChanged", "message": str(error), "hint": "capture again: run the prompt once more"}
    log.warning("a request failed", exc_info=error)
    return {"type": "Failed", "message": sentence(error), "hint": None}


def sentence(error: BaseException) -> str:
    """What an exception says, with its type where it says nothing or only a word."""
    text = str(error).strip()
    return text if " " in text else f"{type(error).__name__}: {text}".rstrip(": ")
