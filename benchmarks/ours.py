"""Our Inspector at one length, in a real JupyterLab: from the run of the cell to the painted view, and what looks at something else cost.

The kernel is fresh and the model is made before the clock starts, as on the other side. The figures hold everything after that: the
first capture with its probe, the messages, JupyterLab's own work, the drawing.
"""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

from benchmarks.limits import LOOKS, OPEN_MB, OPEN_SECONDS
from benchmarks.paint_probe import PROBE, median, wait_for_latency
from benchmarks.watchdog import Watchdog
from tests.browser import chromium
from tests.browser.inspector import IS_PAINTED, PAINTS, PATTERN, Inspector
from tests.browser.lab_server import serve
from tests.browser.notebook_page import NotebookPage, write_notebook

MAKE_MODEL = """
import sys; sys.path.insert(0, {root!r})
import llmwidgets as lw, transformers, ipywidgets, anywidget
from benchmarks.subject import gpt2_small_shape, prompt
model, ids = gpt2_small_shape(), prompt({tokens})
lw.show, lw.capture  # loads the modules: imports are outside the clock on both sides
"""
SHOW = "import time; start = time.perf_counter(); view = lw.show(model, ids); python_s = time.perf_counter() - start"
ROOT = str(Path(__file__).resolve().parents[1])


def measure(tokens: int) -> dict[str, Any]:
    """Keys: python_s, sent, saved (bytes), paint_s, total_s, look_ms, look_frames, click_ms, heap_mb, failed (a reason, or None)."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        work = Path(folder) / "work"
        work.mkdir()
        browser = chromium.launch(playwright)
        with serve(work, Path(folder) / "own") as server, chromium.context(browser) as (context, _):
            context.add_init_script(PROBE)
            path = write_notebook(work / "bench.ipynb", MAKE_MODEL.format(root=ROOT, tokens=tokens), SHOW)
            notebook = NotebookPage(context.new_page(), server, path).open()
            return run(notebook)


def run(notebook: NotebookPage) -> dict[str, Any]:
    """Run the cell that shows, wait for its picture, then look around in it."""
    page = notebook.page
    notebook.run_cell(0)
    before = len(json.dumps(notebook.save()))
    count = count_received(page)
    notebook.cell(1).locator(".jp-InputArea-editor").click()
    with Watchdog(OPEN_SECONDS, OPEN_MB) as dog:
        try:
            times = page.evaluate(
                f"""async () => {{
                  const start = performance.now();
                  window.jupyterapp.commands.execute('notebook:run-cell');
                  return {{ start, painted: await window.__bench.watch(() => {IS_PAINTED}) }};
                }}"""
            )
        except PlaywrightError as error:
            return {"failed": f"did not open: {dog.reason or error.message.splitlines()[0]}"}
    sent = count()
    notebook.wait_until_idle()
    inspector = Inspector(notebook, notebook.cell(1))
    inspector.wait_until_quiet()
    total = (times["painted"] - times["start"]) / 1000
    python = notebook.value("python_s")
    last = notebook.value("view.capture.n_tokens") - 1  # a long text opens at its end
    looks = [hover(page, inspector, last - 1 - number % 8) for number in range(LOOKS)]
    selected = notebook.value("view.selection.head")
    clicks = [click(page, inspector, 1 + number, (selected + 1) % 12) for number in range(LOOKS - 2)]
    return {
        "python_s": python,
        "sent": sent,
        "saved": len(json.dumps(notebook.save())) - before,
        "total_s": total,
        "look_ms": median([look["ms"] for look in looks]),
        "look_frames": median([look["frames"] for look in looks]),
        "click_ms": median([one["ms"] for one in clicks]),
        "heap_mb": page.evaluate("() => performance.memory.usedJSHeapSize") / 1e6,
        "failed": None,
    }


def hover(page: Page, inspector: Inspector, position: int) -> dict[str, float]:
    """The pointer goes to a token; answered when the pattern's or the text's colours have changed."""
    box = inspector.token(position).bounding_box()
    page.evaluate(f"() => window.__bench.arm('pointermove', () => {PAINTS}, (before) => {PAINTS} > before)")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return wait_for_latency(page)


def click(page: Page, inspector: Inspector, layer: int, head: int) -> dict[str, float]:
    """A click on another head, timed from the press; answered when the pattern panel holds that head and has been painted.

    The pointer comes from elsewhere and presses at once: a person's rests a moment first, while the hovered head is fetched already.
    """
    x, y = inspector.head_point(layer, head)
    page.mouse.move(0, 0)
    inspector.wait_until_quiet()
    paints = f"Number({PATTERN}.querySelector('canvas').dataset.paints)"
    shows = f"{PATTERN}.dataset.state === 'ready' && {PATTERN}.innerText.includes('L{layer}H{head}')"
    page.evaluate(f"() => window.__bench.arm('pointerdown', () => {paints}, (before) => {shows} && {paints} > before)")
    page.mouse.click(x, y)
    return wait_for_latency(page)


def count_received(page: Page) -> Any:
    """Starts to count the bytes that the page's web sockets receive; returns a function that gives the sum so far."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    total = 0

    def received(event: dict[str, Any]) -> None:
        nonlocal total
        data = event["response"]["payloadData"]
        total += len(base64.b64decode(data)) if event["response"]["opcode"] == 2 else len(data.encode())

    session.on("Network.webSocketFrameReceived", received)
    return lambda: total
