"""The keyword arguments of one forward pass over one prompt, asking the model for nothing extra, and where a module's inputs belong."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn


def forward_inputs(model: nn.Module, ids: Tensor, mask: Tensor, keep: Tensor | None = None) -> dict[str, Any]:
    """Return `model(**...)`'s arguments for `ids` (position,); `keep` (n,) asks for those positions' logits only,
    where the model can leave the others out."""
    accepted = inspect.signature(model.forward).parameters
    device = _where_tokens_go(model)
    inputs: dict[str, Any] = {"input_ids": ids[None].to(device)}  # (1, position)
    if "attention_mask" in accepted:
        inputs["attention_mask"] = mask[None].to(device)
    if "use_cache" in accepted:
        inputs["use_cache"] = False
    if keep is not None and "logits_to_keep" in accepted:
        inputs["logits_to_keep"] = keep.to(device)
    return inputs


def device_of(module: nn.Module) -> torch.device:
    """Where a module's own tensors are, and so where its input belongs; the CPU where it has none (or all are offloaded)."""
    held = (tensor.device for tensor in (*module.parameters(), *module.buffers()) if tensor.device.type != "meta")
    return next(held, torch.device("cpu"))


def _where_tokens_go(model: nn.Module) -> torch.device:
    weight = getattr(model.get_input_embeddings(), "weight", None)
    if isinstance(weight, Tensor) and weight.device.type != "meta":
        return weight.device
    return next((p.device for p in model.parameters() if p.device.type != "meta"), torch.device("cpu"))
