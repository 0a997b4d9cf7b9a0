"""The machinery of a view: what is asked goes to the inquiry, what follows is put into the traits, blocks are answered for.

Always true: traits change under TURN and those of one run change together; no tensor stands in a trait except the bounded `first`; after
`close` the view holds neither captures nor threads. What Python callers use is view.py's; answers are worked out in rpc.py and answers.py.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..models.errors import CaptureStopped
from . import settings as how
from .answers import Cancelled, Served, reading_methods
from .code.code import code_of
from .cursor import opening, within
from .first_picture import AT_ONCE, LATER, estimated_seconds, first_picture
from .inquiry.asked import Asked
from .inquiry.asking import asking_methods
from .inquiry.exhibits import Exhibits, progress_of
from .inquiry.inquiry import Inquiry
from .inquiry.traits import inquiry_traits
from .rpc import Method, RequestServer
from .runner import Runner, status
from .selection import TURN, Selection
from .synced import Synced
from .traits import fields_trait, prompt_trait, run_trait
from .workers import make_workers

if TYPE_CHECKING:
    from ..capture import Capture

_MESSAGE_LETTERS = 2_000  # of an error, in a trait
_ASKED = ("run", "stop", "metric", "change", "show", "fill", "halt", "compare", "align", "code", "note", "return", "tour")


class Live(Synced):
    """Traits that follow an inquiry. Give it the panels to show; `close` it."""

    def __init__(self, selection: Selection, panels: list[str], settings: Mapping[str, str], **initial: Any) -> None:
        self._own_panels = panels
        self._shown: Served | None = None
        self._first: Capture | None = None  # the run that the shown one follows from
        super().__init__(selection, panels, settings, **initial)
        me = weakref.proxy(self)
        self._workers = make_workers(2, "answers")
        self._run_worker = make_workers(1, "run")
        self.runner = Runner(
            self._run_worker,
            lambda told: me._tell(told),
            lambda run, cancelled: me.inquiry.begin(run, cancelled),
            missed=lambda quiet, error: me.inquiry.missed(quiet, error),
        )
        self.inquiry = Inquiry(me, Exhibits(lambda served: me._progressed(served)), self.runner, self._workers)
        methods = {**reading_methods(lambda epoch: me._at(epoch)), **asking_methods(me), **self.further_methods(me)}
        self._server = RequestServer(methods, lambda content, buffers: me.send(content, buffers), self._workers, _ASKED)
        self.on_msg(lambda _, content, buffers: me._server.receive(content))

    @staticmethod
    def further_methods(view: Any) -> dict[str, Method]:
        """What else the page may ask of such a view, by name."""
        return {}

    @property
    def served(self) -> Served | None:
        """The run that is shown, as the page sees it."""
        return self._shown

    def close(self) -> None:
        """Take the view off the page, and let go of its captures and threads."""
        if self.comm is None:
            return
        self.runner.stop()
        self._server.close()
        self._run_worker.close()
        with TURN:  # a run that ends just now finds the view either open or closed
            self._shown = self._first = None
            self.inquiry.close()
            super().close()

    def code(self, field: str, cursor: Mapping[str, Any]) -> str:
        """Python that computes the numbers of a field, as the panels show them under a cursor."""
        asked = self.inquiry.asked
        if asked.first is None or self._shown is None:
            raise RuntimeError("there is no run yet whose numbers could be computed")
        if field not in self._shown.fields:
            raise ValueError(f"there is no field {field!r}; there are {', '.join(self._shown.fields)}")
        places = {**self._selection.to_cursor(), **cursor}
        return code_of(
            field,
            run=asked.first,
            metric=asked.metric,
            changes=asked.changes_shown,
            shown=asked.which,
            second=asked.second,
            pairs=asked.pairs,
            cursor=places,
        )

    # What the inquiry shows

    def present(self, served: Served, asked: Asked, cancelled: Cancelled, before: Callable[[], None] = lambda: None) -> None:
        """Show this run, unless something else is asked meanwhile, or the view is closed."""
        if self._shown is not None and self._shown.epoch == served.epoch:
            with TURN:
                if not cancelled():
                    self.status = status("ready")
            return
        another = self._first is not asked.first  # not only another of the runs that follow from it
        references = estimated_seconds(served, "references") < AT_ONCE
        if self._first is None:
            how.check_fields(self.settings, served.fields)  # named by the user, before there was a run to ask
        described, problems = fields_trait(served.fields, references)
        place = partial(opening, keep_query=self._first is None) if another else within
        stood, places = self._selection.to_cursor(), place(served.capture, self._selection)
        settings = how.with_known_fields(self.settings, served.fields) if another else self.settings
        first, complete = first_picture(served, places["layer"], places["head"], settings["layerField"], AT_ONCE, cancelled)
        with TURN, self.hold_sync():
            if cancelled():
                raise CaptureStopped("stopped")
            if self.comm is None:
                return  # closed meanwhile
            before()
            self._shown, self._first = served, asked.first
            self.run = self._run_of(served, asked)
            self.fields, self.problems = described, [*served.problems, *problems]
            self.settings, self.first, self.progress = settings, first, progress_of(served)
            self._tell_asked(asked)
            if self._selection.to_cursor() != stood:  # it was moved while the picture was made
                places = place(served.capture, self._selection)
            self._selection.move(**places)
            self.status = status("ready")
        if not (complete and references):
            me = weakref.ref(self)
            self._workers.submit(lambda: _complete(me, served))

    def tell(self, asked: Asked) -> None:
        """Say what is asked now; fields of causes of another metric come with it."""
        if self.comm is None:
            return
        with TURN, self.hold_sync():
            self._tell_asked(asked)
            now = None if self._shown is None else self._at(self._shown.epoch)
            if now is not None and self._shown is not None and now is not self._shown and now.epoch == self._shown.epoch:
                self._shown = now
                known = {field["name"]: field["reference"] for field in self.fields}  # of the same run, so the same
                described, _ = fields_trait(now.fields, False)
                self.fields = [{**field, "reference": field["reference"] or known.get(field["name"])} for field in described]
                self.progress = progress_of(now)
            if self._shown is not None:
                self.run = self._run_of(self._shown, asked)

    def _tell_asked(self, asked: Asked) -> None:
        for name, value in inquiry_traits(asked).items():
            setattr(self, name, value)
        self.panels = _with_compare(self._own_panels) if asked.second is not None else list(self._own_panels)

    def _run_of(self, served: Served, asked: Asked) -> dict[str, Any]:
        labels = dict(asked.options)
        which = served.shown["which"]
        label = "" if which == "clean" else labels.get(which, which)
        live = sorted({*self.inquiry.exhibits.live, served.epoch})  # what is shown is answered for until something else is
        return {**run_trait(served.capture, served.epoch), "shown": {**served.shown, "label": label}, "live": live}

    def _at(self, epoch: Any) -> Served | None:
        return self.inquiry.exhibits.at(epoch) or self._shown

    def _progressed(self, served: Served) -> None:
        with TURN:
            if self._shown is not None and self._shown.epoch == served.epoch and self.comm is not None:
                self.progress = progress_of(served)

    def _tell(self, told: dict[str, Any]) -> None:
        message = told["message"]
        with TURN:
            self.status = {
                **told,
                "prompt": prompt_trait(told["prompt"]),
                "message": message if message is None or len(message) <= _MESSAGE_LETTERS else message[:_MESSAGE_LETTERS] + " …",
            }

    def _complete_first(self, served: Served) -> None:
        """What of the first picture and the fields took too long to wait for; dropped when another run is shown."""
        over = lambda: self._shown is None or self._shown.epoch != served.epoch  # noqa: E731
        first, _ = first_picture(served, self.cursor["layer"], self.cursor["head"], self.settings["layerField"], cancelled=over)
        with TURN:
            if not over():
                self.first = first
        if estimated_seconds(served, "references") < LATER:
            fields_trait(served.fields)  # the slow part; asked again under TURN, when it is known, for fields may have been added
            with TURN:
                if not over():
                    self.fields, _ = fields_trait(self._shown.fields)


def _with_compare(panels: list[str]) -> list[str]:
    """With the second prompt's panel, where a view has text to stand beside it."""
    if "text" not in panels:
        return list(panels)
    after = panels.index("next") if "next" in panels else panels.index("text")
    return [*panels[: after + 1], "compare", *panels[after + 1 :]]


def _complete(view: Any, served: Served) -> None:
    alive = view()
    if alive is not None:
        alive._complete_first(served)
