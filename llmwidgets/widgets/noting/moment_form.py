"""The form of a moment: what comes from a caller or a file is checked before anything of it is brought back.

Always true: what passes can be read without a further look at kinds; whether a run has what it names is found out where it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import TraitError

from ..selection import Selection

VERSION = 1


def checked(moment: Any) -> dict[str, Any]:
    """A moment that a caller or a file gave. ValueError for what is none, before anything of it is brought back."""
    kinds = {"cursor": dict, "settings": dict, "framing": dict, "changes": list, "shown": str}
    is_one = isinstance(moment, Mapping) and "v" in moment
    if not is_one or any(not isinstance(moment.get(name, kind()), kind) for name, kind in kinds.items()):
        raise ValueError(f"{moment!r:.80} is no snapshot; expected what view.snapshot() gave")
    version = moment.get("v")
    if version != VERSION:
        raise ValueError(f"a snapshot of version {version!r:.20} came; this llmwidgets reads version {VERSION}")
    if not all(_is_prompt(moment.get(name)) for name in ("prompt", "second")) or not _is_pairs(moment.get("pairs")):
        raise ValueError(f"a snapshot whose prompts are none came: {moment!r:.200}; expected what view.snapshot() gave")
    probe = Selection()
    try:
        probe.from_cursor(moment.get("cursor", {}))
    except (TraitError, TypeError, AttributeError) as error:
        raise ValueError(f"a snapshot whose cursor is none came: {moment.get('cursor')!r:.200}") from error
    return dict(moment)


def _is_prompt(told: Any) -> bool:
    if told is None:
        return True
    return (
        isinstance(told, Mapping)
        and isinstance(told.get("digest"), str)
        and isinstance(told.get("text", ""), str)
        and isinstance(told.get("ids", []), list)
        and all(isinstance(id, int) and not isinstance(id, bool) for id in told.get("ids", []))
    )


def _is_pairs(told: Any) -> bool:
    return told is None or (
        isinstance(told, list)
        and all(isinstance(pair, list) and len(pair) == 2 and all(isinstance(at, int) for at in pair) for pair in told)
    )
