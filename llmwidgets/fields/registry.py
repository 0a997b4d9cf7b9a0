"""Which fields a run has, and how each is made.

Always true: names are in the order in which they were registered; a maker runs only when its field is asked for. A run is whatever the
makers understand (a Capture, for those of llmwidgets.analysis): this floor knows none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .field import Field

Maker = Callable[[Any], Field]
Available = Callable[[Any], bool]

_MAKERS: dict[str, tuple[Maker, Available | None]] = {}


class UnknownFieldError(KeyError):
    """A field that nobody has registered, or that this run cannot have."""

    def __str__(self) -> str:  # KeyError shows its message's repr
        return str(self.args[0])


def register(name: str, maker: Maker, available: Available | None = None) -> None:
    """Make `name` a field of every run for which `available(run)` is true (of every run, without it). The last to register a name wins."""
    _MAKERS[name] = (maker, available)


def names(run: Any) -> tuple[str, ...]:
    """The fields that `run` has."""
    return tuple(name for name, (_, available) in _MAKERS.items() if available is None or available(run))


def make(name: str, run: Any) -> Field:
    """The field `name` of `run`; UnknownFieldError (a KeyError) names those it has."""
    if name not in names(run):
        raise UnknownFieldError(f"there is no field {name!r} here; this run has {', '.join(names(run)) or 'none'}")
    return _MAKERS[name][0](run)
