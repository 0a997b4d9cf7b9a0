"""A moment of a view: which prompts, what was asked of them, where the cursor stood and what was drawn; as JSON.

Always true: a moment is plain, bounded data that holds no model and no tensor; what cannot be brought back from it is said, sentence by
sentence, and the rest is. Who puts it on the screen is returning.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...experiments.intervention import Intervention
from ...experiments.metric import Metric
from ...models.errors import FoilNeededError
from ..failures import sentence
from ..inquiry.asked import Asked, Entry
from ..inquiry.proposals import CANNOT, aligned, metric_for
from ..settings import DEFAULTS
from ..traits import written_bytes
from .framing import FRAMING
from .moment_form import VERSION

if TYPE_CHECKING:
    from ...capture import Capture

LONGEST_PROMPT = 8_000  # bytes of text or ids that are kept: a note that stands beside a longer prompt returns on that prompt only
MOST_BYTES = 60_000
OWN_SETTINGS = ("theme", "palette", "notesPanel")
"""What is the reader's own taste, and stays when a view returns to a moment."""

Left = list[str]


def moment_of(asked: Asked, cursor: Mapping[str, Any], settings: Mapping[str, str], framing: Mapping[str, Any]) -> dict[str, Any]:
    """The moment of a view that is asked this; what is as it is at first is left out, and so are changes past 60 kB."""
    first = asked.first
    told = {
        "v": VERSION,
        "model": None if first is None else first.model_fingerprint,
        "prompt": None if first is None else prompt_json(first),
        "second": None if asked.second is None else prompt_json(asked.second),
        "pairs": [list(pair) for pair in asked.pairs] if asked.how == "hand" else None,
        "metric": None if asked.metric is None or asked.proposed else asked.metric.to_json(),
        "changes": [{"change": entry.change.to_json(), "on": entry.on, "run": entry.run} for entry in asked.entries],
        "shown": asked.which,
        "cursor": {name: value for name, value in cursor.items() if name != "id" and value not in (None, [])},
        "settings": {name: value for name, value in settings.items() if name not in OWN_SETTINGS and value != DEFAULTS[name]},
        "framing": None if framing == FRAMING else dict(framing),
    }
    told = {name: value for name, value in told.items() if value not in (None, [], {})}
    too_long = len(json.dumps(told)) > MOST_BYTES
    return {**_without(told, "changes", "pairs"), "cut": True} if too_long else told


def _without(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in names}


def prompt_json(run: Capture) -> dict[str, Any]:
    """A prompt as it can be run again: its text, or its ids; neither of a long one."""
    if run.prompt is not None:
        return {"digest": run.prompt_fingerprint, **({"text": run.prompt} if written_bytes(run.prompt) <= LONGEST_PROMPT else {})}
    ids = run.token_ids
    return {"digest": run.prompt_fingerprint, **({"ids": ids} if written_bytes(ids) <= LONGEST_PROMPT else {})}


def prompt_given(told: Mapping[str, Any] | None) -> Any:
    """What a capture takes to run a moment's prompt; None where it was not kept."""
    return None if told is None else told.get("text", told.get("ids"))


def is_on(told: Mapping[str, Any] | None, run: Capture | None) -> bool:
    """Whether a moment's prompt is the one of this run."""
    return told is not None and run is not None and told.get("digest") == run.prompt_fingerprint


Check = Callable[[Asked, Entry], None]


def asked_again(asked: Asked, moment: Mapping[str, Any], new_id: Callable[[], int], check: Check, left: Left) -> Asked:
    """What was asked at a moment, of the runs that are there now: all of it on the same prompt, on another what means no position of one.

    check: raises for a change that this run cannot have. What is left out is said in `left`.
    """
    run = asked.first
    if run is None:
        return asked
    if moment.get("model") not in (None, run.model_fingerprint):
        if moment.get("changes"):
            left.append("its interventions were made on another model, and are not made here")
        return asked
    same = is_on(moment.get("prompt"), run)
    if same:
        asked = _second_again(asked, moment, left)
        asked = _metric_again(asked, run, moment.get("metric"), left)
    elif moment.get("metric"):
        left.append("what was measured stood at a position of another prompt; the present metric stays")
    entries = []
    for told in moment.get("changes", []):
        entry = _entry_again(asked, told, new_id, left)
        if entry is None:
            continue
        if entry.on and entry.is_bound and not same:
            left.append(f"{entry.change}: it means positions of another prompt")
            continue
        try:
            if entry.on:
                check(asked, entry)
        except CANNOT as error:
            left.append(f"{entry.change}: {sentence(error)}")
            continue
        entries.append(entry)
    if moment.get("cut"):
        left.append("its interventions were too long to be kept with the note")
    return replace(asked, entries=tuple(entries), wish=str(moment.get("shown", "clean")))


def _second_again(asked: Asked, moment: Mapping[str, Any], left: Left) -> Asked:
    told = moment.get("second")
    if told is None:
        return aligned(replace(asked, second=None, how="position", pairs=()))
    if not is_on(told, asked.second):
        if prompt_given(told) is None:
            left.append("its second prompt was too long to be kept with the note")
        return asked
    pairs = moment.get("pairs")
    if pairs is None:
        return aligned(replace(asked, how="position", pairs=())) if asked.how == "hand" else asked
    return aligned(replace(asked, how="hand", pairs=tuple((int(first), int(second)) for first, second in pairs)))


def _metric_again(asked: Asked, run: Capture, told: Any, left: Left) -> Asked:
    if told is None:
        return asked if asked.proposed else replace(asked, **metric_for(replace(asked, metric=None), run))
    try:
        metric = Metric.from_json(told)
        metric.on(run, foil_needed=False)
        return replace(asked, metric=metric, proposed=False)
    except (*CANNOT, FoilNeededError) as error:
        left.append(f"what was measured cannot be measured here: {sentence(error)}")
        return asked


def _entry_again(asked: Asked, told: Any, new_id: Callable[[], int], left: Left) -> Entry | None:
    """The entry of a change; the very one that is on the list, where it is."""
    try:
        entry = Entry(0, Intervention.from_json(told["change"]), bool(told["on"]), str(told["run"]))
    except (*CANNOT, AttributeError) as error:
        left.append(f"an intervention could not be read: {sentence(error)}")
        return None
    known = next((one for one in asked.entries if one.is_as(entry)), None)
    if known is None:
        return replace(entry, id=new_id())
    return replace(known, on=entry.on, failed=None, change=entry.change)
