"""How a view gets into a notebook's output: once per cell, with its picture, and in place of the one that the cell showed before.

Always true: outside IPython nothing is displayed and nothing fails; a view stands at most once in the output of one execution of a
cell; running a cell again closes what it showed before, unless that was also displayed from another cell.
"""

from __future__ import annotations

import sys
import uuid
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .view import View

SOON = 0.25  # seconds of a capture before the view is put up with its progress

# Views by the id of the cell whose execution showed them, with the count of that execution.
_shown_by: dict[str, tuple[int, list[weakref.ref[View]]]] = {}


def shell() -> Any:
    """The running IPython, or None. Does not import it: where it runs, it is imported."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def display(view: View) -> None:
    """Put the view in the output of the running cell, unless it stands there already."""
    here = shell()
    if here is None or view.shown_in == _execution(here):
        return
    view.shown_in = _execution(here)
    view.output_id = uuid.uuid4().hex
    _remember(here, view)
    _publish(here, view, update=False)


def finish(view: View, before_run: bool) -> None:
    """After a capture: put the view in the output or, where it stands there since before the run, give that output its picture.

    JupyterLab draws an output anew only when its kind changes, and would keep the former view alive beside the new one; so the
    output is a line of text for a moment.
    """
    here = shell()
    if here is None:
        return
    if not before_run:
        display(view)
        return
    line = {"text/plain": repr(view)}
    here.display_pub.publish(line, transient={"display_id": view.output_id}, update=True)
    _publish(here, view, update=True)


def _publish(here: Any, view: View, update: bool) -> None:
    made = view._repr_mimebundle_()
    if made is None:
        return
    data, metadata = made
    here.display_pub.publish(data, metadata, transient={"display_id": view.output_id}, update=update)


def _execution(here: Any) -> int:
    return int(here.execution_count)


def _cell(here: Any) -> str | None:
    """The running cell's id, where the notebook tells it."""
    parent = here.get_parent() if hasattr(here, "get_parent") else None
    metadata = parent.get("metadata") if isinstance(parent, dict) else None
    found = (metadata or {}).get("cellId")
    return found if isinstance(found, str) else None


def _remember(here: Any, view: View) -> None:
    cell = _cell(here)
    if cell is None:
        return
    elsewhere = getattr(view, "cell", None)
    view.cell = cell if elsewhere in (None, cell) else ""  # "": displayed from several cells, so none of them may close it
    count, views = _shown_by.get(cell, (-1, []))
    if count != _execution(here):
        for former in (reference() for reference in views):
            if former is not None and former is not view and former.cell == cell:
                former.close()
        views = []
    _shown_by[cell] = (_execution(here), [*views, weakref.ref(view)])
