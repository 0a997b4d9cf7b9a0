"""A view with notes on the screen, as a test speaks of it: lines that are written in, cards, marks on canvases, and what lies in the file.

What always holds: a note is found by its words, never by its place in the list; a mark is looked for where the design puts it (the
upper right corner of a cell), in the colour that the view gives to notes. The rest of a view is inspector.py's.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator

from tests.browser.inspector import Grid, Inspector
from tests.browser.notebook_page import NotebookPage

FILE = "llmwidgets-notes.jsonl"
NEAR = 12  # of 255, by which a colour on a canvas may be off where it is painted with smooth edges
SELECTED = "[view.selection.layer, view.selection.head, view.selection.query, view.selection.key]"
FOCUS = """(host) => {
  const at = host.shadowRoot.activeElement;
  return at === null ? null : [at.tagName.toLowerCase(), at.getAttribute('aria-label'), at.closest('[data-panel]')?.dataset.panel ?? null];
}"""


class NotedView(Inspector):
    """An Inspector whose notes are spoken of."""

    @property
    def notes(self) -> Locator:
        """The panel of notes."""
        return self.panel("notes")

    def open_notes(self) -> NotedView:
        """Open the notes by their button in the bar, if they are folded."""
        button = self.panel("bar").locator(".notes-toggle")
        if button.get_attribute("aria-expanded") == "false":
            button.click()
        self.notes.wait_for()
        self.wait_until_quiet()
        return self

    def lines(self, panel: str) -> Locator:
        """The lines in which a new note is written in a panel."""
        return self.panel(panel).get_by_role("form", name="a new note")

    def about(self, panel: str) -> str:
        """What the lines of a panel say that the new note is about."""
        return self.lines(panel).locator("bdi").first.inner_text()

    def write(self, panel: str, text: str, tags: str = "", ask: str = "") -> None:
        """Type into the open lines of a panel, which have the focus, and save by Ctrl+Enter; return when they are gone."""
        lines = self.lines(panel)
        lines.wait_for()
        assert self.focus() == ["textarea", "a new note", panel]
        self.page.keyboard.type(text)
        if tags:
            self.page.keyboard.press("Tab")
            self.page.keyboard.type(tags)
        if ask:
            lines.get_by_text("ask first, in a tour").click()
            lines.get_by_label("a question to ask before the note is shown").click()
            self.page.keyboard.type(ask)
        self.page.keyboard.press("Control+Enter")
        lines.wait_for(state="detached")

    def focus(self) -> list[str | None] | None:
        """What has the keyboard: its element, its name for screen readers, and its panel."""
        return self.host.evaluate(FOCUS)

    def card(self, words: str | re.Pattern[str]) -> Locator:
        """The card whose note says this."""
        return self.notes.locator(".card").filter(has=self.page.locator(".prose").filter(has_text=words))

    def cards(self) -> list[str]:
        """What the cards say, from the top."""
        return self.notes.locator(".card .prose").all_inner_texts()

    def does(self, words: str | re.Pattern[str], name: str) -> Locator:
        """A button of a card: reply, edit, resolve, delete, ..."""
        return self.card(words).get_by_role("button", name=name, exact=True)

    def tags(self, words: str | re.Pattern[str]) -> list[str]:
        """The tags on a card."""
        found = self.card(words).get_by_title("only notes with th").all_inner_texts()
        return [text.removeprefix("#") for text in found]

    def return_to(self, words: str | re.Pattern[str]) -> None:
        """Click the place of a card, and wait until the way back is offered: the kernel has answered."""
        self.card(words).locator(".where").click()
        self.does(words, "back to where I was").wait_for()
        self.wait_until_quiet()

    @property
    def player(self) -> Locator:
        """The player of a tour."""
        return self.host.get_by_role("region", name="Tour", exact=True)

    def wait_for_step(self, words: str) -> None:
        """Return when the player stands at a step, such as "2 of 3"."""
        self.player.get_by_text(words, exact=True).wait_for()
        self.player.and_(self.page.locator('[data-state="ready"]')).wait_for()

    def told(self) -> list[dict[str, Any]]:
        """The notes as the kernel has them, in their order."""
        keys = ("id", "text", "tags", "author", "evidence", "resolved", "reply_to", "ask", "layer", "head")
        each = ", ".join(f"{name!r}: getattr(note, {name!r})" for name in keys)
        place = """'spans': {span.coordinate: [span.start, span.stop, span.quote] for span in note.place.spans},
                   'heads': note.place.heads, 'change': note.place.change and dict(note.place.change), 'field': note.place.field"""
        return self.notebook.value(f"[{{{each}, {place}}} for note in view.notes]")

    def note(self, words: str) -> dict[str, Any]:
        """The note of these words, as the kernel has it."""
        found = [note for note in self.told() if words in note["text"]]
        assert len(found) == 1, f"{len(found)} notes say {words!r}"
        return found[0]

    def wait_for_notes(self, *texts: str) -> None:
        """Return when the kernel has notes of these texts, in any order, and no others."""
        self.notebook.wait_for_value("sorted(note.text for note in view.notes)", sorted(texts))

    # marks

    def is_note_colour(self, panel: str, number: int = -1) -> np.ndarray:
        """Where a canvas of a panel has the colour of notes, by default its last, which holds the marks. (row, column) bool"""
        count = self.panel(panel).locator("canvas").count()
        pixels = self.pixels(panel, number % count).astype(int)
        return (np.abs(pixels[..., :3] - self.colour("note")).max(-1) <= NEAR) & (pixels[..., 3] > 200)

    def marked_heads(self) -> list[tuple[int, int]]:
        """The heads whose thumbnails wear a mark, as (layer, head)."""
        grid, seen = self.heads_grid(), self.is_note_colour("heads")
        layers, heads = self.notebook.value("[view.capture.n_layers, view.capture.n_heads]")
        tops = {layer: grid.top + (layers - 1 - layer) * grid.step for layer in range(layers)}
        return [at for at in np.ndindex(layers, heads) if has_corner(seen, grid.left + at[1] * grid.step, tops[at[0]], grid.cell)]

    def head_is_marked(self, layer: int, head: int) -> bool:
        """Whether the thumbnail of a head wears a mark."""
        return (layer, head) in self.marked_heads()

    def cell_is_marked(self, query: int, key: int) -> bool:
        """Whether a cell of the matrix wears a mark."""
        grid = self.matrix_grid()
        return has_corner(self.is_note_colour("pattern"), grid.left + key * grid.step, grid.top + query * grid.step, grid.cell)

    def token_is_marked(self, position: int) -> bool:
        """Whether a token of the text is underlined for a note."""
        return "noted" in (self.token(position).get_attribute("class") or "").split()

    # drags

    def drag_cells(self, start: tuple[int, int], stop: tuple[int, int]) -> None:
        """Hold Shift and draw over the matrix from one (query, key) to another."""
        canvas = self.panel("pattern").locator("canvas").last
        canvas.scroll_into_view_if_needed()
        self._drag(*(self._in_cell(self.matrix_grid(), canvas.bounding_box(), *at) for at in (start, stop)), shift=True)

    def drag_tokens(self, start: int, stop: int) -> None:
        """Draw over the text from one token to another, both of them within."""
        self.token(start).scroll_into_view_if_needed()
        boxes = [self.token(at).bounding_box() for at in (start, stop)]
        self._drag(*((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes))

    @staticmethod
    def _in_cell(grid: Grid, box: Any, query: int, key: int) -> tuple[float, float]:
        return box["x"] + grid.left + (key + 0.5) * grid.step, box["y"] + grid.top + (query + 0.5) * grid.step

    def _drag(self, start: tuple[float, float], stop: tuple[float, float], shift: bool = False) -> None:
        mouse, keyboard = self.page.mouse, self.page.keyboard
        if shift:
            keyboard.down("Shift")
        mouse.move(*start)
        mouse.down()
        mouse.move(*((a + b) / 2 for a, b in zip(start, stop, strict=True)))
        mouse.move(*stop)
        mouse.up()
        if shift:
            keyboard.up("Shift")


def has_corner(seen: np.ndarray, left: float, top: float, cell: float) -> bool:
    """Whether a square cell wears the mark of a note in its upper right corner. seen: where its canvas has the colour of notes."""
    size = round(min(9, max(cell * 0.3, min(cell, 3))))
    right, top = round(left + cell), round(top)
    corner = seen[top : top + size, right - size : right]
    return bool(corner.mean() > 0.2 and corner[1, -2])  # a triangle with smooth edges: about half of its square


@contextlib.contextmanager
def noted(warm: NotebookPage, folder: Path) -> Iterator[NotedView]:
    """A new Inspector of the built-in model in the warm notebook, its notes in a folder of their own."""
    home = warm.value("__import__('os').getcwd()")
    warm.python(f"import os; os.chdir({str(folder)!r})")
    warm.page.mouse.move(0, 0)
    try:
        warm.run_cell(1)
        view = NotedView(warm, warm.cell(1))
        view.wait_until_quiet()
        yield view
    finally:
        warm.python(f"os.chdir({home!r})")


# The setting of JupyterLab under which a notebook holds the state of its widgets; off, as a user finds it, for other tests.
KEEP_STATE = """async (keep) => {
  const { commands } = window.jupyterapp;
  const name = '@jupyter-widgets/jupyterlab-manager:saveWidgetState';
  if (commands.isToggled(name) !== keep) await commands.execute(name);
  return new Promise((done) => {
    const look = () => (commands.isToggled(name) === keep ? done(true) : requestAnimationFrame(look));
    look();
  });
}"""


def save_with_views(notebook: NotebookPage) -> dict[str, Any]:
    """Save a notebook together with the state of its views, and return it as it lies on the disk."""
    notebook.page.evaluate(KEEP_STATE, True)
    try:
        return notebook.save()
    finally:
        notebook.page.evaluate(KEEP_STATE, False)


def events(file: Path) -> list[dict[str, Any]]:
    """The lines of a file of notes, as anybody's JSON reader has them."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
