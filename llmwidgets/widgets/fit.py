"""Which panels can draw a field. js/src/views/fit.ts has the same rule, by which the page fills its menus.

Always true: a field fits a panel when it has the coordinates that the panel draws and every other one stands under the cursor. Here
this only serves to tell a Python caller at once what the page would leave out without a word.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from ..fields import Field
from .selection import COORDINATES

_UNDER_CURSOR = {*COORDINATES, "position"}  # position shares its cursor with query

NEEDS = {
    "textField": "key, position or query",
    "headField": "layer and head",
    "headFieldBeside": "layer and head",
    "patternField": "layer, head, query and key",
    "scatterX": "layer and head",
    "scatterY": "layer and head",
    "layerField": "layer and position, or layer and query without key",
}
"""What each setting's panel draws, for a sentence."""


def fits(key: str, field: Field) -> bool:
    """Whether the panel of this setting can draw the field."""
    has = set(field.coordinates)
    if not has <= _UNDER_CURSOR:
        return False  # the panels draw only such coordinates, so nothing says which place of another one is meant
    if key == "textField":
        return bool(has & {"key", "position", "query"})
    if key == "patternField":
        return {"layer", "head", "query", "key"} <= has
    if key in ("headField", "headFieldBeside", "scatterX", "scatterY"):
        return {"layer", "head"} <= has
    return "layer" in has and "key" not in has and bool(has & {"position", "query"})


def fitting(key: str, fields: Mapping[str, Field]) -> list[str]:
    """Names of the fields that the panel of this setting can draw."""
    return [name for name, field in fields.items() if fits(key, field)]


def warn_if_it_fits_nowhere(field: Field) -> None:
    """Tell the caller of the caller that no panel can draw the field."""
    if any(fits(key, field) for key in NEEDS):
        return
    has, needed = ", ".join(field.coordinates), "; ".join(dict.fromkeys(NEEDS.values()))
    warnings.warn(
        f"no panel can draw {field.name!r} ({has}): panels draw {needed}, and beside these only what the selection has. "
        "Name its dimensions by dims=, or take one place of the others",
        stacklevel=3,
    )
