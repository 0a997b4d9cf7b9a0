"""Blocks that hand on a stream instead of running, for as long as a context.

Always true: the blocks' own forwards are back when the context ends. Blocks are counted by call, since a model may run one and the same
module in several places.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from llmwidgets.models.anatomy import Anatomy
from llmwidgets.models.forwards import forwards_replaced
from llmwidgets.models.stacks import stream_input

HandOn = Callable[[Tensor | None], Tensor]


@contextmanager
def stubbed(model: nn.Module, anatomy: Anatomy, n_blocks: int, hand_on: HandOn) -> Iterator[None]:
    """The first `n_blocks` blocks return `hand_on(what they got)`, (batch, position, d_model); the others run. One pass a context."""
    modules = dict(model.named_modules())
    names = {block.name: None for block in anatomy.blocks[:n_blocks]}
    calls = itertools.count()

    def stub(original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            layer = next(calls)
            if layer >= n_blocks:
                return original(*args, **kwargs)
            length = anatomy.blocks[layer].output_length
            handed_on = hand_on(stream_input(args, kwargs))
            return handed_on if length is None else (handed_on, *[None] * (length - 1))

        return forward

    with forwards_replaced({modules[name]: stub(modules[name].forward) for name in names}):
        yield
