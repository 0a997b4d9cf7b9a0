"""The model of a capture, and what can be computed with it after the pass.

What always holds: everything here runs on the twin, under its lock; with `unchanged()` first, it runs on the very
parameters that the capture was made with. Of a changed run, the twin by itself is the unchanged model: whoever runs it
again to read what the capture's pass computed does so within `as_captured`. A Capture lets go of its bench by `detach`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import copy

from torch import Tensor, nn

from llmwidgets.capture.readout import read_out
from llmwidgets.capture.recorder import BlockTape
from llmwidgets.capture.rerun import Attention, RerunAttention, run_block_again
from llmwidgets.capture.stamp import ModelStamp
from llmwidgets.models.anatomy import Anatomy
from llmwidgets.models.loading import Subject
from llmwidgets.models.prompt import context_length
from llmwidgets.models.twin import Twin, make_twin

Around = Callable[[nn.Module, int], AbstractContextManager[None]]
"""(twin's module, the first block that will run) to a context in which the pass is the changed one; a new context at each call."""


class Bench:
    """A subject, its twin, its anatomy, and its state at the time of the capture. `change`: how the pass was changed, "" where not."""

    def __init__(
        self,
        subject: Subject,
        twin: Twin,
        anatomy: Anatomy,
        stamp: ModelStamp,
        token_id: int,
        around: Around | None = None,
        change: str = "",
    ) -> None:
        self.subject = subject
        self.twin = twin
        self.anatomy = anatomy
        self._stamp = stamp
        self._token_id = token_id  # any valid one, for passes in which the embedding does not count
        self._rerun = RerunAttention(twin)
        self._around = around
        self.change = change

    def unchanged(self) -> Bench:
        """Return this bench; raise `ModelChangedError` when the model is no longer the one captured."""
        self._stamp.check(self.subject.model)
        return self

    def apart(self) -> Bench:
        """Return the same bench with a twin of its own: what runs long on it keeps nobody waiting who reads on this one."""
        other = copy(self)
        other.twin = make_twin(self.subject.model)
        other._rerun = RerunAttention(other.twin)
        return other

    def as_captured(self, module: nn.Module, first: int = 0) -> AbstractContextManager[None]:
        """Return the context in which a pass of the twin's `module` computes what the capture's did; `first`: the first block that runs.

        To be entered before any hooks that read, which then read what was changed. Does nothing for an ordinary run.
        """
        return nullcontext() if self._around is None else self._around(module, first)

    def read_out(self, residual: Tensor) -> Tensor:
        """Return the logits (n, vocab) of `residual` (n, d_model)."""
        return read_out(self.twin, self.anatomy, residual, self._token_id, context_length(self.subject))

    def attention_again(self, layer: int, block: BlockTape) -> Attention:
        """Return the attention of a block that bypasses the interface, by running it again."""
        return self._rerun.of(layer, block)

    def block_again(self, layer: int, block: BlockTape, inputs_of: str) -> Tensor:
        """Return the input (position, width) of one of a block's modules, by running the block again."""
        with self.twin.ready() as module, self.as_captured(module, layer):
            return run_block_again(self.twin, block, inputs_of)
