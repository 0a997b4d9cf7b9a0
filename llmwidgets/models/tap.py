"""The tap on transformers' attention: a look at every attention call, and a hand in it, with nothing in the model changed.

Every interface model looks its attention function up through `AttentionInterface.get_interface`. While at
least one tap is open that method is replaced by one that, in the context (thread or task) of the tap's
owner only, hands each call to the tap. Other threads get exactly what they would have got. When the last
tap closes the method is put back. Registering an attention of one's own is not done on purpose: it loses
sliding windows, padding and sinks without a word.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers.modeling_utils import AttentionInterface


@dataclass(frozen=True, eq=False)
class AttentionCall:
    """One call of an attention function, as the model made it. Tensors carry the batch dimension."""

    module: nn.Module
    implementation: str | None  # "sdpa", "eager", ...
    eager: Callable[..., Any]  # the modeling file's own eager function
    query: Tensor  # (batch, head, query, width)
    key: Tensor  # (batch, kv head, key, width)
    value: Tensor  # (batch, kv head, key, value width)
    mask: Any
    options: dict[str, Any] = field(default_factory=dict)  # scaling, softcap, s_aux, ...


class Listener(Protocol):
    """What a tap calls: once before each attention function runs, and once after.

    Each returns None to let pass what it was given, or what is to take its place. Taps that change calls come before those that only
    listen, whenever they were opened; of its kind the one opened last comes first. So who listens hears what really ran.
    """

    def before_attention(self, call: AttentionCall) -> AttentionCall | None: ...

    def after_attention(self, call: AttentionCall, result: Any) -> Any: ...


_listeners: ContextVar[tuple[tuple[bool, Listener], ...]] = ContextVar("llmwidgets_attention_listeners", default=())
_guard = threading.Lock()
_open_taps = 0
_untapped: Callable[..., Any] = AttentionInterface.get_interface


class AttentionTap:
    """Context manager: while open, `listener` hears of every attention call of this thread. `changes`: it may change them."""

    def __init__(self, listener: Listener, changes: bool = False) -> None:
        self._listener = listener
        self._changes = changes
        self._token: Token[tuple[tuple[bool, Listener], ...]] | None = None

    def __enter__(self) -> AttentionTap:
        global _open_taps, _untapped
        with _guard:
            if _open_taps == 0 and AttentionInterface.get_interface is not _get_interface:
                _untapped = AttentionInterface.get_interface
                AttentionInterface.get_interface = _get_interface
            _open_taps += 1
        each = [*_listeners.get(), (self._changes, self._listener)]
        self._token = _listeners.set(tuple(sorted(each, key=lambda pair: pair[0])))  # sorting keeps the order within a kind
        return self

    def __exit__(self, *exception: object) -> None:
        global _open_taps
        if self._token is not None:
            _listeners.reset(self._token)
        with _guard:
            _open_taps -= 1
            if _open_taps == 0 and AttentionInterface.get_interface is _get_interface:
                AttentionInterface.get_interface = _untapped


def _get_interface(self: AttentionInterface, implementation: str | None, default: Callable[..., Any]) -> Any:
    function = _untapped(self, implementation, default)
    # Another thread's model may be compiling right now: a ContextVar cannot be traced, and is not for it anyway.
    if torch.compiler.is_compiling():
        return function
    for _, listener in _listeners.get():
        function = functools.partial(_heard, listener, implementation, default, function)
    return function


def _heard(
    listener: Listener,
    implementation: str | None,
    eager: Callable[..., Any],
    function: Callable[..., Any],
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any = None,
    **options: Any,
) -> Any:
    call = AttentionCall(module, implementation, eager, query, key, value, attention_mask, options)
    changed = listener.before_attention(call)
    call = call if changed is None else changed
    result = function(module, call.query, call.key, call.value, call.mask, **call.options)
    replaced = listener.after_attention(call, result)
    return result if replaced is None else replaced
