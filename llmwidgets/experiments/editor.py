"""The editor: one forward pass of many rows, each with its own edits, on a twin.

Rows are the batch. A row whose first edit is in block l is like the clean run before it, so it joins the batch only at block l, with the
clean run's stream there, or, where only what attention reads out changes, after that block's attention; blocks before the first row's are
stubbed. Always true: hooks, stubs and tap are gone when the context ends, also after an exception; a row without edits reproduces the
clean run. Which rows go into one pass is decided in `passes`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from llmwidgets.experiments.edits import Edit
from llmwidgets.experiments.looks import AttentionEditor
from llmwidgets.experiments.pieces import in_pieces
from llmwidgets.experiments.writing import write_heads, write_stream, write_width
from llmwidgets.models.anatomy import Term
from llmwidgets.models.errors import CaptureStopped
from llmwidgets.models.stacks import first_tensor, stream_input, with_first_tensor, with_stream
from llmwidgets.models.stubs import stubbed
from llmwidgets.models.tap import AttentionTap

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


@dataclass(frozen=True, eq=False)
class Row:
    """One experiment in a pass: where it joins, and its edits."""

    start: int
    edits: tuple[Edit, ...]


class Editor:
    """Use as `with editor.at_work(model): model(...)`. Rows are sorted by `start`.

    joining: "after attention" or "at block", rows join at their start; "together", all of them begin with the first. wanted: the positions
    whose logits are asked for; the last MLP leaves out the others (None: all).
    """

    def __init__(
        self,
        run: Capture,
        rows: Sequence[Row],
        joining: str = "at block",
        cancelled: Callable[[], bool] | None = None,
        wanted: Sequence[int] | None = None,
    ) -> None:
        self._run = run
        self._anatomy = run.bench("an experiment").anatomy
        self._first = rows[0].start
        self._starts = [self._first if joining == "together" else row.start for row in rows]
        self._cancelled = cancelled
        self._wanted = None if wanted is None else list(wanted)
        self._layer = -1
        self._given: Tensor | None = None  # the running block's input
        self._edits: dict[tuple[int, str], list[tuple[int, Edit]]] = defaultdict(list)
        for index, row in enumerate(rows):
            for edit in row.edits:
                self._edits[edit.layer, edit.site].append((index, edit))
        late = set(self._starts) if joining == "after attention" else set()
        self._late = {layer for layer in late if self._may_join_late(layer)}

    @contextmanager
    def at_work(self, model: nn.Module, first: int = 0) -> Iterator[None]:
        """Hooks, stubs and a tap on the twin, for one pass; `first` is the first block that runs in it."""
        self._layer = first - 1
        modules = dict(model.named_modules())
        with ExitStack() as stack:

            def before(name: str | None, hook: Any) -> None:
                if name is not None:
                    stack.callback(modules[name].register_forward_pre_hook(hook, with_kwargs=True).remove)

            def after(name: str, hook: Any) -> None:
                stack.callback(modules[name].register_forward_hook(hook).remove)

            blocks = self._anatomy.blocks
            for name in {block.name: None for block in blocks}:
                before(name, self._enter_block)
                after(name, self._leave_block)
            edited = sorted(self._edits)
            last = self._last_mlp(edited)
            if last is not None:
                before(last, self._narrow)
                after(last, self._widen)
            for name in {term.name: None for layer, site in edited for term in self._terms(layer, site)}:
                after(name, self._change_added(name))
            for name in {blocks[layer].attention: None for layer in self._late}:
                before(name, self._only_earlier_rows)
            changing_z = {*self._late, *(layer for layer, site in edited if site == "z")}
            for name in {blocks[layer].output_projection: None for layer in changing_z}:
                before(name, self._change_z)
            for name in {blocks[layer].mlp_output_projection: None for layer, site in edited if site == "mlp_post"}:
                before(name, self._change_neurons)
            if any(site in AttentionEditor.SITES for _, site in edited):
                names = {module: name for name, module in modules.items()}
                stack.enter_context(AttentionTap(AttentionEditor(self._edits_of_attention(names)), changes=True))
            stack.enter_context(in_pieces(modules[name] for name in {block.mlp_activation: None for block in blocks} if name))
            stack.enter_context(stubbed(model, self._anatomy, self._first, lambda given: given))
            yield

    def _last_mlp(self, edited: Sequence[tuple[int, str]]) -> str | None:
        """The last block's MLP, where it need not be computed at positions whose answer nobody asks for."""
        blocks = self._anatomy.blocks
        last = len(blocks) - 1
        is_edited = any(layer == last and site in ("mlp_post", "mlp_out", "resid_post") for layer, site in edited)
        is_shared = sum(block.name == blocks[last].name for block in blocks) > 1
        return None if self._wanted is None or is_edited or is_shared else blocks[last].mlp

    def _narrow(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = stream_input(args, kwargs)
        assert given is not None and self._wanted is not None
        narrow = self._by_row(given)[:, self._wanted]  # (row, wanted, width)
        return with_stream(args, kwargs, narrow if given.ndim == 3 else narrow.flatten(0, 1))

    def _widen(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        added = first_tensor(output)
        assert self._wanted is not None and self._given is not None and added is not None
        n_rows, n_tokens = self._given.shape[:2]
        wide = added.new_zeros(n_rows, n_tokens, added.shape[-1])
        wide[:, self._wanted] = added.view(n_rows, len(self._wanted), -1)
        return with_first_tensor(output, wide if added.ndim == 3 else wide.flatten(0, 1))

    def _terms(self, layer: int, site: str) -> tuple[Term, ...]:
        block = self._anatomy.blocks[layer]
        return {"attn_out": block.mixer_terms, "resid_mid": block.mixer_terms, "mlp_out": block.mlp_terms}.get(site, ())

    def _here(self, site: str) -> list[tuple[int, Edit]]:
        return self._edits.get((self._layer, site), [])

    # blocks

    def _enter_block(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._layer += 1
        if self._cancelled is not None and self._cancelled():
            raise CaptureStopped(f"stopped before layer {self._layer} of {len(self._anatomy.blocks)}")
        stream = stream_input(args, kwargs)
        if self._layer < self._first or stream is None:
            return None
        joining = self._starts.count(self._layer)
        if joining:
            clean = self._run["resid_pre", self._layer].to(stream)[None].expand(joining, -1, -1)  # (row, position, d_model)
            stream = clean.contiguous() if self._layer == self._first else torch.cat([stream, clean])
        stream = write_stream(stream, self._here("resid_pre"))
        self._given = stream
        return with_stream(args, kwargs, stream)

    def _leave_block(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        edits = self._here("resid_post") if self._layer >= self._first else []
        if not edits:
            return None
        stream = first_tensor(output)
        assert stream is not None
        return with_first_tensor(output, write_stream(stream, edits))

    # what attention and MLP add

    def _change_added(self, name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
            added = first_tensor(output)
            assert added is not None
            given = self._by_row(added)
            changed = given
            for site in ("attn_out", "mlp_out", "resid_mid"):
                terms = self._terms(self._layer, site)
                factors = [term.factor for term in terms if term.name == name]
                if not factors or not self._here(site):
                    continue
                is_first = terms[0].name == name  # a second module that adds to the same sum adds nothing
                base = self._given if site == "resid_mid" else None
                changed = write_stream(changed, self._here(site), factors[0] if is_first else None, base)
            return None if changed is given else with_first_tensor(output, changed.reshape(added.shape))

        return hook

    def _may_join_late(self, layer: int) -> bool:
        """Whether all that the block's attention reads is as in the clean run, for the rows that join here."""
        block = self._anatomy.blocks[layer]
        joining = {index for index, start in enumerate(self._starts) if start == layer}
        read = (index for site in ("resid_pre", *AttentionEditor.SITES) for index, _ in self._edits.get((layer, site), []))
        return block.n_heads > 0 and block.n_attentions == 1 and block.output_projection is not None and joining.isdisjoint(read)

    def _only_earlier_rows(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = stream_input(args, kwargs)
        if self._layer not in self._late or given is None:
            return None
        return with_stream(args, kwargs, given[: max(1, self._n_earlier())])  # one at least: not all code takes an empty batch

    def _n_earlier(self) -> int:
        return sum(start < self._layer for start in self._starts)

    def _change_z(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        z, edits = stream_input(args, kwargs), self._here("z")
        is_late = self._layer in self._late
        if z is None or not (edits or is_late):
            return None
        shape = z.shape
        if is_late:
            clean = self._run["z", self._layer].transpose(0, 1).flatten(1).to(z)  # (position, head * width)
            earlier = z.reshape(-1, *clean.shape)[: self._n_earlier()]
            z = torch.cat([earlier, clean[None].expand(self._starts.count(self._layer), -1, -1)])
        written = write_heads(self._by_row(z), edits, self._anatomy.blocks[self._layer].n_heads)
        return with_stream(args, kwargs, written.reshape(-1, *shape[1:]))

    def _change_neurons(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        activations, edits = stream_input(args, kwargs), self._here("mlp_post")
        if not edits or activations is None:
            return None
        return with_stream(args, kwargs, write_width(self._by_row(activations), edits).reshape(activations.shape))

    def _by_row(self, tensor: Tensor) -> Tensor:
        """(row, position, width) of what a module gets or gives; some (OPT's MLP) lay all rows' positions end to end."""
        assert self._given is not None
        return tensor.reshape(*self._given.shape[:2], -1)

    # inside attention

    def _edits_of_attention(self, names: dict[nn.Module, str]) -> Callable[[nn.Module, str], list[tuple[int, Edit]]]:
        def edits(module: nn.Module, site: str) -> list[tuple[int, Edit]]:
            is_its = self._layer >= 0 and names.get(module) == self._anatomy.blocks[self._layer].attention
            return self._here(site) if is_its else []

        return edits
