"""What can go wrong between a model, a prompt and a capture.

Each error derives from the built-in one that a caller would expect, and its message says what came,
what was expected and what to do. Nothing here imports torch.
"""

from __future__ import annotations


class PromptError(ValueError):
    """The prompt cannot be given to this model (empty, too long, text without a tokenizer, ...)."""


class ModelError(ValueError):
    """The model cannot be loaded, or is of a kind that cannot be captured yet."""


class NotATransformerError(TypeError):
    """What came in place of a model has no stack of transformer blocks to look at."""


class ModelChangedError(RuntimeError):
    """The model's parameters are no longer those that the capture was made with."""


class DetachedError(RuntimeError):
    """The capture has let go of its model (`detach`), and what was asked for needs it."""


class CaptureStopped(Exception):
    """A capture or a re-run was cancelled by its caller. Nothing was kept."""


class CaptureTooLargeError(MemoryError):
    """A capture fits neither its memory budget nor the free disk space; nothing was started."""


class AttentionUnavailableError(ValueError):
    """This block gives no attention pattern, or none that can be told apart."""


class ActivationUnavailableError(KeyError):
    """This model has no such activation; the message lists what there is."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would put the sentence in quotes.
        return str(self.args[0]) if self.args else ""


class UndefinedHereError(ValueError):
    """A method means nothing on this architecture, or not at this place; the message says why, and what may be asked instead."""


class TokenError(ValueError):
    """A target or foil that is not one token of this model's vocabulary."""


class FoilNeededError(ValueError):
    """A logit difference was asked for without the token to measure against; the message proposes one."""
