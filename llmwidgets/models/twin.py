"""The twin: a copy of a model's modules that shares every parameter and buffer with the original.

Hooks, stubs and re-runs go on the twin, so that the user's model, its hooks, its config and its training
flags are never touched and other threads may go on using it. The twin is always in eval mode, without
cache and without attention outputs asked for. Where no copy can be made (accelerate's hooks, quantised
weights) the original itself is used under a lock and left as found, also after an exception.
"""

from __future__ import annotations

import copy
import threading
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any

import torch
from torch import nn

from llmwidgets.models.turns import Turns

_HOOK_DICTS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_KEPT_HOOKS_OF = ("torch.", "transformers.", "peft.")  # weight norm, parametrisations, adapters: they make the weights

_original_locks: weakref.WeakKeyDictionary[nn.Module, Turns] = weakref.WeakKeyDictionary()
_locks_guard = threading.Lock()


class Twin:
    """A model to experiment on. Use it only inside `with twin.ready() as module`."""

    def __init__(self, module: nn.Module, lock: Turns, is_copy: bool) -> None:
        self.module = module
        self.is_copy = is_copy
        self._lock = lock

    @contextmanager
    def ready(self) -> Iterator[nn.Module]:
        """Hold the twin: one thread at a time, in the order in which they ask, in eval mode, without gradients."""
        with self._lock, torch.no_grad(), nullcontext() if self.is_copy else _as_found(self.module):
            yield self.module


def make_twin(model: nn.Module) -> Twin:
    """Copy `model` (2 to 12 ms), sharing its tensors; or fall back to the original under a lock."""
    if _can_be_copied(model):
        try:
            return Twin(_copy(model), Turns(), is_copy=True)
        except Exception as error:  # deepcopy runs foreign code: whatever it raises means "no copy"
            warnings.warn(
                f"{type(model).__name__} cannot be copied ({type(error).__name__}: {error}); it is used itself, "
                "under a lock. Do not run it in another thread while a view of it computes",
                stacklevel=3,
            )
    with _locks_guard:
        lock = _original_locks.setdefault(model, Turns())
    return Twin(model, lock, is_copy=False)


def _can_be_copied(model: nn.Module) -> bool:
    if getattr(model, "hf_quantizer", None) is not None or getattr(model, "is_quantized", False):
        return False
    return not any(hasattr(module, "_hf_hook") for module in model.modules())


def _copy(model: nn.Module) -> nn.Module:
    shared = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    twin = copy.deepcopy(model, shared)
    left_off = 0
    for module in twin.modules():
        left_off += sum(_drop_foreign_hooks(getattr(module, name)) for name in _HOOK_DICTS)
        for name, child in module.named_children():
            if isinstance(getattr(child, "_orig_mod", None), nn.Module):
                setattr(module, name, child._orig_mod)  # compiled blocks run as plain modules: hooks must fire
    if left_off:
        warnings.warn(
            f"the model carries {left_off} hook(s) of its user's; they are not run, so the capture shows the model without them",
            stacklevel=4,
        )
    twin.eval()
    _ask_for_nothing_extra(twin)
    return twin


def _drop_foreign_hooks(hooks: dict[int, Any]) -> int:
    foreign = [key for key, hook in hooks.items() if not _module_of(hook).startswith(_KEPT_HOOKS_OF)]
    for key in foreign:
        del hooks[key]
    return len(foreign)


def _module_of(hook: Any) -> str:
    return getattr(hook, "__module__", None) or type(hook).__module__


def _ask_for_nothing_extra(module: nn.Module) -> None:
    """The copy's configs are its own; asking some models for attentions makes them compute something else."""
    for part in module.modules():
        config = getattr(part, "config", None)
        for name in ("output_attentions", "output_hidden_states", "_output_attentions"):
            if config is not None and getattr(config, name, False):
                setattr(config, name, False)


@contextmanager
def _as_found(model: nn.Module) -> Iterator[None]:
    training = {module: module.training for module in model.modules()}
    forwards = {module: module.__dict__.get("forward") for module in training}
    compiled = any(isinstance(getattr(m, "_orig_mod", None), nn.Module) for m in training)
    # A compiled part ignores hooks; running it eagerly is a switch for the whole process, so only then.
    stance = torch.compiler.set_stance("force_eager") if compiled else nullcontext()
    for module in training:
        module.training = False
    try:
        with stance:
            yield
    finally:
        for module, flag in training.items():
            module.training = flag
            if forwards[module] is None:
                module.__dict__.pop("forward", None)
            else:
                module.__dict__["forward"] = forwards[module]
