"""What a model is made of: its blocks, what attention and MLP add to the stream, and where to listen.

Read from the trace of one small probe pass, not from a table of names; cached per model (weakly), and made
anew when the model's modules or its attention implementation change. Holds names only, no tensors and no modules.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from llmwidgets.models.errors import NotATransformerError
from llmwidgets.models.expression import Input, Leaf, Node, Norm, contains_input, describe, leaves, terms
from llmwidgets.models.inputs import forward_inputs
from llmwidgets.models.probe import Attended, BlockTrace, Visit, probe
from llmwidgets.models.stacks import find_blocks, is_linear
from llmwidgets.models.twin import Twin

_PROBE_TOKENS = 11  # unlikely to be a number of heads or experts, which would look like an attention's shape


@dataclass(frozen=True)
class Term:
    """Something added to the stream: `factor` times the output of the module `name`."""

    name: str
    factor: float


@dataclass(frozen=True)
class BlockAnatomy:
    """One block. Names are module paths in the model; None and () say that there is no such thing."""

    name: str
    expression: str  # e.g. "x + attn + mlp"
    is_stream: bool  # takes and gives one vector a position
    attention: str | None
    via_interface: bool  # its attention function is looked up through Transformers' AttentionInterface
    n_heads: int  # of queries
    n_attentions: int
    output_projection: str | None
    mixer_terms: tuple[Term, ...]  # what attention adds (before any post-norm over the sum), or what stands in its place
    mlp_terms: tuple[Term, ...]
    is_additive: bool  # x + mixer terms + MLP terms is all there is
    has_middle: bool  # the MLP reads x + mixer
    mlp_activation: str | None
    mlp_output_projection: str | None
    output_length: int | None  # of the tuple that it gives; None where it gives the tensor itself
    output: Node | None  # the block's output as an expression in its input; `expression` is it as a line

    @property
    def mlp(self) -> str | None:
        """The one module whose output, maybe through a norm, is what the MLP adds."""
        names = {term.name for term in self.mlp_terms}
        if not self.is_additive or self.output is None:
            return next(iter(names)) if len(names) == 1 else None
        found = [leaf.name for _, node in terms(self.output) if getattr(node, "name", None) in names for leaf in leaves(node)]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class Anatomy:
    """The whole model."""

    blocks: tuple[BlockAnatomy, ...]
    mutated: frozenset[str]  # modules whose output the model writes over in place
    embedding: str | None
    final_norm: str | None
    has_head: bool


_known: weakref.WeakKeyDictionary[nn.Module, tuple[Any, Anatomy]] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


def anatomy_of(model: nn.Module, twin: Twin) -> Anatomy:
    """Return the anatomy of `model`, by a probe pass on `twin` when it is not known yet."""
    structure = _structure(model)
    with _guard:
        known = _known.get(model)
    if known is not None and known[0] == structure:
        return known[1]
    anatomy = _examine(twin)
    with _guard:
        _known[model] = (structure, anatomy)
    return anatomy


def _structure(model: nn.Module) -> Any:
    implementation = getattr(getattr(model, "config", None), "_attn_implementation", None)
    return implementation, tuple((name, type(module)) for name, module in model.named_modules())


def _examine(twin: Twin) -> Anatomy:
    with twin.ready() as model:
        if not find_blocks(model):
            raise NotATransformerError(f"{type(model).__name__} has no list of blocks that hold linear layers; expected a transformer")
        size = getattr(model.get_input_embeddings(), "num_embeddings", None) or 2
        ids = torch.arange(_PROBE_TOKENS).mul(7).add(3).remainder(size)  # (position,)
        trace = probe(model, forward_inputs(model, ids, torch.ones_like(ids)))
        if not trace.blocks:
            raise NotATransformerError(f"{type(model).__name__} ran none of its blocks on token ids alone")
        names = {module: name for name, module in model.named_modules()}
        return Anatomy(
            blocks=tuple(_read_block(block) for block in trace.blocks),
            mutated=frozenset(trace.mutated),
            embedding=names.get(model.get_input_embeddings()),
            final_norm=trace.final_norm,
            has_head=model.get_output_embeddings() is not None,
        )


def _read_block(block: BlockTrace) -> BlockAnatomy:
    attended = _attentions(block)
    first = attended[0] if attended else None
    mixer_terms, mlp_terms, is_additive = _read_terms(block, first)
    after = first.time if first else block.start
    projection = _output_projection(block, first)
    mlp_output = _mlp_output(block, mlp_terms, projection, after)
    return BlockAnatomy(
        name=block.name,
        expression=describe(block.output, block.name),
        is_stream=block.is_stream,
        attention=first.module if first else None,
        via_interface=first is not None and first.via == "interface",
        n_heads=first.n_heads if first else 0,
        n_attentions=len(attended),
        output_projection=projection.name if projection else None,
        mixer_terms=mixer_terms,
        mlp_terms=mlp_terms,
        is_additive=is_additive,
        has_middle=is_additive and bool(mlp_terms) and _reads_middle(block, mixer_terms),
        mlp_activation=_mlp_activation(block) if mlp_output else None,
        mlp_output_projection=mlp_output,
        output_length=block.output_length,
        output=block.output,
    )


def _attentions(block: BlockTrace) -> list[Attended]:
    through_interface = [a for a in block.attended if a.via == "interface"]
    return through_interface or block.attended


def _output_projection(block: BlockTrace, attended: Attended | None) -> Visit | None:
    """The matrix that takes all heads' outputs together: the first one after attention, with what is wrapped around it (LoRA)."""
    if attended is None or block.output is None:
        return None
    later = [visit for visit in block.visits if visit.start > attended.time]
    linear = min((visit for visit in later if is_linear(visit.module)), key=lambda visit: visit.start, default=None)
    leaf = _mixer_leaf(block, terms(block.output), attended)
    if linear is None or leaf is None or leaf.name is None:
        return linear
    around = [visit for visit in later if _holds(leaf.name, visit.name) and _holds(visit.name, linear.name)]
    return min(around, key=lambda visit: visit.start, default=linear)


def _holds(outer: str, inner: str) -> bool:
    return f"{inner}.".startswith(f"{outer}.")


def _read_terms(block: BlockTrace, attended: Attended | None) -> tuple[tuple[Term, ...], tuple[Term, ...], bool]:
    """The mixer's and the MLP's terms, and whether the block is x plus exactly these."""
    if block.output is None or not block.is_stream:
        return (), (), False
    all_terms = terms(block.output)
    streams = [factor for factor, node in all_terms if isinstance(node, Input)]
    others = [(factor, node) for factor, node in all_terms if not isinstance(node, Input)]
    if streams != [1.0] or any(contains_input(node) or not getattr(node, "name", None) for _, node in others):
        return *_terms_before_norms(block, attended), False
    mixer_leaf = _mixer_leaf(block, others, attended)
    mixer, rest = [], []
    for factor, node in others:
        assert isinstance(node, (Leaf, Norm)) and node.name is not None
        is_mixer = any(leaf is mixer_leaf for leaf in leaves(node))
        (mixer if is_mixer else rest).append(Term(node.name, factor))
    return tuple(mixer), tuple(rest), True


def _terms_before_norms(block: BlockTrace, attended: Attended | None) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """In a post-norm block (BERT): what attention and MLP add, each before the norm over the sum; () where they cannot be told apart."""
    assert block.output is not None
    found = list(leaves(block.output))
    mixer_leaf = _mixer_leaf(block, [(1.0, block.output)], attended)
    if attended is None or mixer_leaf is None or any(leaf.name is None for leaf in found):
        return (), ()
    mixer = tuple(Term(leaf.name, 1.0) for leaf in found if leaf is mixer_leaf and leaf.name)
    return mixer, tuple(Term(leaf.name, 1.0) for leaf in found if leaf is not mixer_leaf and leaf.name)


def _mixer_leaf(block: BlockTrace, others: Sequence[tuple[float, Node]], attended: Attended | None) -> Leaf | None:
    """The first addition that ends after attention; in a block without attention, the first one."""
    since = block.start if attended is None else attended.time
    later = [leaf for _, node in others for leaf in leaves(node) if leaf.time > since]
    return min(later, key=lambda leaf: leaf.time, default=None)


def _reads_middle(block: BlockTrace, mixer_terms: tuple[Term, ...]) -> bool:
    wanted = {None, *(term.name for term in mixer_terms)}
    for node in block.read:
        parts = terms(node)
        if len(parts) == len(wanted) > 1 and {getattr(part, "name", None) for _, part in parts} == wanted:
            return True
    return False


def _mlp_activation(block: BlockTrace) -> str | None:
    """The one activation function that runs as a module outside attention."""
    found = [v.name for v in block.visits if "activation" in type(v.module).__module__.lower()]
    return found[0] if len(found) == 1 else None


def _mlp_output(block: BlockTrace, mlp_terms: tuple[Term, ...], projection: Visit | None, after: int) -> str | None:
    """The last matrix of a dense MLP: of two or three linear layers inside what the MLP adds."""
    if len(mlp_terms) != 1:
        return None
    name = mlp_terms[0].name
    linears = [v for v in block.visits if is_linear(v.module) and (v.name == name or v.name.startswith(name + "."))]
    if not linears:  # the term is a post-norm: the MLP is what ran after attention
        linears = [v for v in block.visits if is_linear(v.module) and v.start > after and v is not projection]
    return linears[-1].name if len(linears) <= 3 and linears else None
