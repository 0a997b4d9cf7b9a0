"""One coordinate of a field: how far it runs, what its places are called, which stack they belong to.

Always true: the coordinate runs over the integers from `start` to `start + size - 1`, and these integers are what requests,
cursors and places hold (the embedding's row of the logit lens is layer -1, not the last layer). What a coordinate means to a
view is left to the view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

COORDINATES = ("layer", "head", "query", "key", "position", "neuron", "step", "prompt")
"""The coordinates that views know. A user's array may bring others."""

TOKEN_COORDINATES = ("query", "key", "position")
"""The coordinates whose places are tokens of the prompt."""

STACKS = ("decoder", "encoder", "cross", "text", "vision")

_MOST_LABEL_TEXT = 4_000  # characters of labels that a description may carry: it is saved with the notebook


@dataclass(frozen=True)
class Axis:
    """A coordinate with its size, labels, stack and first value.

    >>> Axis("layer", 3, labels=("embed", "0", "1"), start=-1).range
    range(-1, 2)
    """

    coordinate: str
    size: int
    labels: tuple[str, ...] | None = None
    stack: str = "decoder"
    start: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.coordinate, str) or not self.coordinate:
            raise ValueError(f"an axis needs the name of a coordinate, not {self.coordinate!r}; known ones are {', '.join(COORDINATES)}")
        if self.size < 1:
            raise ValueError(f"the axis {self.coordinate!r} has size {self.size}; an axis needs at least one place")
        if self.stack not in STACKS:
            raise ValueError(f"the axis {self.coordinate!r} names the stack {self.stack!r}; expected one of {', '.join(STACKS)}")
        if self.labels is not None:
            object.__setattr__(self, "labels", tuple(str(label) for label in self.labels))
            if len(self.labels) != self.size:
                raise ValueError(
                    f"the axis {self.coordinate!r} has {self.size} places and {len(self.labels)} labels; give one label a place"
                )

    @property
    def range(self) -> range:
        """Every value that the coordinate takes, in order."""
        return range(self.start, self.start + self.size)

    def to_json(self) -> dict[str, Any]:
        """As docs/protocol.md describes an axis. Tokens travel once, with the run, and are not repeated as labels."""
        labels = self.labels
        if labels is not None and (self.coordinate in TOKEN_COORDINATES or sum(map(len, labels)) > _MOST_LABEL_TEXT):
            labels = None
        return {
            "coordinate": self.coordinate,
            "size": self.size,
            "start": self.start,
            "labels": None if labels is None else list(labels),
            "stack": self.stack,
        }
