"""What is wrong with a file of notes, as a sentence and what to do about it.

Always true: pure; names the file, and says what became of the notes.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Sequence
from types import FrameType

from .lines import Aside

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class NotesFileWarning(UserWarning):
    """Something in a file of notes could not be read, or notes cannot be written to it."""


def warn(sentence: str) -> None:
    """Warn whoever called into this package."""
    level = 1
    frame: FrameType | None = sys._getframe()
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("llmwidgets."):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, NotesFileWarning, stacklevel=level)


def of_disk(error: OSError, path: str) -> tuple[str, str]:
    """Why a file cannot be written or read, and what to do."""
    folder, name = os.path.split(path)
    if isinstance(error, TimeoutError):
        why = f"another program holds the lock of {name}"
        hint = f"Close the program that is writing there, or wait; the lock is the file .{name}.lock beside it."
    elif not os.path.isdir(folder):
        why = f"the folder {folder} is not there"
        hint = "Make the folder, or save the notes elsewhere with notes.save(path)."
    elif error.errno in _FULL:
        why = f"there is no room for {name} on its disk"
        hint = "Make room, or save the notes elsewhere with notes.save(path)."
    elif error.errno in _FORBIDDEN:
        why = f"{error.filename or path} may not be written ({error.strerror})"
        hint = "Allow writing in that folder, or save the notes elsewhere with notes.save(path)."
    else:
        why = f"{name} cannot be read or written ({error.strerror or error})"
        hint = "Look after the file and its disk, or save the notes elsewhere with notes.save(path)."
    return why, hint


def of_lines(aside: Sequence[Aside], path: str) -> tuple[str, str] | None:
    """What was set aside in a file, or None."""
    parts = []
    by_reason: dict[str, list[int]] = {}
    for one in aside:
        by_reason.setdefault(one.why, []).append(one.line)
    for why, numbers in list(by_reason.items())[:4]:
        shown = ", ".join(map(str, numbers[:5])) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
        parts.append(f"line{'s' if len(numbers) > 1 else ''} {shown} ({why})")
    if len(by_reason) > 4:
        parts.append(f"lines with {len(by_reason) - 4} other faults")
    if not parts:
        return None
    return (
        f"In {os.path.basename(path)} some lines were set aside: {'; '.join(parts)}.",
        "They stay in the file as they are. All other notes were read.",
    )
