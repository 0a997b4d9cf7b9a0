"""What a view and its page share: the traits of docs/protocol.md, and a selection mirrored by the cursor trait.

Always true: selection and cursor say the same, whoever moved, from any thread; the page can change the cursor, the settings, the framing
and the layout and nothing else; settings and framing are always whole and valid. What fills the traits is view.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from . import settings as how
from .noting.framing import checked_framing
from .page_code import page_code
from .runner import status
from .selection import COORDINATES, TURN, Selection

THE_PAGES = ("cursor", "settings", "framing", "layout")
"""Traits that the page may change."""


class Synced(anywidget.AnyWidget):
    """The traits of a view. Give it a Selection, and `close` it."""

    _esm = page_code()

    panels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    run = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    fields = traitlets.List().tag(sync=True)
    cursor = traitlets.Dict().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    first = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    problems = traitlets.List().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    measured = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    changes = traitlets.List().tag(sync=True)
    showing = traitlets.Dict(default_value={"which": "clean", "options": [{"which": "clean", "label": "clean run"}]}).tag(sync=True)
    compared = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    noted = traitlets.Dict().tag(sync=True)
    tour = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    framing = traitlets.Dict(default_value=checked_framing({})).tag(sync=True)

    def __init__(self, selection: Selection, panels: list[str], settings: Mapping[str, str], **initial: Any) -> None:
        self._selection = selection
        super().__init__(panels=panels, settings=dict(settings), status=status("ready"), cursor=selection.to_cursor(), **initial)
        selection.observe(self._selection_moved, [*COORDINATES, "heads"])
        self.observe(self._cursor_moved, "cursor")

    @property
    def selection(self) -> Selection:
        """The cursor: `view.selection.layer = 2` moves the screen, `view.selection.observe(...)` sees clicks."""
        return self._selection

    def close(self) -> None:
        """Take the view off the page and let go of the selection."""
        self._selection.unobserve(self._selection_moved, [*COORDINATES, "heads"])
        super().close()
        self.__dict__.pop("_repr_mimebundle_", None)  # ipywidgets puts None there, which IPython would call

    # Each mirrors the other; equal values end the echo

    def _selection_moved(self, change: Any) -> None:
        with TURN:
            cursor = self._selection.to_cursor()
            if cursor != self.cursor:
                self.cursor = cursor

    def _cursor_moved(self, change: Any) -> None:
        with TURN:
            if self.cursor != self._selection.to_cursor():
                self._selection.from_cursor(self.cursor)

    @traitlets.validate("cursor")
    def _check_cursor(self, proposal: Any) -> dict[str, Any]:
        probe = Selection()
        probe.from_cursor(proposal["value"])
        return {**probe.to_cursor(), "id": self._selection.id}

    @traitlets.validate("framing")
    def _check_framing(self, proposal: Any) -> dict[str, Any]:
        return checked_framing(proposal["value"])

    @traitlets.validate("settings")
    def _check_settings(self, proposal: Any) -> dict[str, str]:
        return how.checked(proposal["value"])

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """What the page changed. Only THE_PAGES are the page's to change."""
        with TURN:
            super().set_state({name: value for name, value in sync_data.items() if name in THE_PAGES})
