"""Where the front end is: one built file inside the package.

Always true: importing this never fails. A checkout whose front end is not built yet gets a page that says so, in place of an error
at import.
"""

from __future__ import annotations

from pathlib import Path

BUNDLE = Path(__file__).parent.parent / "static" / "widget.js"

_MISSING = """
const render = ({ el }) => {
  el.textContent = "The front end of llmwidgets is not built: llmwidgets/static/widget.js is missing. In a checkout, run `make build`; else install llmwidgets again.";
};
export default { render };
"""


def page_code() -> Path | str:
    """The bundle's path, or code that explains what is missing."""
    return BUNDLE if BUNDLE.is_file() else _MISSING
