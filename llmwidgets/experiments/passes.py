"""Many experiments in few passes: which rows go together, and the passes that find out what the model then says.

Rows are sorted by the first block that they change and packed so that a pass stays small enough for a CPU's caches; within a pass each
joins at its block. Always true: the first pass, and the first whose batch grows on the way, carries rows without edits, and nothing of it
is handed out unless they reproduce the clean run. A model whose masks or positions are made for a batch of fixed size (ALiBi in some)
gets passes whose rows all begin together; which way of joining a model takes is found out by that check, and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from llmwidgets.experiments.editor import Editor, Row
from llmwidgets.experiments.edits import Edit, first_layer
from llmwidgets.experiments.intervene import require_unchanged
from llmwidgets.models.errors import ActivationUnavailableError, CaptureStopped, ModelError
from llmwidgets.models.inputs import forward_inputs

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

TOKENS_AT_ONCE = 1024  # rows x tokens of a pass; on GPT-2 small's shape larger ones were no quicker at 64 tokens, and 3 % at 16 and 256

JOINING = ("after attention", "at block", "together")  # from the quickest to what every model takes
_ways: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()  # the place in JOINING of the first that a model takes

Found = tuple[int, Tensor]


def passes(
    run: Capture,
    experiments: Sequence[Sequence[Edit]],
    positions: Sequence[int],
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    tokens_at_once: int = TOKENS_AT_ONCE,
) -> Iterator[Found]:
    """Yield (index of the experiment, logits (position, vocab) at `positions`) as they are found; float32, or float64 for such a model.

    `cancelled` is asked before every block; True raises CaptureStopped, and what has been yielded stays good. Raises ModelError where
    rows without edits do not reproduce the clean run.
    """
    bench = run.bench("an experiment")
    require_unchanged(run)
    if not bench.anatomy.has_head:
        raise ActivationUnavailableError("this model has no output head, so no effect on its answer can be measured")
    each = sorted(((first_layer(edits, run.n_layers), index) for index, edits in enumerate(experiments)), key=lambda pair: pair[0])
    waiting = [(index, Row(start, tuple(experiments[index]))) for start, index in each]
    clean = run.read_out(run["resid_post", run.n_layers - 1][list(positions)])  # (position, vocab)
    at_once = max(1, tokens_at_once // run.n_tokens)
    done = 0
    checked: set[bool] = set()  # which kinds of pass have reproduced the run: those whose batch grows on the way, and those where not
    while waiting:
        if cancelled is not None and cancelled():
            raise CaptureStopped(f"stopped after {done} of {len(each)} experiments")
        if progress is not None:
            progress(done, len(each), "experiments")
        joining = JOINING[_ways.get(bench.subject.model, 0)]
        together = waiting[-at_once:]  # the last layers first: theirs are the quickest answers, and the cheapest check
        if joining == "together":
            together = [pair for pair in together if pair[1].start == together[-1][1].start]
        rows = [row for _, row in together]
        starts = tuple(sorted({rows[0].start, rows[-1].start}))
        grows = len(starts) > 1
        unedited = () if grows in checked or (checked and not grows) else starts
        logits = _checked_pass(run, rows, unedited, positions, joining, cancelled, clean)
        if logits is None:
            _ways[bench.subject.model] = JOINING.index(joining) + 1
            checked.clear()
            continue
        checked.add(grows)
        waiting = waiting[: -len(together)]
        for (index, _), found in zip(together, logits, strict=True):
            yield index, found
        done += len(together)
    if progress is not None:
        progress(done, len(each), "experiments")


def _checked_pass(
    run: Capture,
    rows: list[Row],
    unedited: tuple[int, ...],
    positions: Sequence[int],
    joining: str,
    cancelled: Callable[[], bool] | None,
    clean: Tensor,
) -> Tensor | None:
    """The pass with rows without edits beside, which join where `unedited` says (with the first row, with the last); None where this way of
    joining fails."""
    before, after = ([Row(start, ()) for start in starts] for starts in (unedited[:1], unedited[1:]))
    is_last_way = joining == JOINING[-1]
    try:
        logits = _one_pass(run, [*before, *rows, *after], positions, joining, cancelled)
    except (RuntimeError, ValueError, IndexError) as error:
        if is_last_way or not _is_about_shapes(error):
            raise
        return None
    if not unedited:
        return logits
    same = logits[[0, -1][: len(unedited)]]  # (unedited row, position, vocab)
    difference = float((same - clean).abs().max() / clean.abs().max().clamp_min(1e-30))
    tolerance = 10 * run.integrity.tolerance_readout  # a batch sums in another order than a single row
    if difference <= tolerance or not bool(clean.isfinite().all()):
        return logits[1 : 1 + len(rows)]
    if is_last_way:
        raise ModelError(
            f"a pass without any change gives other logits than the captured one (by {difference:.1e} of the largest, more than "
            f"{tolerance:.0e}); no effect can be measured on this model"
        )
    return None


def _is_about_shapes(error: Exception) -> bool:
    """Whether a batch of another size than the masks' may have caused it."""
    out_of_memory = isinstance(error, torch.OutOfMemoryError)
    return not out_of_memory and any(word in str(error) for word in ("size", "shape", "expand", "broadcast", "dimension"))


def _one_pass(run: Capture, rows: list[Row], positions: Sequence[int], joining: str, cancelled: Callable[[], bool] | None) -> Tensor:
    """(row, position, vocab) on the CPU."""
    editor = Editor(run, rows, joining, cancelled, positions)
    keep = torch.tensor(list(positions))
    with run.bench("an experiment").twin.ready() as model:
        inputs = forward_inputs(model, run.inputs.ids, run.inputs.attention_mask, keep=keep)
        if joining == "together":
            for name in ("input_ids", "attention_mask"):
                if name in inputs:
                    inputs[name] = inputs[name].expand(len(rows), -1)
        with editor.at_work(model):
            logits = model(**inputs).logits
    if logits.shape[1] != len(keep):
        logits = logits[:, keep.to(logits.device)]  # a model that cannot leave positions out gave them all
    return logits.to("cpu", torch.float64 if logits.dtype == torch.float64 else torch.float32)
