"""Pictures of real states, to be looked at: `make screenshots` writes them into screenshots/.

Not a test. Each is taken in a real JupyterLab, at two pixels for one, when the view itself says that it has been painted.
"""

from __future__ import annotations

import sys
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
CAUSES = "import llmwidgets as lw\nview = lw.show(head_field_beside='ablation_effect', cause_view='scatter')"
OTHER = "When Mary and John went to the store, Mary gave a drink to"
LONG_CAUSES = (
    LONG
    + """
view.set(cause_view="decomposition", head_field_beside="direct_contribution")
view.interventions.add(lw.Intervention("z", layer=3, head=2))
view.interventions.add(lw.Intervention("scores", layer=4, position=-1, key=3))
"""
)
NOTES = """
import tempfile
import llmwidgets as lw
view = lw.show(
    notes=tempfile.mkdtemp() + "/findings.jsonl", head_field_beside="ablation_effect", cause_view="scatter",
    selection=lw.Selection(layer=1, head=3, query=13, key=1),
)
view.metric = lw.Metric(" Mary", foil=" John")
view.notes.author = "Ana"
copies = view.annotate(
    "From the last token **99%** of its attention is on Mary. It may be what says her name.", layer=1, head=3, query=13, key=1,
    tags=["names"],
)
view.annotate(
    "*Holds*: without it her lead falls from 9.5 to 1.9 logits.", change=lw.Intervention("z", layer=1, head=3), reply_to=copies,
    tags=["tested"],
)
hinders = view.annotate(
    "Looks at `John` as hard. Without it Mary should lead by more.", layer=1, head=1, query=13, key=3, author="Ben", tags=["names"],
    ask="What happens to Mary's lead without it?",
)
view.annotate("The two people", tokens=(1, 4))
view.annotate("Here the lens says the name for the first time", layer=1, query=13, field="logit_lens")
"""
TOUR = NOTES + "tour = lw.tour(view, [copies, hinders], title='Who says Mary?'); tour.next()"
OTHER_PROMPT = NOTES + "view.show_capture(view.capture.again('Later Mary and John and then Mary went home, John gave a drink to'))"
LONG_NOTES = (
    LONG
    + """
import tempfile
place = lw.Selection(layer=5, head=1, query=900, key=120)
noted = lw.Inspector(view.capture, notes=tempfile.mkdtemp() + "/findings.jsonl", selection=place)
view.close()
view = noted
view.annotate("a long look back", layer=5, head=1, query=900, key=(100, 160))
view.annotate("a region", layer=5, head=1, query=(400, 700), key=(200, 300))
for i in range(40):
    view.annotate("note number " + str(i), layer=i % 12, head=(5 * i) % 12, query=20 * i, tags=["t" + str(i % 3)])
view
"""
)
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


def change(view: Inspector) -> None:
    """Two changes, of which one is a cut with a name; the changed run is shown, and the code of a panel."""
    view.notebook.python(
        "view.interventions.add(lw.Intervention('z', layer=3, head=2)); "
        "view.interventions.add(lw.Intervention('scores', layer=1, head=3, position=-1, key=3), name='no look at John'); "
        "view.selection.layer, view.selection.head, view.selection.query, view.selection.key = 1, 3, 13, 3"
    )
    view.wait_until_settled(changes=2)
    view.notebook.wait_for_value("[one.effect is not None for one in view.interventions]", [True, True])


def subtract(view: Inspector) -> None:
    change(view)
    view.notebook.python("view.shown = 'difference'")
    view.wait_until_settled("difference")


def compare(view: Inspector) -> None:
    """A second prompt, and the effects of patching from it over layers and positions."""
    view.notebook.python(f"view.compare({OTHER!r}); view.set(layer_field='patching_noise', cause_view='scatter')")
    view.panel("compare").wait_for()
    view.notebook.python("view.selection.layer, view.selection.query = 2, 10")
    view.notebook.wait_for_value("view.progress['patching_noise']['state']", "ready")


def see(cause_view: str, field: str) -> Callable[[Inspector], None]:
    def act(view: Inspector) -> None:
        view.notebook.python(f"view.set(cause_view={cause_view!r})")
        view.notebook.wait_for_value(f"view.progress.get({field!r}, {{}}).get('state', 'ready')", "ready")

    return act


def changed_long(view: Inspector) -> None:
    view.notebook.python("view.selection.layer, view.selection.head, view.selection.query, view.selection.key = 4, 2, 1023, 3")
    view.wait_until_settled(changes=2)
    view.notebook.wait_for_value("[one.effect is not None for one in view.interventions]", [True, True])


def difference_long(view: Inspector) -> None:
    changed_long(view)
    view.notebook.python("view.shown = 'difference'")
    view.wait_until_settled("difference")


def open_code(view: Inspector) -> None:
    view.notebook.wait_for_value("view.progress['ablation_effect']['state']", "ready")
    view.panel("heads").get_by_role("button", name="code").first.click()
    view.panel("heads").locator('section.code[data-state="ready"]').wait_for()


def swept(view: Inspector) -> None:
    view.notebook.wait_for_value("view.progress['ablation_effect']['state']", "ready")


def everywhere(name: str, cell: str, act: Callable[[Inspector], None]) -> list[Shot]:
    """One state in the light, in the dark, narrow and wide."""
    return [
        Shot(name, cell, act=act),
        Shot(f"{name}_dark", cell, dark=True, act=act),
        Shot(f"{name}_narrow_520", cell, width=520, act=act),
        Shot(f"{name}_wide_1500", cell, width=1500, act=act),
    ]


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
    *everywhere("causes", CAUSES, swept),
    *everywhere("changed", SHOW, change),
    *everywhere("difference", SHOW, subtract),
    *everywhere("compare", SHOW, compare),
    Shot("decomposition", SHOW, act=see("decomposition", "decomposition")),
    Shot("decomposition_narrow_520", SHOW, width=520, act=see("decomposition", "decomposition")),
    Shot("direct_total", SHOW, act=see("direct_total", "ablation_effect")),
    Shot("code", CAUSES, act=open_code),
    *everywhere("notes", NOTES, swept),
    *everywhere("tour", TOUR, swept),
    Shot("notes_other_prompt", OTHER_PROMPT),
    Shot("notes_long_1024", LONG_NOTES.format(root=str(FOLDER.parent)), width=1400),
    Shot("long_1024_changed", LONG_CAUSES.format(root=str(FOLDER.parent)), act=changed_long),
    Shot("long_1024_difference_dark", LONG_CAUSES.format(root=str(FOLDER.parent)), dark=True, act=difference_long),
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


def main(names: list[str]) -> None:
    """The pictures of these names, or all."""
    wanted = [shot for shot in SHOTS if not names or shot.name in names]
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (work := Path(folder) / "work").mkdir()
        browser = chromium.launch(playwright)
        with serve(work, Path(folder) / "own") as server:
            for shot in wanted:
                # As tall as the whole view: what is taller than the window would be scrolled away while it is drawn.
                with chromium.context(browser, width=shot.width + AROUND, height=3200, scale=2) as (context, _):
                    print(take(shot, server, context), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
