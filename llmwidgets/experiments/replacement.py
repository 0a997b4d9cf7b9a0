"""What takes the place of an activation that an experiment takes away.

Always true: a Replacement is plain data. Prompts stand in it as token ids, so that it can be saved and used again; their activations are
found when it is applied. Of a run that its tokens do not tell (changed by an intervention, or with padding) the fingerprint stands
beside them, and its Capture must be at hand then. Where the other prompt's positions are not the run's, pairs of them stand here too; who
belongs to whom is found elsewhere. The replacement changes the ranking of effects: whoever shows an effect names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from llmwidgets.experiments.places import whole_number

HOW = ("zero", "mean", "other", "own", "cut")


@dataclass(frozen=True, repr=False)
class Replacement:
    """Zero, the mean over prompts, another prompt's value, the run's own clean value (which freezes it), or, for scores, a cut.

    >>> Replacement.other([3, 1, 4]).to_json()
    {'how': 'other', 'prompts': [[3, 1, 4]]}
    >>> Replacement.other([3, 1, 4], positions=[(0, 0), (1, 2)]).positions
    ((0, 0), (1, 2))
    """

    how: str
    prompts: tuple[tuple[int, ...], ...] = ()
    runs: tuple[str, ...] = ()  # the fingerprint of each prompt's run where tokens do not tell it (changed, padded), else ""
    positions: tuple[tuple[int, int], ...] | None = None  # (own, the other prompt's), rising by own; None: the same

    def __repr__(self) -> str:
        told = [repr(self.how), *([repr(self.prompts)] if self.prompts else []), *([f"runs={self.runs!r}"] if self.runs else [])]
        told += [] if self.positions is None else [f"positions={self.positions!r}"]
        return f"Replacement({', '.join(told)})"

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise ValueError(f"how={self.how!r} came; expected one of {', '.join(HOW)}")
        object.__setattr__(self, "prompts", tuple(tuple(int(token) for token in prompt) for prompt in self.prompts))
        object.__setattr__(self, "runs", tuple(self.runs))
        if self.runs and len(self.runs) != len(self.prompts):
            raise ValueError(f"{len(self.runs)} runs came for {len(self.prompts)} prompts; expected one for each, or none")
        wanted = {"mean": len(self.prompts) >= 1, "other": len(self.prompts) == 1}.get(self.how, not self.prompts)
        if not wanted:
            expected = {"mean": "one prompt or more", "other": "one prompt"}.get(self.how, "none")
            raise ValueError(f"{self.how!r} came with {len(self.prompts)} prompts; expected {expected}")
        if self.positions is not None:
            if self.how != "other":
                raise ValueError(f"{self.how!r} came with positions; only what another prompt gives has positions of its own")
            object.__setattr__(self, "positions", _paired(self.positions))

    @classmethod
    def mean(cls, prompts: Iterable[Any]) -> Replacement:
        """The mean over `prompts` (Captures, or token ids) at the same position; all must be as long as the run's prompt."""
        prompts = list(prompts)
        return cls("mean", tuple(_ids(prompt) for prompt in prompts), _fingerprints(prompts))

    @classmethod
    def other(cls, prompt: Any, positions: Iterable[tuple[int, int]] | None = None) -> Replacement:
        """The value that `prompt` (a Capture, or token ids, as long as the run's prompt) has at the same place.

        positions: (the run's, the other prompt's), for prompts that are not aligned by position; what has no partner stays as it is.
        """
        return cls("other", (_ids(prompt),), _fingerprints([prompt]), None if positions is None else tuple(positions))

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
        prompts = {"prompts": [list(prompt) for prompt in self.prompts]} if self.prompts else {}
        runs = {"runs": list(self.runs)} if self.runs else {}
        positions = {} if self.positions is None else {"positions": [list(pair) for pair in self.positions]}
        return {"how": self.how, **prompts, **runs, **positions}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Replacement:
        """Return the Replacement of `to_json`'s data."""
        return cls(
            data["how"], tuple(tuple(prompt) for prompt in data.get("prompts", ())), tuple(data.get("runs", ())), data.get("positions")
        )


ZERO, OWN, CUT = Replacement("zero"), Replacement("own"), Replacement("cut")


def _paired(given: Any) -> tuple[tuple[int, int], ...]:
    try:
        pairs = sorted((whole_number(own, "position"), whole_number(other, "position")) for own, other in given)
    except (TypeError, ValueError):
        raise ValueError(f"positions={given!r} came; expected pairs: (position in the run, position in the other prompt)") from None
    if not pairs or min(min(pair) for pair in pairs) < 0:
        raise ValueError(f"positions={given!r} came; expected at least one pair of positions, counted from 0")
    twice = [own for (own, _), (following, _) in pairwise(pairs) if own == following]
    if twice:
        raise ValueError(f"positions pair {twice[0]} twice; a position of the run takes its value from one place")
    return tuple(pairs)


def _ids(prompt: Any) -> tuple[int, ...]:
    given = getattr(prompt, "token_ids", prompt)
    try:
        if isinstance(given, str):
            raise TypeError
        return tuple(int(token) for token in given)
    except TypeError:
        raise TypeError(f"{prompt!r} came as a prompt; expected a Capture (run.again(text)) or a list of token ids") from None


def _fingerprints(prompts: list[Any]) -> tuple[str, ...]:
    """Of runs that their tokens alone do not tell: changed ones, and those with padding."""
    found = tuple(prompt.fingerprint if _is_special(prompt) else "" for prompt in prompts)
    return found if any(found) else ()


def _is_special(prompt: Any) -> bool:
    return bool(getattr(prompt, "change", "")) or (hasattr(prompt, "inputs") and not bool(prompt.inputs.attention_mask.all()))
