"""How a field's values spread over a palette: sequential from `low`, or diverging about 0.

Always true: a scale is linear in value before `power` bends it; `high` None means that the blocks' own extents decide. Colours
are left to whoever paints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = ("sequential", "diverging")


@dataclass(frozen=True)
class Scale:
    """The scale of a field. `power` 0.5 lifts small values, so that a weak look stays visible."""

    kind: str = "sequential"
    low: float = 0.0
    high: float | None = None
    power: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a scale of kind {self.kind!r} came; expected one of {', '.join(KINDS)}")
        if self.power <= 0:
            raise ValueError(f"a scale's power must be above 0, not {self.power}")

    @property
    def diverging(self) -> bool:
        """True when values have a sign that matters: pooling then keeps the value of largest magnitude."""
        return self.kind == "diverging"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "low": self.low, "high": self.high, "power": self.power}
