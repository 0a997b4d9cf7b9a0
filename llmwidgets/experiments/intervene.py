"""The changed run as a run of its own: everything that can be asked of a Capture, after interventions.

Always true: the new Capture is of the same prompt and model; the old one stays as it was. What is recorded is what the changed pass
computed: its stream, its patterns, its logits. Where a whole row of a pattern was replaced, q and k did not change, and the pattern that is
recomputed from them is the model's own, not the one put in its place. What an analysis reads by running the model again (Bench.as_captured)
it reads with the same change. No experiment begins from a changed run: the blocks that are computed anew would not know of its change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from copy import copy
from typing import TYPE_CHECKING

from torch import nn

from llmwidgets.experiments.donors import Donors
from llmwidgets.experiments.editor import Editor, Row
from llmwidgets.experiments.edits import edits_of
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.models.errors import UndefinedHereError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture


def require_unchanged(run: Capture) -> None:
    """Raise UndefinedHereError for a run that `intervene` made."""
    if run.change:
        raise UndefinedHereError(
            f"this run is itself a changed one ({change_of(run)}), and an experiment begins from what the model does by itself. "
            "Begin from the unchanged run and make both changes together (a + b)"
        )


def change_of(run: Capture) -> Interventions:
    """What was changed in a run that `intervene` made; nothing for an ordinary one."""
    return Interventions.from_json(json.loads(run.change or "[]"))


def intervene(
    run: Capture,
    change: Intervention | Iterable[Intervention],
    *,
    known: Iterable[Capture] = (),
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Capture:
    """Run the prompt again with all of `change` made, and return that run's Capture.

    known: Captures of the prompts that replacements name. progress, cancelled: as in `capture`. Raises IndexError and UndefinedHereError
    for places that this run does not have, UndefinedHereError for a run that is a changed one already.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> changed = intervene(run, Intervention("scores", layer=1, position=-1, key=3))
    >>> float(changed.pattern(1, 0, queries=-1, keys=3)), round(float(changed.pattern(1, 0, queries=-1).sum()), 5)
    (0.0, 1.0)
    """
    require_unchanged(run)
    together = Interventions.of(change)
    rows = [Row(0, tuple(edits_of(run, together, Donors(run, known))))]
    unchanged = copy(run)  # keeps its model when the caller detaches his

    def around(module: nn.Module, first: int) -> AbstractContextManager[None]:
        return Editor(unchanged, rows, "together").at_work(module, first)

    said = json.dumps(together.to_json()) if together else ""
    return run.under(around, said, progress=progress, cancelled=cancelled)
