"""What notes see of a run: its identity, its tokens and its shape.

Always true: plain data; so whether a note stands on a run can be told without the run, also for one that is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..capture import Capture


@dataclass(frozen=True)
class Ground:
    """A run as notes see it. model, prompt, run: digests; tokens with their real spaces; kinds "text", "special" or "byte";
    "id" where there is no tokenizer."""

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
        return cls(
            run.model_name,
            run.model_fingerprint,
            run.prompt_fingerprint,
            run.fingerprint,
            tuple(run.tokens),
            tuple(run.token_kinds) if run.has_tokenizer else ("id",) * run.n_tokens,
            tuple(run.heads_per_layer),
        )
