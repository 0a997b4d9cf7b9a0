"""What notes see of a run: its identity, its tokens and its shape.

Always true: plain data; so whether a note stands on a run can be told without the run, also for one that is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .spacing import spaced

if TYPE_CHECKING:
    from ..capture import Capture


@dataclass(frozen=True)
class Ground:
    """A run as notes see it. model, prompt, run: digests; tokens with their real spaces; kinds "text", "special" or "byte";
    "word" and "rest" where white space is not in the tokens (spacing.py); "id" where there is no tokenizer."""

    model_name: str
    model: str
    prompt: str
    run: str
    tokens: tuple[str, ...]
    kinds: tuple[str, ...]
    heads_per_layer: tuple[int, ...]

    @classmethod
    def of(cls, run: Capture) -> Ground:
        """The ground that a capture gives."""
        tokens = tuple(run.tokens)
        kinds = spaced(tokens, run.token_kinds, run.prompt) if run.has_tokenizer else ("id",) * run.n_tokens
        return cls(
            run.model_name,
            run.model_fingerprint,
            run.prompt_fingerprint,
            run.fingerprint,
            tokens,
            kinds,
            tuple(run.heads_per_layer),
        )
