"""How much a head raises the very tokens that it looks at: where they stand among other tokens in what it adds to the logits.

What a head adds at a query is carried to the logits of some candidates: through W_O, a post-norm where there is one, the final norm and
the output matrix, with the norms' statistics frozen. Only ranks are read, so scales that are the same for all candidates do not matter.
Always true: the way is not taken from a name but held to the run: what it gives for all heads together must be the run's own attn_out, and
for the whole stream the order of its own logits. Where it is not, copying is undefined and the reason is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from llmwidgets.models.anatomy import BlockAnatomy
from llmwidgets.models.errors import ActivationUnavailableError, UndefinedHereError
from llmwidgets.models.expression import Leaf, Node, Norm, leaves, terms
from llmwidgets.models.matrices import matrix_of
from llmwidgets.models.norms import NormForm, norm_form

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

CHANCE = 0.5
_CLOSE = 3e-3  # of the largest number compared
_CLOSE_IN_HALF = 5e-2


@dataclass(frozen=True, eq=False)
class _Stage:
    """The model of a run, and the candidates' columns of what reads the logits out."""

    modules: dict[str, nn.Module]
    width: int
    dtype: torch.dtype
    final: NormForm | None
    columns: Tensor  # (d_model, candidate)

    @property
    def tolerance(self) -> float:
        return _CLOSE if self.dtype in (torch.float32, torch.float64) else _CLOSE_IN_HALF

    def logits(self, added: Tensor) -> Tensor:
        """What `added` (..., d_model) adds to the candidates' logits, up to a scale: (..., candidate)."""
        added = added.to(self.columns.dtype)
        return (added if self.final is None else self.final.linear(added).to(self.columns.dtype)) @ self.columns


def copying_scores(run: Capture, queries: list[int], others: Tensor, n_start: int = 0) -> tuple[np.ndarray, dict[str, list[int]]]:
    """One run's copying scores (layer, head) float64, and for each reason why there are none the layers concerned.

    queries: the rows that count. others: ids (n,) to compare with, none of them in the prompt. n_start: tokens at the start that do not
    count as looked at (a start token is not one of many alike).

    Each look at a token counts by its weight with that token's percentile among the candidates (the prompt's tokens and `others`): 1
    if the head raises it most of all, 0.5 if it stands in the middle.
    """
    scores = np.full((run.n_layers, run.n_heads), np.nan)
    undefined: dict[str, list[int]] = {}
    prompt, token_at = torch.tensor(run.token_ids[n_start:]).unique(return_inverse=True)  # (token,), (position,)
    try:
        with _stage(run, torch.cat([prompt, others])) as stage:
            for layer, n_heads in enumerate(run.heads_per_layer):
                if not n_heads:
                    continue
                try:
                    added = _added_by_heads(run, stage, layer, queries)  # (head, query, d_model)
                except (UndefinedHereError, ActivationUnavailableError) as error:
                    undefined.setdefault(str(error), []).append(layer)
                    continue
                weights = run.pattern(layer, None, queries)[..., n_start:]  # (head, query, key)
                looks = torch.zeros(*weights.shape[:2], len(prompt), dtype=weights.dtype).index_add_(-1, token_at, weights)
                percentile = percentiles(stage.logits(added), len(prompt), _rounding(stage, added))  # (head, query, token)
                scores[layer, :n_heads] = ((looks * percentile).sum((1, 2)) / looks.sum((1, 2))).double().numpy()
    except (UndefinedHereError, ActivationUnavailableError) as error:
        undefined[str(error)] = [layer for layer, n_heads in enumerate(run.heads_per_layer) if n_heads]
    return scores, undefined


def percentiles(values: Tensor, n_asked: int, rounding: Tensor | float = 0.0) -> Tensor:
    """Where each of the first `n_asked` of the last dimension stands among all the others: 0 lowest, 1 highest, ties in the middle.

    rounding: (..., 1) differences up to this count as ties.

    >>> percentiles(torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]), 2)
    tensor([[1.0000, 0.0000],
            [0.5000, 0.5000]])
    """
    ordered = values.sort(dim=-1).values
    asked = values[..., :n_asked].contiguous()
    below = torch.searchsorted(ordered, asked - rounding, right=False)
    upto = torch.searchsorted(ordered, asked + rounding, right=True)  # with itself
    middle = (below + upto - 1).to(values.dtype) / 2 / (values.shape[-1] - 1)
    return middle.masked_fill_(values.isnan().any(-1, keepdim=True), torch.nan)


def _rounding(stage: _Stage, added: Tensor) -> Tensor:
    """(head, query, 1): what rounding may make of a logit that is the same for all."""
    gain = stage.columns if stage.final is None else stage.columns * stage.final.gamma[:, None].to(stage.columns.dtype)
    size = added.norm(dim=-1, keepdim=True) * gain.norm(dim=0).max()
    return (16 * torch.finfo(stage.columns.dtype).eps * size).to(stage.columns.dtype)


@contextmanager
def _stage(run: Capture, candidates: Tensor) -> Iterator[_Stage]:
    bench = run.bench("copying scores")
    anatomy = bench.anatomy
    last = run.n_layers - 1
    if not anatomy.has_head:
        raise UndefinedHereError("this model has no output head, so no logits that a head could raise")
    with bench.twin.ready() as model, torch.no_grad():
        modules = dict(model.named_modules())
        dtype = next(model.parameters()).dtype
        final = norm_form(modules[anatomy.final_norm], run.d_model, dtype) if anatomy.final_norm else None
        head = model.get_output_embeddings()
        read = run["ln_final"] if anatomy.final_norm else run["resid_post", last]  # (position, d_model)
        if getattr(head, "in_features", read.shape[-1]) != read.shape[-1]:
            raise UndefinedHereError(_MORE_THAN_A_NORM)
        matrix = matrix_of(head, read.shape[-1], dtype, keep=lambda outputs: outputs[:, candidates])
        rows = [0, run.n_tokens // 2, run.n_tokens - 1]
        stage = _Stage(modules, run.d_model, dtype, final, matrix.weight)
        said = run.read_out(run["resid_post", last][rows])[:, candidates]
        if not _rises_with(matrix(read[rows]), said, stage.tolerance):
            raise UndefinedHereError(_MORE_THAN_A_NORM)
        yield stage


_MORE_THAN_A_NORM = (
    "the logits are read out through more than a final norm and the output matrix, so what a head adds to them is not one linear term"
)


def _rises_with(expected: Tensor, said: Tensor, tolerance: float) -> bool:
    """Whether `said` (n, candidate) rises as `expected` does: a positive factor and a soft cap are all that may lie between them."""
    along = said.gather(-1, expected.argsort(dim=-1))
    span = (along.amax(-1) - along.amin(-1)).clamp(min=torch.finfo(along.dtype).tiny)
    falls = (along.cummax(-1).values - along).amax(-1)
    return bool((falls <= tolerance * span).all())


def _added_by_heads(run: Capture, stage: _Stage, layer: int, queries: list[int]) -> Tensor:
    """(head, query, d_model): what each head adds to the stream, up to a positive scale of each query."""
    blocks = run.bench("copying scores").anatomy.blocks
    for later in blocks[layer:]:
        if not later.is_additive:
            raise UndefinedHereError(f"this block or a later one does not keep the stream and add to it ({later.expression})")
    block = blocks[layer]
    if block.output_projection is None:
        raise UndefinedHereError("no output projection follows the attention")
    z = run["z", layer]  # (head, position, width)
    projection = matrix_of(stage.modules[block.output_projection], z.shape[0] * z.shape[2], stage.dtype)
    z = z.to(projection.weight.dtype)
    whole = projection(z.transpose(0, 1).flatten(1))  # (position, d_model)
    factor, post = _way_out(block, stage)
    attn_out = run["attn_out", layer].to(whole.dtype)
    if whole.shape != attn_out.shape:
        raise UndefinedHereError(_NOT_THE_PROJECTION)
    carried = whole if post is None else post.frozen(whole, attn_out / factor).apply(whole) + post.beta
    if not bool((factor * carried - attn_out).abs().max() <= stage.tolerance * attn_out.abs().max()):
        raise UndefinedHereError(_NOT_THE_PROJECTION)
    per_head = projection.weight.unflatten(0, (z.shape[0], z.shape[2]))  # (head, width, d_model)
    added = factor * torch.einsum("hqw,hwd->hqd", z[:, queries], per_head)
    return added if post is None else post.linear(added)


_NOT_THE_PROJECTION = "attention adds something else to the stream than the output projection of its heads, so no head has its own part"


def _way_out(block: BlockAnatomy, stage: _Stage) -> tuple[float, NormForm | None]:
    """The factor and the post-norm through which the attention's output enters the stream."""
    wanted = {term.name for term in block.mixer_terms}
    found: list[tuple[float, Any]] = [(c, node) for c, node in terms(_of(block.output)) if getattr(node, "name", None) in wanted]
    if len(found) == 1 and isinstance(found[0][1], Leaf):
        return found[0][0], None
    if len(found) == 1 and isinstance(found[0][1], Norm) and not any(isinstance(inner, Norm) for _, inner in terms(found[0][1].inner)):
        norm = found[0][1]
        if len(list(leaves(norm))) == 1:
            return found[0][0], norm_form(stage.modules[norm.name], stage.width, stage.dtype, norm.name)
    raise UndefinedHereError(f"what attention adds to the stream is no single term ({block.expression})")


def _of(node: Node | None) -> Node:
    if node is None:
        raise UndefinedHereError("what the block gives could not be followed")
    return node
