"""Edits: interventions made exact for one run, with every layer, head, position and value found and checked.

Always true: making edits changes nothing and runs no model but for donors' captures. What the architecture has no such place for, or the
run no such coordinate, is an error here, before any pass begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llmwidgets.experiments.donors import Donors
from llmwidgets.experiments.intervention import COORDINATES, Intervention
from llmwidgets.experiments.places import Places, several, within
from llmwidgets.experiments.replacement import OWN
from llmwidgets.models.anatomy import BlockAnatomy
from llmwidgets.models.errors import PromptError, UndefinedHereError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

Blocks = tuple[BlockAnatomy, ...]

_KEYED = ("k", "v")  # their heads are the shared ones


@dataclass(frozen=True, eq=False)
class Edit:
    """One site in one layer. Index tensors are int64; value is what goes to these places, or None for zero (scores: cut)."""

    site: str
    layer: int
    positions: Tensor  # (position,)
    heads: Tensor | None = None  # (head,)
    keys: Tensor | None = None  # (key,)
    neurons: Tensor | None = None  # (neuron,)
    value: Tensor | None = None  # (position, width), (head, position, width) or (position, neuron)


def edits_of(run: Capture, interventions: Iterable[Intervention], donors: Donors) -> list[Edit]:
    """Return the edits that `interventions` are on this run, in their order.

    Raises IndexError for a coordinate outside the run, UndefinedHereError for a site that the architecture lacks.
    """
    blocks = run.bench("an experiment").anatomy.blocks
    return [_edit(run, blocks, one, layer, donors) for one in interventions for layer in _layers(blocks, one)]


def first_layer(edits: Iterable[Edit], n_layers: int) -> int:
    """The first block that the edits change; what comes before it is as in the clean run. The last block where nothing is changed."""
    return min((edit.layer for edit in edits), default=n_layers - 1)


def require_site(run: Capture, site: str, layer: int) -> None:
    """Raise UndefinedHereError, with the reason, where block `layer` has no `site`."""
    _require(run.bench("an experiment").anatomy.blocks, site, layer)


def sites_of(run: Capture, layer: int) -> tuple[str, ...]:
    """The sites that can be changed in a block."""
    block = run.bench("an experiment").anatomy.blocks[layer]
    return tuple(site for site in COORDINATES if _lack(block, site) is None)


def layers_with(run: Capture, site: str) -> list[int]:
    """The layers whose block has `site`."""
    blocks = run.bench("an experiment").anatomy.blocks
    return [layer for layer, block in enumerate(blocks) if _lack(block, site) is None]


def head_count(run: Capture, site: str, layer: int) -> int:
    """How many heads a site has in a layer; of k and v, how many are shared among the queries' heads."""
    return run[site, layer].shape[0] if site in _KEYED else run.heads_per_layer[layer]


def _lack(block: BlockAnatomy, site: str) -> str | None:
    if not block.is_stream:
        return f"its input is not one vector per position ({block.expression})"
    if site in ("resid_pre", "resid_post"):
        return None
    if site == "resid_mid":
        both_read = f"attention and MLP both read the block's input ({block.expression}), so there is nothing between them"
        not_between = f"attention is not simply added there ({block.expression})"
        return None if block.has_middle else both_read if block.is_additive else not_between
    if site == "mlp_out":
        return None if block.mlp_terms else f"what its MLP adds cannot be told apart ({block.expression})"
    if site == "mlp_post":
        return None if block.mlp_output_projection else f"no single matrix makes its MLP's output, as with experts ({block.expression})"
    if block.attention is None and site != "attn_out":
        return f"it has no attention ({block.expression})"
    if site == "attn_out":
        return None if block.mixer_terms else f"what its attention adds cannot be told apart ({block.expression})"
    if site == "z":
        return None if block.output_projection and block.n_heads else "no matrix was found that takes its heads' outputs together"
    if not block.via_interface or block.n_attentions != 1:
        how = "calls its attention several times" if block.via_interface else "does not use the attention interface of Transformers"
        return f"it {how}, so what is inside it is out of reach; z and attn_out can be changed"
    return None


def _require(blocks: Blocks, site: str, layer: int) -> None:
    reason = _lack(blocks[layer], site)
    if reason is not None:
        raise UndefinedHereError(f"{site} cannot be changed in block {layer}: {reason}")


def _layers(blocks: Blocks, one: Intervention) -> list[int]:
    if one.layer is not None:
        return _within(one.layer, len(blocks), "layer").tolist()
    having = [layer for layer, block in enumerate(blocks) if _lack(block, one.site) is None]
    if not having:
        _require(blocks, one.site, 0)
    return having


def _edit(run: Capture, blocks: Blocks, one: Intervention, layer: int, donors: Donors) -> Edit:
    _require(blocks, one.site, layer)
    assert one.replacement is not None
    positions = _within(one.position, run.n_tokens, "position")
    coordinates = COORDINATES[one.site]
    heads = _within(one.head, head_count(run, one.site, layer), f"head (of {one.site})") if "head" in coordinates else None
    keys = _within(one.key, run.n_tokens, "key") if "key" in coordinates else None
    value = donors.value(one.site, layer, one.replacement)
    rows = positions  # of the value
    if one.replacement.positions is not None and value is not None:
        positions, rows = _paired(one, positions, one.replacement.positions)
        if one.site == "pattern" and (value.shape[-1] != run.n_tokens or any(own != other for own, other in one.replacement.positions)):
            raise UndefinedHereError(
                "a row of a pattern reaches over every key of its prompt, and the other prompt has others; change q, k, v or z instead"
            )
    neurons = None
    if one.neuron is not None:
        activations = donors.value(one.site, layer, OWN)  # (position, neuron); asked for once, however many neurons
        assert activations is not None
        neurons = _within(one.neuron, activations.shape[-1], "neuron")
    if value is not None:
        value = value[heads] if heads is not None else value
        value = value[..., rows, :]
        value = value[:, neurons] if neurons is not None else value
    return Edit(one.site, layer, positions, heads, keys, neurons, value)


def _paired(one: Intervention, positions: Tensor, pairs: Iterable[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """The positions that have a partner, and the partners, (position,) each. PromptError where one is asked for that has none."""
    partner = dict(pairs)
    alone = [at for at in positions.tolist() if at not in partner]
    if alone and one.position is not None:
        raise PromptError(f"position {alone[0]} has no partner in the other prompt; pair it with one, or change another position")
    own = [at for at in positions.tolist() if at in partner]
    return torch.tensor(own, dtype=torch.int64), torch.tensor([partner[at] for at in own], dtype=torch.int64)


def _within(places: Places, size: int, name: str) -> Tensor:
    if places is None:
        return torch.arange(size)
    return torch.tensor(within(several(places), size, name))
