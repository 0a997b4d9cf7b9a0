"""A module's arguments, kept so that the module can be run again alone.

Caches are left out (a re-run sees the whole text), the hidden states may be stood in for by a mark, and
tensors that many blocks share (masks, rotary tables) are kept once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_CACHES = ("layer_past", "past_key_values", "past_key_value", "cache", "cache_params")


class _Stream:
    """Stands for the hidden states among the arguments."""


STREAM = _Stream()


@dataclass(frozen=True, eq=False)
class Arguments:
    """Positional and keyword arguments of one call."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def filled(self, device: torch.device, stream: Tensor | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return them for a call on `device`, with `stream` (1, position, d_model) in the place of the mark."""

        def fill(value: Any) -> Any:
            if value is STREAM:
                return stream
            return value.to(device) if isinstance(value, Tensor) else value

        return _mapped(self.args, fill), _mapped(self.kwargs, fill)


def keep_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any], stream: Tensor | None, keep: Callable[[Tensor], Tensor]) -> Arguments:
    """Keep a call's arguments; the tensor `stream` itself becomes the mark."""

    def kept(value: Any) -> Any:
        if value is stream and stream is not None:
            return STREAM
        return keep(value) if isinstance(value, Tensor) else value

    without_cache = {name: None if name in _CACHES else value for name, value in kwargs.items()}
    if "use_cache" in without_cache:
        without_cache["use_cache"] = False
    return Arguments(_mapped(args, kept), _mapped(without_cache, kept))


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if type(value) in (tuple, list):
        return type(value)(_mapped(item, change) for item in value)
    if type(value) is dict:
        return {name: _mapped(item, change) for name, item in value.items()}
    return change(value)
