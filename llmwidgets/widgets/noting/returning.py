"""A view returns to a moment: prompts, what was asked of them, the cursor, fields and filters; and back again.

Always true: what is there is used, what must be run is run first; the whole of it is asked as one, so that nobody sees half a moment; what
cannot be brought back is left as it is, and said. What a moment is, moment.py knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...models.errors import CaptureStopped
from ...notes.standing import Standing, standing
from .. import settings as how
from ..answers import Cancelled, never
from ..failures import sentence
from ..inquiry.proposals import CANNOT
from ..selection import COORDINATES, TURN
from .moment import OWN_SETTINGS, Left, asked_again, is_on, prompt_given
from .moment_form import checked

if TYPE_CHECKING:
    from ...capture import Capture
    from ...notes.note import Note
    from ..runner import Progress
    from .host import Host, Shows

Spans = Mapping[str, tuple[int, int]]


def return_to(
    view: Shows,
    moment: Mapping[str, Any],
    *,
    spans: Spans | None = None,
    own_prompt: bool = True,
    wait: bool = False,
    known: Sequence[Capture] = (),
    arrived: Callable[[], None] = lambda: None,
) -> Left:
    """Return to a moment; gives what could not be brought back, as far as it is known at once.

    spans: where the tokens that it is about are on the present prompt. own_prompt: on the moment's own prompt, which is run where it is not
    the present one. wait: return only when the prompts have been run; else they are run on the view's worker.
    known: runs of its prompts that are there still. arrived: called when the view is there.
    """
    left: Left = []
    runs = _Runs(view, moment, own_prompt, known, left)
    if not runs.needed:
        _apply(view, moment, spans, left)
        arrived()
    elif wait:
        found = runs.run(None, never)
        runs.show(found, never)
        _apply(view, moment, spans, left, over=True)
        left.extend(runs.failed)
        arrived()
    else:

        def publish(found: Any, cancelled: Cancelled) -> None:
            late: Left = []
            runs.show(found, cancelled)
            _apply(view, moment, spans, late, over=True)
            late.extend(runs.failed)
            arrived()
            if late:
                with TURN:
                    view.problems = [
                        *view.problems,
                        *({"type": "Failed", "message": f"not brought back: {one}", "hint": None} for one in late),
                    ]

        view.runner.start(runs.run, runs.words, publish)
    return left


def return_to_note(view: Host, note: Note, own_prompt: bool, wait: bool, arrived: Callable[[], None]) -> Left:
    """Return to the moment of a note; with `own_prompt` on its own prompt, else to where its tokens are on the present one."""
    ground = view.board.ground
    found = Standing("detached", why="there is no run yet") if ground is None else standing(note, ground)
    there = {span.coordinate: (span.start, span.stop) for span in note.place.spans}
    if note.moment is None:
        view.selection.move(**_pointed(note, found.spans, view.inquiry.asked.first))
        arrived()
        return [] if not found.why else [found.why]
    moment = checked(note.moment)
    # On its own prompts, whichever of them is shown now, it will be where it was made.
    home = own_prompt or is_on(moment.get("prompt"), view.inquiry.asked.first)
    left = return_to(view, moment, spans=there if home else found.spans, own_prompt=own_prompt, wait=wait, arrived=arrived)
    return left if home or found.kind not in ("choose", "detached") else [found.why, *left]


def _pointed(note: Note, spans: Spans, run: Capture | None) -> dict[str, Any]:
    """The cursor at what a note is about, as far as the run has it."""
    layer, head = note.layer, note.head
    at: dict[str, Any] = {name: span[0] for name, span in spans.items()}
    return {**at, "layer": layer, "head": head} if layer is not None and run is not None and _has(run, layer, head) else at


class _Runs:
    """The prompts of a moment that have to be run."""

    def __init__(self, view: Shows, moment: Mapping[str, Any], own_prompt: bool, known: Sequence[Capture], left: Left) -> None:
        self._view, self._base = view, view.inquiry.asked.first
        asked, first, second = view.inquiry.asked, moment.get("prompt"), moment.get("second")
        self._first = self._second = None
        self.failed: Left = []
        if self._base is None:
            return
        same_model = moment.get("model") in (None, self._base.model_fingerprint)
        if own_prompt and first is not None and not is_on(first, self._base):
            self._first = _of(known, first)
            if self._first is None:
                left.append("its prompt was too long to be kept with the note")
        is_there = is_on(first, self._base) or self._first is not None
        if same_model and is_there and second is not None and not is_on(second, asked.second):
            self._second = _of(known, second)

    @property
    def needed(self) -> bool:
        """Whether anything has to be run."""
        return self._first is not None or self._second is not None

    @property
    def words(self) -> str | None:
        """The prompt that is being run, for the status."""
        return self._first if isinstance(self._first, str) else None

    def run(self, progress: Progress | None, cancelled: Cancelled) -> tuple[Capture | None, Capture | None]:
        """Run them; what cannot be run is said in `failed`."""
        first = self._made(self._first, "its prompt", progress, cancelled)
        second = None if first is None and self._first is not None else self._made(self._second, "its second prompt", progress, cancelled)
        return first, second

    def _made(self, prompt: Any, called: str, progress: Progress | None, cancelled: Cancelled) -> Capture | None:
        if prompt is None or is_run(prompt):
            return prompt
        assert self._base is not None
        try:
            return self._base.again(prompt, progress=progress, cancelled=cancelled)
        except CaptureStopped:
            raise
        except Exception as error:  # a changed model, a detached one, memory: the rest of the moment comes back
            self.failed.append(f"{called} could not be run: {sentence(error)}")
            return None

    def show(self, found: tuple[Capture | None, Capture | None], cancelled: Cancelled) -> None:
        """Show what was run."""
        first, second = found
        inquiry = self._view.inquiry
        if first is not None:
            inquiry.begin(first, cancelled)
        if second is not None:
            inquiry.compare(second)


def _of(known: Sequence[Capture], told: Mapping[str, Any]) -> Any:
    """A run of a moment's prompt that is there, or what is run."""
    return next((run for run in known if is_on(told, run)), None) or prompt_given(told)


def is_run(given: Any) -> bool:
    """Whether it is a Capture already."""
    return hasattr(given, "pattern")


def _apply(view: Shows, moment: Mapping[str, Any], spans: Spans | None, left: Left, over: bool = False) -> None:
    """What needs no run: asked as one, and then the cursor, the fields and the filters. over: a prompt that was run for it has just come;
    else one that is on its way goes on, and what is asked now is asked of it."""
    inquiry = view.inquiry
    run = inquiry.asked.first
    same = is_on(moment.get("prompt"), run)
    with TURN, view.hold_sync():
        try:
            kept = {name: value for name, value in moment.get("settings", {}).items() if name in how.DEFAULTS}
            view.settings = how.checked({**kept, **{name: view.settings[name] for name in OWN_SETTINGS}})
        except (ValueError, KeyError) as error:
            left.append(f"its settings are not known here: {sentence(error)}")
        try:
            view.framing = _framing(moment, same)
        except CANNOT as error:
            left.append(f"its filters are not known here: {sentence(error)}")
        if run is not None:
            inquiry.become(lambda asked, check: asked_again(asked, moment, inquiry.new_id, check, left), over)
            view.selection.move(**_cursor(moment.get("cursor", {}), run, same, spans or {}))


def _framing(moment: Mapping[str, Any], same: bool) -> dict[str, Any]:
    told = moment.get("framing") or {}
    return {**told, "zoom": told.get("zoom") if same else None}  # a zoom is a stretch of tokens of one prompt


def _cursor(told: Mapping[str, Any], run: Capture, same: bool, spans: Spans) -> dict[str, Any]:
    """Where the cursor goes: as it was; on another prompt to the tokens that were found, and to what the model has."""
    cursor = {name: told.get(name) for name in COORDINATES}
    heads = [(layer, head) for layer, head in told.get("heads", []) if _has(run, layer, head)]
    if not _has(run, cursor.get("layer"), cursor.get("head")):
        cursor = {name: value for name, value in cursor.items() if name not in ("layer", "head")}
    for name in ("query", "key"):
        at = cursor.get(name)
        if name in spans:
            cursor[name] = at if same and at is not None and spans[name][0] <= at < spans[name][1] else spans[name][0]
        elif not same or (at is not None and not 0 <= at < run.n_tokens):
            cursor.pop(name, None)
    return {**cursor, "heads": heads}


def _has(run: Capture, layer: Any, head: Any) -> bool:
    if layer is None:
        return head is None
    if not 0 <= layer < run.n_layers:
        return layer == -1 and head is None  # the embedding's row
    return head is None or 0 <= head < run.heads_per_layer[layer]
