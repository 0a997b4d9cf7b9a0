"""`capture`: one ordinary forward pass with the recorder listening, then the self-check.

Runs on a twin, without gradients, in the model's own attention and dtype. Whatever happens on the way (an
error, Ctrl-C, a stop button), the user's model, its hooks and its config are as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from llmwidgets.capture.bench import Around, Bench
from llmwidgets.capture.integrity import Integrity, assess, largest_difference, pattern_difference
from llmwidgets.capture.recorder import Cancelled, Progress, Recorder, Tape
from llmwidgets.capture.rerun import run_attention_again
from llmwidgets.capture.run import Capture
from llmwidgets.capture.stamp import Fingerprints, ModelStamp
from llmwidgets.capture.store import choose_store
from llmwidgets.models.anatomy import Anatomy, anatomy_of
from llmwidgets.models.inputs import forward_inputs
from llmwidgets.models.loading import Subject, resolve
from llmwidgets.models.prompt import Encoded, encode
from llmwidgets.models.twin import make_twin

_RERUN_ALL_UP_TO = 256  # tokens; a re-run costs a whole attention, so of longer prompts one layer is checked


def capture(
    model: Any,
    prompt: Any,
    *,
    tokenizer: Any = None,
    max_bytes: int | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Capture:
    """Run `prompt` through `model` once and return the Capture.

    model: a hub name or local folder, a PreTrainedModel, or a (model, tokenizer) pair.
    prompt: a str (encoded exactly as `tokenizer(prompt)` does), token ids (a list, a 1-D or 1 x T tensor), a
    chat (list of messages) or a BatchEncoding.
    max_bytes: memory that the capture may take (None: half of what is free); past it, it goes to temporary files.
    progress: called as progress(done, total, what) from this thread. cancelled: asked before each block; True
    raises CaptureStopped.

    Raises PromptError and ModelError (ValueErrors), NotATransformerError (a TypeError), CaptureTooLargeError (a
    MemoryError).

    >>> from transformers import GPT2Config, GPT2LMHeadModel
    >>> model = GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=8, vocab_size=50, bos_token_id=0, eos_token_id=0))
    >>> run = capture(model, [3, 1, 4, 1, 5])
    >>> run.pattern(layer=0, head=1).shape
    torch.Size([5, 5])
    >>> float(run.pattern(layer=0, head=1, queries=0, keys=0))
    1.0
    """
    subject = resolve(model, tokenizer)
    return _record(subject, encode(subject, prompt), max_bytes, progress, cancelled)


def _record(
    subject: Subject,
    encoded: Encoded,
    max_bytes: int | None,
    progress: Progress | None,
    cancelled: Cancelled | None,
    around: Around | None = None,
    change: str = "",
) -> Capture:
    """The capture itself; within `around(twin's module, 0)`, a context that changes the pass, where `change` says how."""
    twin = make_twin(subject.model)
    anatomy = anatomy_of(subject.model, twin)
    stamp = ModelStamp.of(subject.model)
    store = choose_store(_expected_bytes(subject, anatomy, len(encoded.ids)), max_bytes)
    rows = _sampled_rows(len(encoded.ids))
    bench = Bench(subject, twin, anatomy, stamp, int(encoded.ids[0]), around, change)
    with twin.ready() as module:
        recorder = Recorder(module, anatomy, store, progress, cancelled)
        with bench.as_captured(module), recorder.listening():  # what is recorded is what was changed
            output = module(**forward_inputs(module, encoded.ids, encoded.attention_mask, keep=rows))
    if progress is not None:
        progress(len(anatomy.blocks), len(anatomy.blocks), "checking")
    said = _logits_at(output, rows, len(encoded.ids))
    integrity = _check(bench, recorder.tape, said, rows, len(encoded.ids))
    recorder.tape.calls.clear()

    def make_another(
        subject: Subject,
        prompt: Any,
        progress: Progress | None,
        cancelled: Cancelled | None,
        around: Around | None = None,
        change: str = "",
    ) -> Capture:
        return _record(subject, encode(subject, prompt), max_bytes, progress, cancelled, around, change)

    marks = Fingerprints.of(subject.name, subject.model, stamp, encoded.ids, encoded.attention_mask, change)
    return Capture(bench, encoded, recorder.tape, store, integrity, marks, make_another)


def _expected_bytes(subject: Subject, anatomy: Anatomy, n_tokens: int) -> int:
    """About what the recorder will keep: per block five streams (two stand for q, k, v) and z."""
    config = subject.config
    width = int(getattr(config, "hidden_size", 0) or 0)
    cell = torch.finfo(subject.model.dtype).bits // 8
    return len(anatomy.blocks) * 7 * width * n_tokens * cell + 2 * width * n_tokens * cell


def _sampled_rows(n_tokens: int) -> Tensor:
    return torch.tensor(sorted({0, n_tokens // 2, n_tokens - 1}))  # (row,)


def _logits_at(output: Any, rows: Tensor, n_tokens: int) -> Tensor | None:
    logits = getattr(output, "logits", None)
    if logits is None:
        return None
    logits = logits[0]
    if logits.shape[0] == n_tokens and n_tokens != len(rows):
        logits = logits[rows.to(logits.device)]  # a model that cannot leave positions out gave them all
    return logits.to("cpu")  # (row, vocab)


def _check(bench: Bench, tape: Tape, said: Tensor | None, rows: Tensor, n_tokens: int) -> Integrity:
    last = tape.blocks[-1].resid_post
    readout = None
    if said is not None and last is not None and bench.anatomy.has_head:
        readout = largest_difference(bench.read_out(last[rows.to(last.device)]), said, relative=True)
    with bench.twin.ready():
        per_layer = list(_pattern_differences(bench, tape, rows, n_tokens))
    blocks = () if bench.change else tape.blocks  # a changed stream may be overwritten, and then is no sum
    return assess(bench.subject.model.dtype, per_layer, readout, blocks, rows)


def _pattern_differences(bench: Bench, tape: Tape, rows: Tensor, n_tokens: int) -> Iterator[float | None]:
    calls = dict(tape.calls)
    for layer, block in enumerate(tape.blocks):
        if layer in calls and block.attention is not None:
            yield pattern_difference(block.attention, calls[layer], rows)
        elif block.attention_arguments is not None and (n_tokens <= _RERUN_ALL_UP_TO or layer == len(tape.blocks) - 1):
            _, z = run_attention_again(bench.twin, block)
            # A changed run's z may be the changed one, which the module by itself does not give.
            yield None if z is None or block.z is None or bench.change else largest_difference(z.to(block.z.device), block.z, relative=True)
        else:
            yield None
