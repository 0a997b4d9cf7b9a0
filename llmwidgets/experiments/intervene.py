"""The changed run as a run of its own: everything that can be asked of a Capture, after interventions.

Always true: the new Capture is of the same prompt and model; the old one stays as it was. What is recorded is what the changed pass
computed: its stream, its patterns, its logits. Where a whole row of a pattern was replaced, q and k did not change, and the pattern that is
recomputed from them is the model's own, not the one put in its place. No experiment begins from a changed run: the blocks that are computed
anew would not know of its change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from llmwidgets.experiments.donors import Donors
from llmwidgets.experiments.editor import Editor, Row
from llmwidgets.experiments.edits import edits_of
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.models.errors import UndefinedHereError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

_changed: WeakKeyDictionary[Capture, Interventions] = WeakKeyDictionary()


def require_unchanged(run: Capture) -> None:
    """Raise UndefinedHereError for a run that `intervene` made."""
    if run in _changed:
        raise UndefinedHereError(
            f"this run is itself a changed one ({_changed[run]}), and an experiment begins from what the model does by itself. "
            "Begin from the unchanged run and make both changes together (a + b)"
        )


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
    edits = edits_of(run, together, Donors(run, known))
    editor = Editor(run, [Row(0, tuple(edits))], "together", cancelled)
    changed = run.under(editor.at_work, json.dumps(together.to_json()), progress=progress, cancelled=cancelled)
    if together:
        _changed[changed] = together
    return changed
