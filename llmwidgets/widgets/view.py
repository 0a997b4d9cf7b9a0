"""The base of all views: one capture at a time, shown, asked about and run anew from the page.

Always true: traits change under TURN and those of one run change together; no tensor stands in a trait except the bounded `first`; after
`close` the view holds neither capture nor threads. Answers to the page are worked out elsewhere (rpc.py, answers.py), as is what a
first picture holds (first_picture.py); the traits themselves and the mirrored selection are synced.py's.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from ..fields import Field
from ..models.errors import CaptureStopped
from . import in_cell
from . import settings as how
from .answers import Cancelled, Served, never, reading_methods
from .cursor import opening
from .failures import BadRequest
from .fields_of_run import fields_of, user_field
from .first_picture import AT_ONCE, LATER, estimated_seconds, first_picture
from .fit import warn_if_it_fits_nowhere
from .preview import preview_png, summary
from .rpc import Answer, RequestServer
from .runner import Runner, Work, status
from .selection import TURN, Selection
from .synced import Synced
from .traits import fields_trait, is_editable, prompt_trait, run_trait
from .workers import make_workers

if TYPE_CHECKING:
    from ..capture import Capture

ALL_PANELS = ("bar", "text", "next", "heads", "pattern", "layers")
_MESSAGE_LETTERS = 2_000  # of an error, in a trait


class View(Synced):
    """A live view of a capture. Use Inspector, HeadView, TokenView, LayerView or PatternView.

    capture: a Capture, or None until one is shown (`lw.show` does so)
    selection: a Selection to share with other views; its own by default
    text_field, head_field, layer_field: names of fields that colour the text, the heads and the layers
    theme: "auto", "light", "dark"; palette: "blue", "viridis", "cividis"; pattern_view: "matrix", "arcs"
    Raises TypeError for an unknown keyword, ValueError for an unknown value.
    """

    PANELS = ALL_PANELS

    # Kept by in_cell.py: which execution's output this stands in, under which id, from which cell.
    shown_in: int | None = None
    output_id: str | None = None
    cell: str | None = None

    def __init__(self, capture: Capture | None = None, *, selection: Selection | None = None, layout: Any = None, **keywords: Any) -> None:
        wanted = how.checked(how.from_keywords(keywords))
        if selection is not None and not isinstance(selection, Selection):
            raise TypeError(f"selection is a {type(selection).__name__}; expected an lw.Selection, such as another view's .selection")
        if capture is not None:
            self._check_capture(capture)
        self._capture: Capture | None = None
        self._served: Served | None = None
        self._own_fields: dict[str, Field] = {}
        self._picture: tuple[int, bytes] | None = None
        self._epochs = count(1)
        self._own_layout = layout is None
        initial = {} if layout is None else {"layout": layout}
        super().__init__(selection or Selection(), list(self.PANELS), wanted, **initial)
        me = weakref.proxy(self)
        self._workers = make_workers(2, "answers")
        self._run_worker = make_workers(1, "run")
        methods = {**reading_methods(lambda: me._served), "run": lambda p, c: me._answer_run(p), "stop": lambda p, c: me._answer_stop()}
        self._server = RequestServer(methods, lambda content, buffers: me.send(content, buffers), self._workers, ("run", "stop"))
        self._runner = Runner(self._run_worker, lambda told: me._tell(told), lambda run, cancelled: me._publish(run, cancelled))
        self.on_msg(lambda _, content, buffers: me._server.receive(content))
        if capture is not None:
            try:
                self._publish(capture, never)
            except BaseException:  # ipywidgets would keep the half-made view for ever
                self.close()
                raise

    # What Python callers use

    @property
    def capture(self) -> Capture | None:
        """The run that is shown, or None before the first."""
        return self._capture

    def set(self, **keywords: Any) -> None:
        """Change settings: theme, palette, pattern_view, text_field, head_field, layer_field."""
        wanted = {**self.settings, **how.from_keywords(keywords)}
        if self._served is not None:
            how.check_fields(how.checked(wanted), self._served.fields)
        with TURN:
            self.settings = wanted

    def add(
        self, array: Any, name: str | None = None, evidence: str | None = None, *, dims: Any = None, unit: str | None = None,
        title: str | None = None, caveat: str | None = None,
    ) -> str:  # fmt: skip
        """Show an array, an xarray result or a Field in this view, under the name that is returned.

        array: its dimensions are named by `dims`, by xarray, or recognised by their sizes, for example (layer, head) or (layer, position)
        evidence: "observation", "attribution", "correlation", "intervention"; without it the numbers show as "unstated"
        A name that was added before is replaced; a new prompt drops what was added, for its shapes are over. Raises RuntimeError before the
        first run, ValueError where shapes do not fit or the name is one of the run's own fields. Warns where no panel can draw it.
        """
        if self._served is None or self._capture is None:
            raise RuntimeError("there is no run to add to yet; wait for the capture to end, or give the view a Capture")
        field = user_field(array, self._capture, name=name, evidence=evidence, dims=dims, unit=unit, title=title, caveat=caveat)
        if field.name in fields_of(self._capture)[0]:
            raise ValueError(f"{field.name!r} is a field of the run itself; give another name=")
        warn_if_it_fits_nowhere(field)
        replaced = field.name in self._own_fields
        self._own_fields = {**self._own_fields, field.name: field}
        if replaced:
            self._publish(self._capture, never, again=True)  # a new epoch: numbers that the page keeps under this name are over
        else:
            with TURN:
                fields = {**self._served.fields, field.name: field}
                self._served = Served(self._served.epoch, self._capture, fields, self._served.cache)
                self.fields = [*self.fields, field.meta()]
        return field.name

    def show_capture(self, capture: Capture) -> None:
        """Show another run in place of the present one. Raises RuntimeError for a view that is closed."""
        if self.comm is None:
            raise RuntimeError(f"this view is closed; make another: lw.{type(self).__name__}(capture)")
        self._check_capture(capture)
        self._publish(capture, never)

    def run_here(self, work: Work, prompt: str | None) -> Capture:
        """Capture on this thread and show the result; progress shows in the view. What goes wrong is raised."""
        return self._runner.here(work, prompt)

    def stop(self) -> None:
        """Stop the prompt that is being run, if any."""
        self._runner.stop()

    def close(self) -> None:
        """Take the view off the page, and let go of its capture and threads."""
        if self.comm is None:
            return
        self._runner.stop()
        self._server.close()
        self._run_worker.close()
        layout = self.layout
        with TURN:  # a run that ends just now finds the view either open or closed
            self._capture = self._served = self._picture = None
            self._own_fields = {}
            super().close()
        if self._own_layout:
            layout.close()  # ipywidgets would keep it for ever

    # Running prompts

    def _answer_run(self, params: Any) -> Answer:
        prompt = params.get("prompt") if isinstance(params, Mapping) else None
        if not isinstance(prompt, str):
            raise BadRequest(f"prompt must be a text; {prompt!r} came")
        if not prompt:
            raise BadRequest("the prompt is empty", "give a text with at least one token")
        run = self._capture
        if run is None or not is_editable(run):
            raise BadRequest("this view cannot run another prompt", "it has no model, or no tokenizer; capture anew with lw.capture")
        self._runner.start(lambda progress, cancelled: run.again(prompt, progress=progress, cancelled=cancelled), prompt)
        return Answer({"accepted": True})

    def _answer_stop(self) -> Answer:
        return Answer({"stopping": self._runner.stop()})

    def _tell(self, told: dict[str, Any]) -> None:
        message = told["message"]
        with TURN:
            self.status = {
                **told,
                "prompt": prompt_trait(told["prompt"]),
                "message": message if message is None or len(message) <= _MESSAGE_LETTERS else message[:_MESSAGE_LETTERS] + " …",
            }

    def _check_capture(self, capture: Any) -> None:
        if not hasattr(capture, "pattern"):
            kind = type(self).__name__
            raise TypeError(f"{kind} shows a Capture, not a {type(capture).__name__}; make one with lw.capture(model, prompt)")

    def _publish(self, run: Capture, cancelled: Cancelled, again: bool = False) -> None:
        fields, problems = fields_of(run)
        own = self._own_fields if again or run is self._capture else {}
        fields = {**fields, **own}
        epoch = next(self._epochs)
        served = Served(epoch, run, fields)
        references = estimated_seconds(served, "references") < AT_ONCE
        if self._capture is None:
            how.check_fields(self.settings, fields)  # named by the user, before there was a run to ask
        described, more = fields_trait(fields, references)
        places = opening(run, self._selection, keep_query=again or self._capture is None)
        settings = how.with_known_fields(self.settings, served.fields)
        first, complete = first_picture(served, places["layer"], places["head"], settings["layerField"], AT_ONCE, cancelled)
        with TURN, self.hold_sync():
            if cancelled():
                raise CaptureStopped("stopped")
            if self.comm is None:
                return  # closed meanwhile
            if self._served is not None and self._served.epoch > epoch:
                return  # another thread has shown something newer meanwhile
            self._capture, self._served, self._own_fields = run, served, own
            self.run = run_trait(run, epoch)
            self.fields, self.problems = described, [*problems, *more]
            self.settings, self.first = settings, first
            self._selection.move(**places)
            self.status = status("ready")
        if not (complete and references):
            me = weakref.ref(self)
            self._workers.submit(lambda: _complete(me, served))

    def _complete_first(self, served: Served) -> None:
        """What of the first picture and the fields took too long to wait for; dropped when another run has come."""
        over = lambda: self._served is None or self._served.epoch != served.epoch  # noqa: E731
        first, _ = first_picture(served, self.cursor["layer"], self.cursor["head"], self.settings["layerField"], cancelled=over)
        with TURN:
            if not over():
                self.first = first
        if estimated_seconds(served, "references") < LATER:
            fields_trait(served.fields)  # the slow part; asked again under TURN, when it is known, for fields may have been added
            with TURN:
                if not over():
                    self.fields, _ = fields_trait(self._served.fields)

    # What stands in an output where no widget runs

    def __repr__(self) -> str:
        if self.comm is None:
            return f"{type(self).__name__}(closed)"
        return summary(type(self).__name__, self._capture, self._selection)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if self.comm is None:
            return {"text/plain": repr(self)}, {}
        made = super()._repr_mimebundle_(**kwargs)
        if made is None:
            return None
        data, metadata = made if isinstance(made, tuple) else (made, {})
        data["text/plain"] = repr(self)
        picture = self.picture()
        if picture is not None:
            data["image/png"] = picture
        return data, metadata

    def _ipython_display_(self) -> None:
        in_cell.display(self)

    def picture(self) -> bytes | None:
        """The overview as a PNG of at most 60 kB, drawn in Python; None before the first run."""
        first, run = self.first, self.run
        if first is None or run is None:
            return None
        if self._picture is None or self._picture[0] != run["epoch"]:
            drawn = preview_png(run, first, self.cursor)
            if drawn is None:
                return None
            self._picture = (run["epoch"], drawn)
        return self._picture[1]


def _complete(view: Any, served: Served) -> None:
    alive = view()
    if alive is not None:
        alive._complete_first(served)
