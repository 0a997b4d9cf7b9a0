"""Pictures of real states, to be looked at: `make screenshots` writes them into screenshots/.

Not a test. Each is taken in a real JupyterLab, at two pixels for one, when the view itself says that it has been painted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.inspector import Inspector
from tests.browser.lab_server import LabServer, serve
from tests.browser.notebook_page import NotebookPage, write_notebook

FOLDER = Path(__file__).resolve().parents[2] / "screenshots"
SHOW = "import llmwidgets as lw\nview = lw.show()"
WAITING = "import llmwidgets as lw\nview = lw.Inspector()\nview"
LONG = """
import sys, warnings
sys.path.insert(0, {root!r})
import llmwidgets as lw
from benchmarks.subject import gpt2_small_shape, prompt
view = lw.show(gpt2_small_shape(), prompt(1024))
"""
# What JupyterLab puts around the cells, in px: the cell is to be as wide as the picture's name says.
AROUND = 105


@dataclass(frozen=True)
class Shot:
    """One picture: its name, the cell that is run, the width of the output, and what is done before it is taken."""

    name: str
    cell: str
    width: int = 1000
    dark: bool = False
    act: Callable[[Inspector], None] = lambda view: None
    quiet: bool = True


def hover_a_cell(view: Inspector) -> None:
    canvas = view.panel("pattern").locator("canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    view.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.7)
    view.host.locator("[data-exact]").wait_for()


def arcs_of_three_heads(view: Inspector) -> None:
    view.notebook.python("view.set(pattern_view='arcs'); view.selection.heads = [(0, 0), (2, 1)]")


def fail(view: Inspector) -> None:
    view.run_prompt("the cat sat on the mat " * 200)
    view.panel("bar").get_by_role("alert").wait_for()


SHOTS = [
    Shot("light", SHOW),
    Shot("dark", SHOW, dark=True),
    Shot("narrow_520", SHOW, width=520),
    Shot("wide_1500", SHOW, width=1500),
    Shot("tooltip", SHOW, act=hover_a_cell),
    Shot("arcs", SHOW, act=arcs_of_three_heads),
    Shot("failed", SHOW, act=fail, quiet=False),
    Shot("waiting", WAITING, quiet=False),
    Shot("long_1024", LONG.format(root=str(FOLDER.parent))),
    Shot("long_1024_dark", LONG.format(root=str(FOLDER.parent)), dark=True),
]


def take(shot: Shot, server: LabServer, context) -> Path:
    """Run the cell in a notebook of its own and write the picture of its view."""
    path = write_notebook(server.root / f"{shot.name}.ipynb", shot.cell)
    notebook = NotebookPage(context.new_page(), server, path).open()
    if shot.dark:
        notebook.set_theme("JupyterLab Dark")
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:set-mode', { mode: 'single-document' })")
    notebook.page.evaluate("() => { if (window.jupyterapp.shell.leftCollapsed === false) window.jupyterapp.shell.collapseLeft(); }")
    notebook.run_all()
    view = Inspector(notebook, notebook.cell(0))
    if shot.quiet:
        view.wait_until_quiet()
    else:
        view.host.wait_for()
    shot.act(view)
    if shot.quiet:
        view.wait_until_quiet()
    target = FOLDER / f"{shot.name}.png"
    view.host.screenshot(path=target, animations="disabled")
    if shot.dark:
        notebook.set_theme("JupyterLab Light")
    notebook.shut_down()
    return target


def main() -> None:
    """All pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (work := Path(folder) / "work").mkdir()
        browser = chromium.launch(playwright)
        with serve(work, Path(folder) / "own") as server:
            for shot in SHOTS:
                # As tall as the whole view: what is taller than the window would be scrolled away while it is drawn.
                with chromium.context(browser, width=shot.width + AROUND, height=2200, scale=2) as (context, _):
                    print(take(shot, server, context), flush=True)


if __name__ == "__main__":
    main()
