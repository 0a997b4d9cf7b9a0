"""The front end's code: one built file inside the package.

Always true: importing this never fails. A checkout whose front end is not built yet gets a page that says so, in place of an error
at import. The code goes to anywidget as text: given a path, anywidget keeps every view ever made alive through a signal of the file (its
issue 929). Only who develops the front end (ANYWIDGET_HMR=1) gets the path, for it to be watched.
"""

from __future__ import annotations

import os
from pathlib import Path

BUNDLE = Path(__file__).parent.parent / "static" / "widget.js"

_MISSING = """
const render = ({ el }) => {
  el.textContent = "The front end of llmwidgets is not built: llmwidgets/static/widget.js is missing. "
    + "In a checkout, run `make bundle`; else install llmwidgets again.";
};
export default { render };
"""


def page_code() -> Path | str:
    """The bundle, or code that explains what is missing."""
    if not BUNDLE.is_file():
        return _MISSING
    return BUNDLE if os.environ.get("ANYWIDGET_HMR") == "1" else BUNDLE.read_text(encoding="utf-8")
