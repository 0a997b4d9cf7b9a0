"""The `framing` trait: what of the page a snapshot holds. Checked here, since a page, a file and a caller may all set it.

Always true: a framing has every key of docs/protocol.md; what is unknown is left out, what is of another kind is a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...notes.note import EVIDENCE, LONGEST_NAME

FILTERS: dict[str, Any] = {"search": "", "tag": "", "author": "", "evidence": "", "layer": None, "resolved": "open"}
FRAMING: dict[str, Any] = {"zoom": None, "filters": FILTERS}


def checked_framing(given: Any) -> dict[str, Any]:
    """A whole framing, with defaults for what is not given.

    >>> checked_framing({"filters": {"tag": "mover"}})["filters"]["tag"]
    'mover'
    """
    if not isinstance(given, Mapping) or not isinstance(given.get("filters", {}), Mapping):
        raise ValueError(f"framing={given!r:.80} came; expected an object with zoom and filters")
    filters = {**FILTERS, **{name: value for name, value in given.get("filters", {}).items() if name in FILTERS}}
    for name in ("search", "tag", "author"):
        if not isinstance(filters[name], str) or len(filters[name]) > LONGEST_NAME:
            raise ValueError(f"the filter {name}={filters[name]!r:.80} came; expected a text of at most {LONGEST_NAME} letters")
    if filters["evidence"] not in ("", *EVIDENCE) or filters["resolved"] not in ("open", "all"):
        raise ValueError(f"the filters {filters!r:.200} came; expected evidence of {', '.join(EVIDENCE)} and resolved open or all")
    if filters["layer"] is not None and not _is_number(filters["layer"], int):
        raise ValueError(f"the filter layer={filters['layer']!r:.80} came; expected a whole number or null")
    return {"zoom": _checked_zoom(given.get("zoom")), "filters": filters}


def _checked_zoom(zoom: Any) -> dict[str, float] | None:
    if zoom is None:
        return None
    names = ("row", "column", "span")
    if not isinstance(zoom, Mapping) or not all(_is_number(zoom.get(name), (int, float)) for name in names) or not zoom["span"] > 0:
        raise ValueError(f"zoom={zoom!r:.80} came; expected row, column and span, in tokens")
    return {name: zoom[name] for name in names}


def _is_number(value: Any, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and abs(value) < 1e9
