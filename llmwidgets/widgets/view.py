"""The base of all views, as Python callers use it: the run that is shown, the metric, the changes, further fields, settings.

Always true: what a caller gives is checked here before anything changes. How what is asked comes about, and how it gets into the traits, is
live.py's and inquiry.py's; what stands in an output where no widget runs is drawn in Python (preview.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import in_cell
from . import settings as how
from .fields_of_run import fields_of, user_field
from .fit import warn_if_it_fits_nowhere
from .inquiry.changes import Changes, given_changes
from .noting.noted import Noted
from .preview import preview_png, summary
from .runner import Work
from .selection import TURN, Selection

if TYPE_CHECKING:
    from pathlib import Path

    from ..capture import Capture
    from ..experiments.intervention import Intervention
    from ..experiments.metric import Metric
    from ..notes.notes import Notes

ALL_PANELS = ("bar", "text", "next", "heads", "pattern", "causes", "changes", "layers", "notes")


class View(Noted):
    """A live view of a capture. Use Inspector, HeadView, TokenView, LayerView or PatternView.

    capture: a Capture, or None until one is shown (`lw.show` does so)
    selection: a Selection to share with other views; its own by default
    compare: a second run beside it, a Capture (lw.show takes a prompt too)
    notes: the file of its notes, or lw.Notes to share; llmwidgets-notes.jsonl in the working folder by default, made with the first note
    settings: `set` says what there is. Raises TypeError for an unknown keyword, ValueError for an unknown value.
    """

    PANELS = ALL_PANELS

    # Kept by in_cell.py: which execution's output this stands in, under which id, from which cell.
    shown_in: int | None = None
    output_id: str | None = None
    cell: str | None = None

    def __init__(
        self, capture: Capture | None = None, *, selection: Selection | None = None, compare: Capture | None = None,
        notes: Notes | str | Path | None = None, layout: Any = None, **keywords: Any,
    ) -> None:  # fmt: skip
        wanted = how.checked(how.from_keywords(keywords))
        if selection is not None and not isinstance(selection, Selection):
            raise TypeError(f"selection is a {type(selection).__name__}; expected an lw.Selection, such as another view's .selection")
        if capture is None and compare is not None:
            raise TypeError(
                "compare= came without a capture to compare it with; give both, or call view.compare(...) when the first is there"
            )
        for run in (capture, compare):
            if run is not None:
                self._check_capture(run)
        self._picture: tuple[int, bytes] | None = None
        self._own_layout = layout is None
        initial = {} if layout is None else {"layout": layout}
        super().__init__(selection or Selection(), list(self.PANELS), wanted, notes=notes, **initial)
        if capture is not None:
            try:
                self.show_capture(capture)
                if compare is not None:
                    self.inquiry.compare(compare)
            except BaseException:  # ipywidgets would keep the half-made view for ever
                self.close()
                raise

    # What Python callers use

    @property
    def capture(self) -> Capture | None:
        """The clean run of the (first) prompt, or None before there is one."""
        return self._first

    @property
    def shown_capture(self) -> Capture | None:
        """The run that is shown: with changes made, the changed one."""
        return None if self.served is None else self.served.capture

    @property
    def metric(self) -> Metric | None:
        """What effects and contributions are measured by; set it, or click in the list of next tokens. None where nothing can be measured.

        The model's first choice against its second, until one is chosen. Setting it raises what `Metric.on` raises.
        """
        return self.inquiry.asked.metric

    @metric.setter
    def metric(self, metric: Metric) -> None:
        self._require_open()
        self.inquiry.measure(metric)

    @property
    def interventions(self) -> Changes:
        """The changes: read them, switch them, add to them, or set them all (`view.interventions = [lw.Intervention(...), ...]`)."""
        return Changes(self.inquiry)

    @interventions.setter
    def interventions(self, changes: Intervention | Iterable[Intervention]) -> None:
        self._require_open()
        new = [self.inquiry.new_entry(change, "first") for change in given_changes(changes)]
        self.inquiry.edit(lambda entries: new)

    @property
    def shown(self) -> str:
        """Which run is shown: "clean", "changed", "difference", and with a second prompt "second", "second_changed", "second_difference",
        "prompts" (second - first). Set it to show another; ValueError names those that there are."""
        return self.inquiry.asked.which

    @shown.setter
    def shown(self, which: str) -> None:
        self._require_open()
        self.inquiry.show(which)

    @property
    def second(self) -> Capture | None:
        """The second run, if there is one."""
        return self.inquiry.asked.second

    def compare(self, second: Any) -> None:
        """Put a second run beside the first: a Capture, or a prompt for the same model (text, ids, a chat); None takes it away."""
        self._require_open()
        if self.capture is None:
            raise RuntimeError("there is no run to compare with yet; wait for the capture to end, or give the view a Capture")
        run = second if second is None or hasattr(second, "pattern") else self.capture.again(second)
        self.inquiry.compare(run)

    def align(self, pairs: Iterable[Sequence[int]] | None) -> None:
        """Say which positions of the two prompts stand for each other, as (first, second), rising; None goes back to the proposal."""
        self._require_open()
        self.inquiry.align(pairs)

    def set(self, **keywords: Any) -> None:
        """Change settings: theme ("auto", "light", "dark"), palette ("blue", "viridis", "cividis"), pattern_view ("matrix", "arcs"),
        cause_view ("", "scatter", "direct_total", "decomposition"), and fields by name: text_field, head_field, head_field_beside ("" for
        none), pattern_field, layer_field, scatter_x, scatter_y."""
        self._require_open()
        wanted = {**self.settings, **how.from_keywords(keywords)}
        if self.served is not None:
            how.check_fields(how.checked(wanted), self.served.fields)
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
        self._require_open()
        exhibits, run = self.inquiry.exhibits, self.capture
        if self.served is None or run is None:
            raise RuntimeError("there is no run to add to yet; wait for the capture to end, or give the view a Capture")
        field = user_field(array, run, name=name, evidence=evidence, dims=dims, unit=unit, title=title, caveat=caveat)
        replaced = field.name in exhibits.own
        if not replaced and field.name in {**fields_of(run)[0], **self.served.fields}:
            raise ValueError(f"{field.name!r} is a field of the run itself; give another name=")
        warn_if_it_fits_nowhere(field)
        self.inquiry.add(field, again=replaced)
        return field.name

    def show_capture(self, capture: Capture) -> None:
        """Show another run in place of the present one. Raises RuntimeError for a view that is closed."""
        self._require_open()
        self._check_capture(capture)
        self.runner.show(capture)

    def run_here(self, work: Work, prompt: str | None) -> Capture:
        """Capture on this thread and show the result; progress shows in the view. What goes wrong is raised."""
        return self.runner.here(work, prompt)

    def stop(self) -> None:
        """Stop the prompt that is being run, if any."""
        self.runner.stop()

    def close(self) -> None:
        """Take the view off the page, and let go of its captures and threads."""
        if self.comm is None:
            return
        layout = self.layout
        super().close()
        self._picture = None
        if self._own_layout:
            layout.close()  # ipywidgets would keep it for ever

    def _require_open(self) -> None:
        if self.comm is None:
            raise RuntimeError(f"this view is closed; make another: lw.{type(self).__name__}(capture)")

    def _check_capture(self, capture: Any) -> None:
        if not hasattr(capture, "pattern"):
            kind = type(self).__name__
            raise TypeError(f"{kind} shows a Capture, not a {type(capture).__name__}; make one with lw.capture(model, prompt)")

    # What stands in an output where no widget runs

    def __repr__(self) -> str:
        if self.comm is None:
            return f"{type(self).__name__}(closed)"
        return summary(type(self).__name__, self.capture, self._selection)

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
