"""Activation functions of a large batch, computed a few rows at a time.

An activation function (GELU as six elementwise steps) over a thousand tokens writes each step out to memory; over a few rows it stays in a
core's cache (GPT-2 small's, on one thread of a CPU: 7 against 24 microseconds a token). Always true: rows of a batch do not depend on each
other, so the result is the same; the model's own function computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from llmwidgets.models.forwards import forwards_replaced

_CELLS_AT_ONCE = 1 << 18  # 1 MB of float32


@contextmanager
def in_pieces(modules: Iterable[nn.Module]) -> Iterator[None]:
    """For the context, `modules` compute a few rows of (row, position, width) at a time, where they run on a CPU."""
    with forwards_replaced({module: _by_rows(module.forward) for module in modules}):
        yield


def _by_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    def forward(*args: Any, **kwargs: Any) -> Any:
        given = args[0] if len(args) == 1 and not kwargs else None
        if not isinstance(given, Tensor) or given.ndim != 3 or given.device.type != "cpu" or given.numel() <= _CELLS_AT_ONCE:
            return original(*args, **kwargs)
        at_once = max(1, _CELLS_AT_ONCE // given[0].numel())
        return torch.cat([original(rows) for rows in given.split(at_once)])

    return forward
