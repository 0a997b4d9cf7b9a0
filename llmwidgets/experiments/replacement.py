"""What takes the place of an activation that an experiment takes away.

Always true: a Replacement is plain data. Prompts stand in it as token ids, so that it can be saved and used again; their activations are
found when it is applied. The replacement changes the ranking of effects: whoever shows an effect names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HOW = ("zero", "mean", "other", "own", "cut")


@dataclass(frozen=True)
class Replacement:
    """Zero, the mean over prompts, another prompt's value, the run's own clean value (which freezes it), or, for scores, a cut.

    >>> Replacement.other([3, 1, 4]).to_json()
    {'how': 'other', 'prompts': [[3, 1, 4]]}
    """

    how: str
    prompts: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise ValueError(f"how={self.how!r} came; expected one of {', '.join(HOW)}")
        object.__setattr__(self, "prompts", tuple(tuple(int(token) for token in prompt) for prompt in self.prompts))
        wanted = {"mean": len(self.prompts) >= 1, "other": len(self.prompts) == 1}.get(self.how, not self.prompts)
        if not wanted:
            expected = {"mean": "one prompt or more", "other": "one prompt"}.get(self.how, "none")
            raise ValueError(f"{self.how!r} came with {len(self.prompts)} prompts; expected {expected}")

    @classmethod
    def mean(cls, prompts: Iterable[Any]) -> Replacement:
        """The mean over `prompts` (Captures, or token ids) at the same position; all must be as long as the run's prompt."""
        return cls("mean", tuple(_ids(prompt) for prompt in prompts))

    @classmethod
    def other(cls, prompt: Any) -> Replacement:
        """The value that `prompt` (a Capture, or token ids, as long as the run's prompt) has at the same place."""
        return cls("other", (_ids(prompt),))

    @property
    def in_words(self) -> str:
        """What is done, as a phrase that follows what it is done to."""
        return {
            "zero": "set to zero",
            "mean": f"set to its mean over {len(self.prompts)} prompt{'s' if len(self.prompts) != 1 else ''}",
            "other": "taken from another prompt",
            "own": "held as in the clean run",
            "cut": "cut",
        }[self.how]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"how": self.how, **({"prompts": [list(prompt) for prompt in self.prompts]} if self.prompts else {})}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Replacement:
        """Return the Replacement of `to_json`'s data."""
        return cls(data["how"], tuple(tuple(prompt) for prompt in data.get("prompts", ())))


ZERO, OWN, CUT = Replacement("zero"), Replacement("own"), Replacement("cut")


def _ids(prompt: Any) -> tuple[int, ...]:
    if isinstance(prompt, str):
        raise TypeError(f"the prompt {prompt!r} came as text; give a Capture of it (run.again(text)) or its token ids")
    return tuple(int(token) for token in getattr(prompt, "token_ids", prompt))
