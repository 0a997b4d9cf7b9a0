"""The tensors of one forward pass that stand for named sites, with the graph that leads from them to the model's answer.

Always true: the graph begins at the first block's input, so no parameter needs a gradient; hooks and the tap are on the twin only, and for
as long as the context. What the model writes over in place goes on as a copy, so that a node stays what its module gave. Taking the
gradient is left to `gradients`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from llmwidgets.experiments.intervention import STREAM_SITES
from llmwidgets.models.anatomy import Anatomy, BlockAnatomy, Term
from llmwidgets.models.errors import CaptureStopped
from llmwidgets.models.stacks import first_tensor, stream_input, with_stream
from llmwidgets.models.tap import AttentionCall, AttentionTap

if TYPE_CHECKING:
    from llmwidgets.capture.recorder import Cancelled, Progress

SITES = (*STREAM_SITES, "z", "q", "k", "v", "attention_output", "mlp_post")
"""Names as in `run[name, layer]`; attention_output is what the attention function gives, before any gate or norm makes z of it."""


def _first_of_batch(tensor: Tensor) -> Tensor:
    return tensor[0] if tensor.ndim > 2 else tensor


def _heads_first(tensor: Tensor) -> Tensor:
    return tensor[0].transpose(0, 1)  # (head, position, width)


@dataclass(frozen=True, eq=False)
class Node:
    """A tensor of the graph that stands for a site: the site's gradient is the tensor's, over `factor`."""

    tensor: Tensor
    value: Tensor  # the site's activation, outside the graph, in the model's shape
    factor: float = 1.0
    shaped: Callable[[Tensor], Tensor] = _first_of_batch  # from the model's shape to the site's


class GraphListener:
    """Keeps the tensors of the graph that the sites stand for; use as `with listener.listening(): model(...)`."""

    def __init__(
        self, model: nn.Module, anatomy: Anatomy, sites: tuple[str, ...], progress: Progress | None, cancelled: Cancelled | None
    ) -> None:
        self.nodes: dict[tuple[str, int], Node] = {}
        self._modules = dict(model.named_modules())
        self._anatomy = anatomy
        self._sites = sites
        self._progress = progress
        self._cancelled = cancelled
        self._layer = -1
        self._inside = False
        self._stream: Tensor | None = None  # as it entered the running block
        self._added: dict[str, Tensor] = {}  # of the running block, by module

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hooks on the twin and a tap on its attention, for as long as the context."""
        blocks = self._anatomy.blocks
        with ExitStack() as stack, AttentionTap(self):
            for name in dict.fromkeys(block.name for block in blocks):
                stack.callback(self._modules[name].register_forward_pre_hook(self._enter_block, with_kwargs=True).remove)
            for name in dict.fromkeys(term.name for block in blocks for term in (*block.mixer_terms, *block.mlp_terms)):
                stack.callback(self._modules[name].register_forward_hook(self._leave_term(name)).remove)
            for site, attribute in (("z", "output_projection"), ("mlp_post", "mlp_output_projection")):
                names = dict.fromkeys(getattr(block, attribute) for block in blocks) if site in self._sites else {}
                for name in filter(None, names):
                    stack.callback(self._modules[name].register_forward_pre_hook(self._enter_projection(site, name)).remove)
            for name in dict.fromkeys(block.name for block in blocks):
                stack.callback(self._modules[name].register_forward_hook(self._leave_block).remove)
            yield

    def _keep(self, site: str, tensor: Tensor, shaped: Callable[[Tensor], Tensor] = _first_of_batch) -> None:
        if site in self._sites and self._inside and has_site(self._block, site):
            self.nodes[site, self._layer] = Node(tensor, tensor.detach(), shaped=shaped)

    @property
    def _block(self) -> BlockAnatomy:
        return self._anatomy.blocks[self._layer]

    # hooks

    def _enter_block(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._layer += 1
        if self._cancelled is not None and self._cancelled():
            raise CaptureStopped(f"stopped before layer {self._layer} of {len(self._anatomy.blocks)}")
        if self._progress is not None:
            self._progress(self._layer, len(self._anatomy.blocks), f"gradient, layer {self._layer}")
        self._inside, self._added = True, {}
        given = stream_input(args, kwargs)
        changed = None
        if self._layer == 0 and given is not None:
            begun = given.detach().requires_grad_().clone()  # the graph begins here; a clone, since a leaf may not be written over
            changed = with_stream(args, kwargs, begun)
            given = begun
        self._stream = given
        if given is not None:
            self._keep("resid_pre", given)
        return changed

    def _leave_term(self, name: str) -> Callable[..., Any]:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
            added = first_tensor(output)
            if not self._inside or added is None:
                return None
            self._added[name] = added
            # What the model will write over goes on as a copy, so that the node stays what the module gave.
            return _with_copy(output, added) if name in self._anatomy.mutated else None

        return hook

    def _enter_projection(self, site: str, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
            block = self._block
            if site == "z" and block.output_projection == name:
                self._keep(site, args[0], lambda tensor: tensor.reshape(tensor.shape[-2], block.n_heads, -1).transpose(0, 1))
            elif site == "mlp_post" and block.mlp_output_projection == name:
                self._keep(site, args[0])

        return hook

    def _leave_block(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        gave = first_tensor(output)
        if gave is not None:
            self._keep("resid_post", gave)
        self._keep_added("attn_out", self._block.mixer_terms, 0)
        self._keep_added("mlp_out", self._block.mlp_terms, 0)
        self._keep_added("resid_mid", self._block.mixer_terms, self._stream)
        self._inside = False

    def _keep_added(self, site: str, terms: tuple[Term, ...], onto: Tensor | float | None) -> None:
        if site not in self._sites or not has_site(self._block, site) or onto is None:
            return
        total = sum(((self._added[term.name].detach() * term.factor) for term in terms), onto)
        # All terms meet in one sum, which has one gradient; the last can be read by no other of them.
        self.nodes[site, self._layer] = Node(self._added[terms[-1].name], total.detach(), terms[-1].factor)

    # the tap

    def before_attention(self, call: AttentionCall) -> None:
        if call.module is self._modules.get(self._block.attention or ""):
            for site, tensor in (("q", call.query), ("k", call.key), ("v", call.value)):
                self._keep(site, tensor)

    def after_attention(self, call: AttentionCall, result: Any) -> None:
        gave = first_tensor(result)
        if call.module is self._modules.get(self._block.attention or "") and gave is not None:
            self._keep("attention_output", gave, _heads_first)  # (1, position, head, value width)


def _with_copy(output: Any, first: Tensor) -> Any:
    if output is first:
        return first.clone()
    return type(output)(first.clone() if value is first else value for value in output) if type(output) in (tuple, list) else None


def has_site(block: BlockAnatomy, site: str) -> bool:
    """Whether a block has `site` as a value of its own."""
    if site in ("resid_pre", "resid_post"):
        return block.is_stream
    if site in ("q", "k", "v", "attention_output"):
        return block.via_interface and block.n_attentions == 1
    return {
        "resid_mid": block.has_middle,
        "attn_out": block.attention is not None and bool(block.mixer_terms),
        "mlp_out": bool(block.mlp_terms),
        "z": block.output_projection is not None and block.n_heads > 0,
        "mlp_post": block.mlp_output_projection is not None,
    }[site]
