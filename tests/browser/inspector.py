"""A view on the screen, as a test speaks of it: its state, its panels, tokens, heads and cells, and what its canvases hold.

What always holds: a view says of itself what state it is in (`data-llmw-state`, a panel's `data-state`) and how often each canvas has
been painted (`data-paints`); tests wait on these. Playwright's selectors see through the view's shadow root.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Locator

from tests.browser.notebook_page import NotebookPage

HOST = "document.querySelector('[data-llmw-state]')"
# Expressions over the first view of a page, in terms of what it says of itself; the benchmarks use them.
IS_PAINTED = f"{HOST}?.dataset.llmwState === 'ready'"  # said only after its canvases have been painted
PAINTS = f"[...{HOST}.shadowRoot.querySelectorAll('[data-paints]')].reduce((sum, one) => sum + Number(one.dataset.paints), 0)"
PATTERN = f"{HOST}.shadowRoot.querySelector('[data-panel=pattern]')"
NUMBER = "[+\u2212]?[0-9.]+(?:e\u2212?[0-9]+)?"
PIXELS = """(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let text = '';
  for (let start = 0; start < data.length; start += 32768) text += String.fromCharCode(...data.subarray(start, start + 32768));
  return { width: canvas.width, height: canvas.height, data: btoa(text) };
}"""
FIRST_WORDS = "(elements) => elements.map((element) => element.firstChild.textContent)"  # without what is there for screen readers
COLOUR = """(host, name) => {
  const probe = document.createElement('i');
  probe.style.color = getComputedStyle(host).getPropertyValue(`--llmw-${name}`);
  document.body.append(probe);  // a child of the host itself is not rendered
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}"""
# No panel waits, and nothing has been painted for three frames.
IS_QUIET = """(host) => new Promise((done) => {
  const root = host.shadowRoot ?? host;
  const count = () => [...root.querySelectorAll('[data-paints]')].reduce((sum, one) => sum + Number(one.dataset.paints), 0);
  const waits = () => host.dataset.llmwState !== 'ready' || root.querySelector('[data-panel][data-state="waiting"]') !== null;
  let before = count();
  let calm = 0;
  const look = () => {
    const now = count();
    calm = now === before && !waits() ? calm + 1 : 0;
    before = now;
    if (calm >= 3) done(true);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""

# The run of this name is drawn (the clean one has no badge), so many changes are on, and nothing newer was asked for.
IS_SETTLED = """([host, which, on]) => {
  const root = host.shadowRoot ?? host;
  if (root.querySelector('[data-settled]')?.dataset.settled !== 'true') return false;
  const shown = root.querySelector('.badge[data-which]')?.dataset.which ?? 'clean';
  const changes = root.querySelectorAll('[data-change][data-on="true"]').length;
  return (which === null || which === shown) && (on === null || on === changes);
}"""


@dataclass(frozen=True)
class Grid:
    """Where the cells of a regular grid stand on a canvas, in CSS pixels; row 0 is the uppermost."""

    left: float
    top: float
    step: float
    cell: float


class Inspector:
    """One view, in the output of one cell (or anywhere in `within`)."""

    def __init__(self, notebook: NotebookPage, within: Locator | None = None):
        self.notebook, self.page = notebook, notebook.page
        self.host = (within or self.page.locator("body")).locator("[data-llmw-state]").first

    @property
    def state(self) -> str:
        """waiting, ready, running, failed or loading."""
        return self.host.get_attribute("data-llmw-state") or ""

    def wait_for(self, state: str) -> Inspector:
        """Return when the view is in this state."""
        self.page.wait_for_function("([host, state]) => host.dataset.llmwState === state", arg=[self.host.element_handle(), state])
        return self

    def wait_until_quiet(self) -> Inspector:
        """Return when the view is ready, no panel waits for numbers, and nothing is being painted."""
        self.host.wait_for(state="attached")
        self.host.scroll_into_view_if_needed()
        self.host.evaluate(IS_QUIET)
        return self

    def wait_until_settled(self, which: str | None = None, changes: int | None = None) -> Inspector:
        """Return when this run (`Showing.which`) is drawn with so many changes made in it, as the view itself says, and is quiet."""
        self.host.wait_for(state="attached")
        self.page.wait_for_function(IS_SETTLED, arg=[self.host.element_handle(), which, changes])
        return self.wait_until_quiet()

    def panel(self, name: str) -> Locator:
        """The panel of this name: bar, text, next, heads, pattern or layers."""
        return self.host.locator(f'[data-panel="{name}"]')

    def token(self, position: int) -> Locator:
        """The token at a position in the text panel."""
        return self.host.locator(f'[data-panel="text"] [data-position="{position}"]')

    def token_colours(self) -> list[tuple[int, int, int]]:
        """The colour behind each token."""
        script = "(tokens) => tokens.map((token) => getComputedStyle(token).backgroundColor)"
        return [rgb(text) for text in self.host.locator('[data-panel="text"] [data-position]').evaluate_all(script)]

    @property
    def prompt(self) -> Locator:
        """The line that holds the prompt."""
        return self.panel("bar").locator("textarea")

    @property
    def tooltip(self) -> Locator:
        """What the pointer rests on."""
        return self.host.locator('[role="tooltip"]')

    def run_prompt(self, text: str) -> None:
        """Write another prompt and press Enter."""
        self.prompt.fill(text)
        self.prompt.press("Enter")

    def heads_grid(self) -> Grid:
        """Where each head's thumbnail stands on the canvas of the head view."""
        layers, heads = self.notebook.value("[view.capture.n_layers, view.capture.n_heads]")
        canvas = self.panel("heads").locator("canvas").first
        width, height = canvas.evaluate("(canvas) => [canvas.clientWidth, canvas.clientHeight]")
        # The room above (4 px) and below (20 px) and the gap by the step are those of js/src/views/heads/heads-layout.ts.
        for gap, least in ((8, 40), (4, 20), (2, 10), (1, 0)):
            step = (height - 24 + gap) / layers
            if step >= least and step == int(step):
                return Grid(width - 4 - heads * step + gap, 4, step, step - gap)
        raise AssertionError(f"a head grid of {width} × {height} px is none that heads-layout.ts makes for {layers} × {heads}")

    def head_point(self, layer: int, head: int) -> tuple[float, float]:
        """The middle of a head's thumbnail, on the page. The first layer is the lowest row."""
        canvas = self.panel("heads").locator("canvas").first
        canvas.scroll_into_view_if_needed()
        grid, box = self.heads_grid(), canvas.bounding_box()
        rows = self.notebook.value("view.capture.n_layers")
        return (
            box["x"] + grid.left + head * grid.step + grid.cell / 2,
            box["y"] + grid.top + (rows - 1 - layer) * grid.step + grid.cell / 2,
        )

    def click_head(self, layer: int, head: int, shift: bool = False) -> None:
        """Click a head in the head view."""
        x, y = self.head_point(layer, head)
        self.page.mouse.move(x, y)
        if shift:
            self.page.keyboard.down("Shift")
        self.page.mouse.click(x, y)
        if shift:
            self.page.keyboard.up("Shift")

    def has_focus(self, panel: str) -> bool:
        """Whether the keyboard is with a panel."""
        return self.host.evaluate("(host, name) => host.shadowRoot.activeElement?.closest('[data-panel]')?.dataset.panel === name", panel)

    def pixels(self, panel: str, number: int = 0) -> np.ndarray:
        """What a canvas of a panel holds. (row, column, RGBA) uint8"""
        found = self.panel(panel).locator("canvas").nth(number).evaluate(PIXELS)
        return np.frombuffer(base64.b64decode(found["data"]), np.uint8).reshape(found["height"], found["width"], 4)

    def matrix_grid(self) -> Grid:
        """Where the cells of the pattern's matrix stand when all of it is shown."""
        canvas = self.panel("pattern").locator("canvas").first
        # The room for the labels (76 px left, 56 px above) and 4 px below are those of js/src/views/pattern/matrix-layout.ts.
        side = canvas.evaluate("(canvas) => canvas.clientHeight") - 60
        cell = side / self.notebook.value("view.capture.n_tokens")
        return Grid(76, 56, cell, cell)

    def button(self, panel: str, name: str | re.Pattern[str]) -> Locator:
        """A button of a panel, by its whole name."""
        return self.panel(panel).get_by_role("button", name=name, exact=True)

    def table(self, panel: str) -> list[list[str]]:
        """The numbers of a panel as its (first) table gives them, row by row, with the names of the rows; leaves the panel as it was."""
        button = self.button(panel, "table").first
        button.click()
        rows = self.panel(panel).locator("tbody tr")
        texts = rows.evaluate_all("(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))")
        button.click()
        return texts

    def numbers(self, panel: str) -> np.ndarray:
        """The same as numbers, NaN where there is none: what a mask forbids, what is not computed. (row, column)"""
        return np.array([[number(cell) for cell in cells] for _, *cells in self.table(panel)])

    @property
    def answer(self) -> tuple[float, float]:
        """The measured number as the Changes panel says it, without the changes and with them."""
        words = self.panel("changes").locator(".answer").inner_text()
        found = re.search(rf"(?:: ({NUMBER}) → | = )({NUMBER})", words)
        assert found, f"{words!r} is no answer"
        return number(found[1] or found[2]), number(found[2])

    def change_row(self, number: int) -> Locator:
        """A change of the list, from 0."""
        return self.panel("changes").locator("[data-change]").nth(number)

    def switch_change(self, number: int) -> None:
        """Click the checkbox of a change."""
        self.change_row(number).get_by_role("checkbox").click()

    def click_cell(self, query: int, key: int) -> None:
        """Click a cell of the pattern's matrix when all of it is shown."""
        canvas = self.panel("pattern").locator("canvas").last
        canvas.scroll_into_view_if_needed()
        grid, box = self.matrix_grid(), canvas.bounding_box()
        self.page.mouse.click(box["x"] + grid.left + (key + 0.5) * grid.step, box["y"] + grid.top + (query + 0.5) * grid.step)

    def click_layer(self, layer: int, position: int) -> None:
        """Click a cell of the layer grid when all of it is shown."""
        canvas = self.panel("layers").locator("canvas").last
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        positions = self.notebook.value("view.shown_capture.n_tokens")
        # Labels 40 px wide and 24 px high, rows of 24 px, 4 px to the right and below: js/src/views/layers/layers-layout.ts.
        step = (box["width"] - 44) / positions
        assert 52 <= step <= 104, f"columns of {step} px are not those of a grid that is shown whole"
        x, y = box["x"] + 40 + (position + 0.5) * step, box["y"] + box["height"] - 4 - (layer + 0.5) * 24
        self.page.mouse.click(x, y)

    def click_point(self, layer: int, head: int) -> None:
        """Click a head's point in the scatter: where its numbers have to be."""
        places = {name: (number(x), number(y)) for name, x, y in self.table("causes")}
        canvas = self.panel("causes").locator("canvas").last
        canvas.scroll_into_view_if_needed()
        box, at = canvas.bounding_box(), places[f"L{layer}H{head}"]
        # The edges and the room about the numbers, zero among them, are those of js/src/views/causes/scatter-layout.ts.
        ends = []
        for one in (0, 1):
            values = [0.0, *(place[one] for place in places.values())]
            room = 0.05 * (max(values) - min(values))
            ends.append((at[one] - min(values) + room) / (max(values) - min(values) + 2 * room))
        x = box["x"] + 44 + ends[0] * (box["width"] - 44 - 12)
        y = box["y"] + box["height"] - 20 - ends[1] * (box["height"] - 10 - 20)
        self.page.mouse.click(x, y)

    def colour(self, name: str) -> tuple[int, int, int]:
        """One of the colours that the view took from its host: bg, soft, line, ..."""
        return rgb(self.host.evaluate(COLOUR, name))

    def shares(self) -> list[float]:
        """The percentages of the next-token panel, as numbers between 0 and 1, from the most probable down."""
        return [number(text) for text in self.panel("next").locator(".share").evaluate_all(FIRST_WORDS)]


def number(text: str) -> float:
    """A number as the view writes it, after a word or alone: a true minus sign, a plus, a percentage as a share; NaN for words."""
    plain = (text.split() or [""])[-1].replace("\u2212", "-").replace("<", "").replace(">", "")
    try:
        return float(plain[:-1]) / 100 if plain.endswith("%") else float(plain)
    except ValueError:
        return float("nan")


def rgb(text: str) -> tuple[int, int, int]:
    """The numbers of CSS's `rgb(1, 2, 3)`, or of `#010203`."""
    if text.startswith("#"):
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
    red, green, blue = text[text.index("(") + 1 : text.rindex(")")].replace(",", " ").split()[:3]
    return int(red), int(green), int(blue)
