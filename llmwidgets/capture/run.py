"""Capture: one forward pass of one prompt, of which anything can be asked later.

What always holds: nothing of size layers x heads x tokens^2 is held; what was kept can be read for as long
as the Capture lives, also after the model has changed; what must be computed with the model is refused
once the model has changed. Reads are safe from several threads. How a Capture is made is in `record_run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from llmwidgets.capture import activations
from llmwidgets.capture.attending import Attending
from llmwidgets.capture.bench import Bench
from llmwidgets.capture.bertviz import attention_for_bertviz
from llmwidgets.capture.indexing import one_index
from llmwidgets.capture.integrity import Integrity
from llmwidgets.capture.recorder import BlockTape, Cancelled, Progress, Tape
from llmwidgets.capture.stamp import Fingerprints
from llmwidgets.capture.store import Store, in_words
from llmwidgets.fields import registry
from llmwidgets.models.errors import ActivationUnavailableError, DetachedError
from llmwidgets.models.loading import Subject
from llmwidgets.models.prompt import Encoded
from llmwidgets.models.tokens import token_kinds, token_names


class Capture(Attending):
    """One prompt through one model. Made by `capture(model, prompt)`.

    Layers, heads, queries, keys and positions count from 0; negative ones count from the end.

    prompt: the text as given, or None for ids; model_name; fingerprint: a digest of model, prompt and change;
    model_fingerprint, prompt_fingerprint: digests of the two; integrity: how closely what is
    recomputed agrees with the model; change: how `intervene` changed the pass, as JSON, "" for an ordinary run; inputs: ids and attention
    mask as the model got them; heads_per_layer: 0 for a block without attention; vocab_size

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> run.tokens
    ['The', ' keys', ' to', ' the', ' cabinet']
    >>> run.pattern(layer=0, head=0).shape, run["resid_post", 3].shape
    (torch.Size([5, 5]), torch.Size([5, 128]))
    >>> round(run.pattern(0, 0, queries=-1).sum().item(), 4)
    1.0
    """

    def __init__(
        self,
        bench: Bench,
        encoded: Encoded,
        tape: Tape,
        store: Store,
        integrity: Integrity,
        fingerprints: Fingerprints,
        make_another: Callable[..., Capture],
    ) -> None:
        self._bench: Bench | None = bench
        self._tape = tape
        self._store = store  # a disk store's files go away with it
        self._make_another = make_another
        self.inputs: Encoded = encoded
        self._name_tokens = bench.subject.tokenizer
        self.prompt: str | None = encoded.text
        self.model_name: str = bench.subject.name
        self.fingerprint: str = fingerprints.run
        self.model_fingerprint: str = fingerprints.model
        self.prompt_fingerprint: str = fingerprints.prompt
        self.integrity: Integrity = integrity
        self.change: str = bench.change
        self.heads_per_layer: tuple[int, ...] = tuple(block.anatomy.n_heads for block in tape.blocks)
        self.vocab_size: int = _vocabulary(bench.subject)

    # the prompt

    @cached_property
    def tokens(self) -> list[str]:
        """Decoded strings with their real spaces, one per position; ids as text without a tokenizer."""
        return self.token_text(self.token_ids)

    @cached_property
    def token_kinds(self) -> list[str]:
        """ "text", "special" or "byte" for each position."""
        return token_kinds(self._name_tokens, self.token_ids)

    @property
    def has_tokenizer(self) -> bool:
        """Whether tokens are texts; without a tokenizer they are their ids."""
        return self._name_tokens is not None

    @property
    def token_ids(self) -> list[int]:
        """The prompt as the model got it."""
        return self.inputs.ids.tolist()

    def token_text(self, ids: Iterable[int]) -> list[str]:
        """Return the decoded strings of any ids of the vocabulary; ids as text without a tokenizer."""
        return token_names(self._name_tokens, ids)

    # the shape

    @property
    def n_tokens(self) -> int:
        """Tokens of the prompt."""
        return len(self.inputs.ids)

    @property
    def n_heads(self) -> int:
        """Heads of the block that has most of them; see `heads_per_layer`."""
        return max(self.heads_per_layer)

    @property
    def d_model(self) -> int:
        """Width of the residual stream; 0 where it is not one vector a position."""
        stream = self._tape.blocks[0].resid_pre
        return 0 if stream is None else stream.shape[-1]

    @property
    def nbytes(self) -> int:
        """What the kept tensors weigh, in memory or on disk."""
        return self._store.nbytes

    # activations and logits

    def __getitem__(self, key: str | tuple[str, int]) -> Tensor:
        """Return an activation by its usual name: ``run["resid_post", 3]``, ``run["embed"]``.

        Per layer: resid_pre, resid_mid, resid_post, attn_out, mlp_out (what is added to the stream), mlp_pre,
        mlp_post: (position, width); q, k, v, z: (head, position, width); pattern. For the run: embed, ln_final,
        logits. A copy on the CPU, float32 (float64 for a float64 model). Raises `ActivationUnavailableError` (a
        KeyError) that lists what there is.
        """
        name, layer = key if isinstance(key, tuple) else (key, None)
        if layer is None:
            return self._of_the_run(name)
        if name == "pattern":
            return self.pattern(layer)
        layer = one_index(layer, self.n_layers, "layer")
        return _given_out(activations.activation(self._tape.blocks[layer], name, layer, self._run_block_again))

    def _of_the_run(self, name: str) -> Tensor:
        if name == "logits":
            return self.logits
        kept = {"embed": self._tape.embed, "ln_final": self._tape.ln_final}
        found = kept.get(name)
        if found is None:
            having = [*(n for n, value in kept.items() if value is not None), "logits"]
            hint = f'; {name!r} is per layer: run["{name}", 0]' if name in activations.BLOCK_NAMES else ""
            raise ActivationUnavailableError(f"the run has no {name!r} of its own{hint}; it has {', '.join(having)}")
        return _given_out(found)

    def _run_block_again(self, block: BlockTape, module: str) -> Tensor:
        return self.bench("an activation inside the MLP").block_again(self._tape.blocks.index(block), block, module)

    def read_out(self, residual: Any) -> Tensor:
        """Return the logits (n, vocab) that the model's own final norm and head make of `residual` (n, d_model).

        float32 (float64 for a float64 model), on the CPU. Raises `ModelChangedError` when the model is no
        longer the one captured.
        """
        bench = self.bench("reading out logits")
        residual = torch.as_tensor(residual)
        if residual.ndim != 2 or residual.shape[1] != self.d_model or not len(residual):
            raise ValueError(f"got a residual of shape {tuple(residual.shape)}; expected (n, {self.d_model}), n >= 1")
        return bench.read_out(residual)

    @property
    def logits(self) -> Tensor:
        """(position, vocab): what the model says after each token; read out anew at every call."""
        last = self._tape.blocks[-1].resid_post
        if last is None:
            raise ActivationUnavailableError("this model's stream is not one vector per position; no logits can be read out")
        return self.read_out(last)

    # fields, other libraries, the model

    def field(self, name: str) -> Any:
        """Return the Field `name` of this run; `fields` lists them."""
        return registry.make(name, self)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that this run has."""
        return tuple(registry.names(self))

    @property
    def bertviz_nbytes(self) -> int:
        """What `to_bertviz` would weigh: every pattern in full."""
        cell = 8 if any(b.attention is not None and b.attention.dtype == torch.float64 for b in self._tape.blocks) else 4
        return sum(self.heads_per_layer) * self.n_tokens**2 * cell

    def to_bertviz(self, max_bytes: int = 256_000_000) -> dict[str, Any]:
        """Return what BertViz's views take: ``head_view(**run.to_bertviz())``.

        {"attention": a (1, head, T, T) tensor per layer with attention, "tokens": list of str}. Raises
        MemoryError when that would weigh more than `max_bytes`.
        """
        return attention_for_bertviz(self, max_bytes)

    def again(self, prompt: Any, *, progress: Progress | None = None, cancelled: Cancelled | None = None) -> Capture:
        """Return a new Capture of the same model and tokenizer on another prompt."""
        return self._make_another(self.bench("another capture", unchanged=False).subject, prompt, progress, cancelled)

    def under(
        self, around: Callable[..., Any], change: str, *, progress: Progress | None = None, cancelled: Cancelled | None = None
    ) -> Capture:
        """Return a new Capture of the same prompt, run within a context that changes the pass (see capture/bench.py); `change` says how."""
        return self._make_another(self.bench("a changed run").subject, self.inputs, progress, cancelled, around, change)

    def apart(self) -> Capture:
        """Return this run with a twin of the model of its own, for long experiments: they keep nobody waiting who reads this one.

        Where the model cannot be copied the two take turns, pass by pass.
        """
        other = copy(self)
        other._bench = self.bench("an experiment").apart()
        return other

    def detach(self) -> Capture:
        """Let go of the model. What was kept can still be read; logits, lens and re-runs no longer."""
        self._bench = None
        return self

    @property
    def subject(self) -> Subject:
        """The model, its tokenizer and its name. Raises `DetachedError` after `detach`."""
        return self.bench("the model", unchanged=False).subject

    def bench(self, what: str, unchanged: bool = True) -> Bench:
        """Return what computes with the model, for `what` (named in the errors).

        Raises `DetachedError` after `detach`, and `ModelChangedError` (with `unchanged`) when the model is no longer the one captured.
        """
        bench = self._bench
        if bench is None:
            raise DetachedError(f"{what} needs the model, which this capture has let go of (detach)")
        return bench.unchanged() if unchanged else bench

    def __repr__(self) -> str:
        return (
            f"Capture({self.model_name}, {self.n_layers} layers × {self.n_heads} heads, {self.n_tokens} tokens, "
            f"{in_words(self.nbytes)}; {'changed by interventions; ' if self.change else ''}{self.integrity.sentence})"
        )


def _given_out(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float64 if values.dtype == torch.float64 else torch.float32).clone()


def _vocabulary(subject: Subject) -> int:
    head = subject.model.get_output_embeddings()
    for found in (getattr(head, "out_features", None), getattr(subject.config, "vocab_size", None)):
        if found:
            return int(found)
    return int(subject.model.get_input_embeddings().num_embeddings)
