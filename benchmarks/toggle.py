"""One head set to zero by a click on its change, and given back: from the click until every view is repainted and settled.

The built-in model's Inspector in a real JupyterLab, with a change for every head in the list, all off. Each round takes the next head: it
is switched on for the first time (the changed run is computed, sent and painted), off, and on and off again (the run is still kept).
Between the rounds stands what no program could save: an empty message to the kernel and back, and in the kernel the capture of the prompt
and of the changed prompt without any view.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.limits import TOGGLE_WARM
from benchmarks.paint_probe import PROBE, wait_for_latency
from tests.browser import chromium
from tests.browser.inspector import HOST, Inspector
from tests.browser.lab_server import serve
from tests.browser.notebook_page import NotebookPage, write_notebook

SHOW = """
import llmwidgets as lw
view = lw.show()
heads = [(layer, head) for layer in range(view.capture.n_layers) for head in range(view.capture.n_heads)]
for layer, head in heads:
    view.interventions.add(lw.Intervention("z", layer=layer, head=head), on=False)
"""
KERNEL = """
import time
def timed(work):
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)
"""
EPOCH = f"{HOST}.shadowRoot.querySelector('[data-epoch]').dataset.epoch"
# Another run is drawn, it is the one that was asked for, and no panel waits for numbers of it.
ANSWERED = f"""(before) => {EPOCH} !== before && {HOST}.shadowRoot.querySelector('[data-settled]').dataset.settled === 'true'
  && {HOST}.shadowRoot.querySelector('[data-panel][data-state="waiting"]') === null"""
EMPTY = """async () => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const start = performance.now();
  await kernel.requestExecute({ code: '', silent: true, store_history: false }).done;
  return performance.now() - start;
}"""


def measure() -> dict[str, Any]:
    """Keys: first, off, again, off_again, message, capture, intervene: each a list of milliseconds, one a round; failed (None)."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        work = Path(folder) / "work"
        work.mkdir()
        browser = chromium.launch(playwright)
        # As high as the whole view, so that the list and all panels are on screen.
        with serve(work, Path(folder) / "own") as server, chromium.context(browser, height=2600) as (context, _):
            context.add_init_script(PROBE)
            notebook = NotebookPage(context.new_page(), server, write_notebook(work / "bench.ipynb", SHOW)).open().run_all()
            return run(notebook)


def run(notebook: NotebookPage) -> dict[str, Any]:
    """A round for each head, the first few of which only warm up."""
    view = Inspector(notebook, notebook.cell(0)).wait_until_settled("clean")
    notebook.python(KERNEL)
    heads = notebook.value("heads")
    took: dict[str, list[float]] = {name: [] for name in ("first", "off", "again", "off_again", "message", "capture", "intervene")}
    for number, (layer, head) in enumerate(heads):
        change = f"lw.Intervention('z', layer={layer}, head={head})"
        one = {name: click(notebook.page, view, number) for name in ("first", "off", "again", "off_again")}
        one["message"] = notebook.page.evaluate(EMPTY)
        one["capture"] = notebook.value("timed(lambda: view.capture.again(view.capture.prompt))")
        one["intervene"] = notebook.value(f"timed(lambda: lw.intervene(view.capture, {change}))")
        if number >= TOGGLE_WARM:
            for name, milliseconds in one.items():
                took[name].append(milliseconds)
    return {**took, "failed": None}


def click(page: Page, view: Inspector, number: int) -> float:
    """Switch one change, by the mouse; milliseconds from the press to the painted frame in which all panels have the answer."""
    box = view.change_row(number).get_by_role("checkbox").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.evaluate(f"() => window.__bench.arm('pointerdown', () => {EPOCH}, {ANSWERED})")
    page.mouse.down()
    page.mouse.up()
    milliseconds = wait_for_latency(page)["ms"]
    view.wait_until_quiet()
    return milliseconds


def median_and_worst(milliseconds: list[float]) -> tuple[float, float]:
    """Of many."""
    return statistics.median(milliseconds), max(milliseconds)
