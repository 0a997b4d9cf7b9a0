"""The head measures and the logit lens written out plainly, in float64, from the model's own eager run.

Nothing here uses llmwidgets: loops over cells, and the modules of the models themselves.
"""

from __future__ import annotations

import math

import torch
from transformers import PreTrainedModel

from tests.architectures import build


def double(name: str) -> PreTrainedModel:
    """The model in float64, with eager attention."""
    return build(name, torch.float64, attention="eager")


def eager_patterns(model: PreTrainedModel, ids: list[int]) -> list[torch.Tensor]:
    """(head, query, key) for each layer."""
    with torch.no_grad():
        return [weights[0].double() for weights in model(torch.tensor([ids]), output_attentions=True).attentions]


def may_look(model: PreTrainedModel, layer: int, query: int, key: int) -> bool:
    """Causal, and within the window where the layer has one."""
    kinds = getattr(model.config, "layer_types", None)
    windowed = bool(kinds) and kinds[layer] == "sliding_attention"
    return key <= query and (not windowed or query - key < model.config.sliding_window)


def is_target(measure: str, ids: list[int], query: int, key: int) -> bool:
    earlier = key < query
    return {
        "first": key == 0,
        "self": key == query,
        "previous": key == query - 1,
        "duplicate": earlier and ids[key] == ids[query],
        "after_duplicate": earlier and key >= 1 and ids[key - 1] == ids[query],
    }[measure]


def share(model: PreTrainedModel, pattern: torch.Tensor, ids: list[int], layer: int, measure: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The share and that of uniform attention, (head, query) each; NaN where no key, or every key, is a target."""
    n_heads, n, _ = pattern.shape
    found, uniform = (torch.full((n_heads, n), math.nan, dtype=torch.float64) for _ in range(2))
    for query in range(n):
        allowed = [key for key in range(n) if may_look(model, layer, query, key)]
        targets = [key for key in allowed if is_target(measure, ids, query, key)]
        if 0 < len(targets) < len(allowed):
            for head in range(n_heads):
                found[head, query] = sum(float(pattern[head, query, key]) for key in targets)
                uniform[head, query] = len(targets) / len(allowed)
    return found, uniform


def entropy(pattern: torch.Tensor) -> torch.Tensor:
    """(head, query), nats, of the rows scaled to sum 1."""
    n_heads, n, _ = pattern.shape
    found = torch.zeros(n_heads, n, dtype=torch.float64)
    for head in range(n_heads):
        for query in range(n):
            weights = [float(weight) for weight in pattern[head, query]]
            total = sum(weights)
            found[head, query] = -sum(w / total * math.log(w / total) for w in weights if w > 0)
    return found
