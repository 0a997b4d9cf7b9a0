"""How a view is set: theme, palette, which field colours what. Checked here, stored in the `settings` trait.

Always true: settings hold every key of docs/protocol.md with a value that the page knows; a wrong one raises an error that names
what there is. Fields are checked apart, since a view may be set before its run comes: what a user names must be there and fit its panel
(`check_fields`); when another run comes, a setting that it lacks goes back to its default (`with_known_fields`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..fields import Field
from .fit import NEEDS, fits, fitting

DEFAULTS: dict[str, str] = {
    "theme": "auto",
    "textField": "attention",
    "headField": "attention",
    "layerField": "logit_lens",
    "patternView": "matrix",
    "palette": "blue",
    "headFieldBeside": "",
    "patternField": "attention",
    "causeView": "",
    "scatterX": "attention",
    "scatterY": "ablation_effect",
    "notesPanel": "auto",
}
CHOICES: dict[str, tuple[str, ...]] = {
    "theme": ("auto", "light", "dark"),
    "patternView": ("matrix", "arcs"),
    "palette": ("blue", "viridis", "cividis"),
    "causeView": ("", "scatter", "direct_total", "decomposition"),
    "notesPanel": ("auto", "open", "folded"),
}
FIELD_KEYS = ("textField", "headField", "headFieldBeside", "patternField", "layerField", "scatterX", "scatterY")

# What Python callers write for each key.
KEYWORDS = {"theme": "theme", "text_field": "textField", "head_field": "headField", "layer_field": "layerField",
            "pattern_view": "patternView", "palette": "palette", "head_field_beside": "headFieldBeside", "pattern_field": "patternField",
            "cause_view": "causeView", "scatter_x": "scatterX", "scatter_y": "scatterY", "notes_panel": "notesPanel"}  # fmt: skip


def checked(settings: Mapping[str, Any]) -> dict[str, str]:
    """All settings, with defaults for what is not given. Raises KeyError for an unknown key, ValueError for an unknown value.

    >>> checked({"theme": "dark"})["theme"]
    'dark'
    """
    unknown = sorted(set(settings) - set(DEFAULTS))
    if unknown:
        raise KeyError(f"there is no setting {', '.join(map(repr, unknown))}; there are {', '.join(DEFAULTS)}")
    full = {**DEFAULTS, **settings}
    for key, value in full.items():
        if key in CHOICES and value not in CHOICES[key]:
            raise ValueError(f"{key}={value!r} is unknown; expected one of {', '.join(choice or '(nothing)' for choice in CHOICES[key])}")
        if not isinstance(value, str):
            raise ValueError(f"{key}={value!r} is unknown; expected the name of a field")
    return full


def from_keywords(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from keyword arguments such as layer_field=; TypeError names those there are."""
    unknown = sorted(set(keywords) - set(KEYWORDS))
    if unknown:
        raise TypeError(f"unknown keyword {', '.join(map(repr, unknown))}; there are {', '.join(KEYWORDS)}, selection and layout")
    return {KEYWORDS[keyword]: value for keyword, value in keywords.items()}


def check_fields(settings: Mapping[str, str], fields: Mapping[str, Field]) -> None:
    """ValueError where a setting names a field that the run does not have, or that its panel cannot draw."""
    for key in FIELD_KEYS:
        name = settings[key]
        if name == DEFAULTS[key]:
            continue
        if name not in fields:
            raise ValueError(f"{key}={name!r}: this run has no such field; it has {', '.join(fields)}")
        if not fits(key, fields[name]):
            has, others = ", ".join(fields[name].coordinates), ", ".join(fitting(key, fields)) or "none"
            raise ValueError(f"{key}={name!r}: the panel draws {NEEDS[key]}, and this field has {has}; fields that fit: {others}")


def with_known_fields(settings: Mapping[str, str], fields: Collection[str]) -> dict[str, str]:
    """The settings, back at their defaults where they name a field that the run does not have."""
    return {key: DEFAULTS[key] if key in FIELD_KEYS and value not in fields else value for key, value in settings.items()}
