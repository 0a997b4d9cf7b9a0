"""Where replacements come from: activations of the run itself, of another prompt, or their mean over several.

Always true: donors run in the same model as the run, and have as many tokens unless the replacement pairs positions; each prompt is
captured once. Values are float32, or float64 for a float64 model, on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llmwidgets.experiments.replacement import Replacement
from llmwidgets.models.errors import DetachedError, PromptError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


Pairs = Sequence[tuple[int, int]]


class Donors:
    """The values that take an activation's place in experiments on one run. `known`: Captures that need not be made again."""

    def __init__(self, run: Capture, known: Iterable[Capture] = ()) -> None:
        self._run = run
        self._by_tokens: dict[tuple[int, ...], Capture] = {}
        self._by_fingerprint = {run.fingerprint: run}
        for other in known:
            require_same_model(run, other)
            self._by_fingerprint[other.fingerprint] = other
            if not other.change:
                self._by_tokens[tuple(other.token_ids)] = other
        self._values: dict[tuple[str, int, Replacement], Tensor] = {}

    def value(self, site: str, layer: int, replacement: Replacement) -> Tensor | None:
        """Return (position, width) or (head, position, width) of `site`; None stands for zero. For "pattern": (head, query, key).

        Positions are the donor's: where the replacement pairs positions, they are not the run's.
        """
        if replacement.how in ("zero", "cut"):
            return None
        key = (site, layer, replacement)
        if key not in self._values:
            runs = [self._run] if replacement.how == "own" else self._of(replacement)
            total = runs[0][site, layer]
            for other in runs[1:]:
                total += other[site, layer]
            self._values[key] = total / len(runs)
        return self._values[key]

    def _of(self, replacement: Replacement) -> list[Capture]:
        fingerprints = replacement.runs or ("",) * len(replacement.prompts)
        pairs = replacement.positions
        found = [self._one(prompt, fingerprint, pairs) for prompt, fingerprint in zip(replacement.prompts, fingerprints, strict=True)]
        for other in found:
            require_like(self._run, other, pairs)
        return found

    def _one(self, prompt: tuple[int, ...], fingerprint: str, pairs: Pairs | None) -> Capture:
        if fingerprint:
            if fingerprint not in self._by_fingerprint:
                raise PromptError(
                    "a replacement comes from a run that was changed by an intervention or has padding, which its tokens do not tell; give "
                    "that Capture too (references=[...], known=[...])"
                )
            return self._by_fingerprint[fingerprint]
        if prompt in self._by_tokens:
            return self._by_tokens[prompt]
        if not bool(self._run.inputs.attention_mask.all()):
            raise PromptError(
                "a replacement names a prompt by its tokens, but this run has padding, which tokens alone do not tell; capture that prompt "
                "with its attention mask and give the Capture (references=[...])"
            )
        if prompt == tuple(self._run.token_ids):
            return self._run
        if pairs is None and len(prompt) != self._run.n_tokens:
            raise _unequal(self._run.n_tokens, len(prompt))
        self._by_tokens[prompt] = self._run.again(torch.tensor(prompt))
        return self._by_tokens[prompt]


def require_like(run: Capture, other: Capture, pairs: Pairs | None = None) -> None:
    """Raise unless `other` is a run of the same model, unchanged since, on as many tokens; with `pairs`, (position of run, position of
    other), unless these are tokens of both prompts. PromptError is a ValueError."""
    require_same_model(run, other)
    if pairs is not None:
        _require_tokens(run, [own for own, _ in pairs])
        _require_tokens(other, [there for _, there in pairs])
        return
    if other.n_tokens != run.n_tokens:
        raise _unequal(run.n_tokens, other.n_tokens)
    if not torch.equal(other.inputs.attention_mask, run.inputs.attention_mask):
        own, its = (int(each.inputs.attention_mask.sum()) for each in (run, other))
        raise PromptError(
            f"the prompts have {own} and {its} tokens that are no padding, or have them at other places; values are taken from the same "
            "position, so both need the same padding"
        )


def require_same_model(run: Capture, other: Capture) -> None:
    """Raise unless `other` is a run of the same model object (PromptError, a ValueError), and its model unchanged since."""
    if not hasattr(other, "token_ids"):
        raise TypeError(f"got {type(other).__name__} in place of a run; expected a Capture, such as run.again(prompt)")
    other.bench("a replacement")
    if other.subject.model is not run.subject.model:
        raise PromptError(
            f"two runs of different models came ({run.model_name} and {other.model_name}); capture both prompts with one and the same "
            "model object, for example with run.again(prompt)"
        )


def is_same_model(run: Capture, other: Capture) -> bool:
    """Whether both ran in the same model object, as far as they have not let go of it."""
    try:
        return other.subject.model is run.subject.model
    except DetachedError:
        return False


def _require_tokens(run: Capture, positions: Sequence[int]) -> None:
    outside = [at for at in positions if not 0 <= at < run.n_tokens]
    if outside:
        raise PromptError(f"positions are paired with {outside[0]}, but that prompt has {run.n_tokens} tokens (0 to {run.n_tokens - 1})")
    padding = [at for at in positions if not int(run.inputs.attention_mask[at])]
    if padding:
        raise PromptError(f"position {padding[0]} of a pair is padding, of which the model says nothing; pair tokens only")


def _unequal(own: int, other: int) -> PromptError:
    return PromptError(
        f"the prompts have {own} and {other} tokens; values are taken from the same position, so both need equally many. "
        "Reword one of them (run.tokens shows the tokens), pad within the sentence, or say which positions belong together (pairs=, "
        "of a Replacement positions=)"
    )
