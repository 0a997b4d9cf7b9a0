"""The fields of causes of two runs, one less the other: what changes do to effects and contributions.

Always true: it computes nothing of its own and keeps nothing; filling a difference fills both runs' fields, and it is ready when both are.
Who made the two closes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...fields import Field
from .fields import CauseFields

_WORST = ("failed", "stopped", "running", "idle", "ready")


class CauseDifferences:
    """after − before, of those `fields` that both have causes of."""

    def __init__(self, after: CauseFields, before: CauseFields, fields: Mapping[str, Field]) -> None:
        self._both = (after, before)
        self.fields: Mapping[str, Field] = {name: field for name, field in fields.items() if name in after.fields and name in before.fields}

    def progress(self) -> dict[str, dict[str, Any]]:
        """The `progress` trait. Versions of both grow, so their sum does."""
        after, before = (each.progress() for each in self._both)
        return {name: _together(after[name], before[name]) for name in self.fields if name in after and name in before}

    def fill(self, name: str) -> None:
        """Begin, or go on with, the sweeps of both runs."""
        for each in self._both:
            each.fill(name)

    def halt(self, name: str) -> bool:
        """Stop the sweeps of both."""
        stopped = [each.halt(name) for each in self._both]  # both, also where the first was running
        return any(stopped)

    def tells_of(self, causes: CauseFields) -> bool:
        """Whether these are among what it is made of."""
        return causes in self._both

    def close(self) -> None:
        """Nothing is its own."""


def _together(after: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: after[name] + before[name] for name in ("version", "done", "total")}
    worst = min((after, before), key=lambda each: _WORST.index(each["state"]))
    return {**told, "state": worst["state"], "message": worst["message"], "hint": worst["hint"], "note": None}
