"""The same view in other surroundings: a dark JupyterLab, a narrow cell, Notebook 7."""

from __future__ import annotations

import pytest

from tests.browser import chromium
from tests.browser.inspector import Inspector
from tests.browser.lab_server import serve
from tests.browser.notebook_page import NotebookPage, write_notebook
from tests.browser.seen import assert_text_shows, row_of

CELLS = ("import llmwidgets as lw", "view = lw.show()")


def lightness(colour: tuple[int, int, int]) -> float:
    return sum(colour) / 3


def test_the_view_turns_dark_with_jupyterlab_and_light_again(view: Inspector):
    assert lightness(view.colour("bg")) > 200
    layer, head, query = view.notebook.value("[view.selection.layer, view.selection.head, view.selection.query]")
    row = row_of(view, layer, head, query)
    view.notebook.set_theme("JupyterLab Dark")
    view.page.wait_for_function("(host) => host.dataset.llmwTheme === 'dark'", arg=view.host.element_handle())
    view.wait_until_quiet()
    assert lightness(view.colour("bg")) < 60
    assert_text_shows(view, row, query, "dark")
    view.notebook.set_theme("JupyterLab Light")
    view.page.wait_for_function("(host) => host.dataset.llmwTheme === 'light'", arg=view.host.element_handle())
    view.wait_until_quiet()
    assert lightness(view.colour("bg")) > 200


@pytest.mark.parametrize("width", [820, 1500])
def test_no_panel_is_wider_than_its_cell(view: Inspector, width: int):
    view.page.set_viewport_size({"width": width, "height": 1000})
    try:
        view.wait_until_quiet()
        wide = view.host.evaluate("""(host) => {
          const right = host.getBoundingClientRect().right + 1;
          return [...host.shadowRoot.querySelectorAll('[data-panel]')].filter((one) => one.getBoundingClientRect().right > right).length;
        }""")
        assert wide == 0
        assert view.host.evaluate("(host) => host.scrollWidth <= host.clientWidth + 1")
    finally:
        view.page.set_viewport_size({"width": 1400, "height": 1000})


def test_an_output_of_520_px_has_one_column_and_nothing_to_scroll_sideways(view: Inspector):
    try:
        for _ in range(2):  # the sidebar may change with the window
            wide, window = view.host.evaluate("(host) => host.clientWidth"), view.page.viewport_size["width"]
            view.page.set_viewport_size({"width": window + 520 - wide, "height": 1000})
            view.wait_until_quiet()
        found = view.host.evaluate("""(host) => {
          const panels = [...host.shadowRoot.querySelectorAll('[data-panel]')].map((one) => one.getBoundingClientRect());
          const { left, right } = host.getBoundingClientRect();
          return {
            width: host.clientWidth,
            overflows: host.scrollWidth > host.clientWidth,
            outside: panels.filter((one) => one.left < left - 1 || one.right > right + 1).length,
            lefts: new Set(panels.map((one) => Math.round(one.left))).size,
            below: panels.every((one, number) => number === 0 || one.top >= panels[number - 1].bottom - 1),
          };
        }""")
        assert found == {"width": 520, "overflows": False, "outside": 0, "lefts": 1, "below": True}
    finally:
        view.page.set_viewport_size({"width": 1400, "height": 1000})


def test_notebook_7_shows_the_view_and_python_hears_its_clicks(browser, tmp_path):
    """Notebook 7.6 itself throws "Cannot read properties of undefined (reading 'schema')" out of its notebook_core script while it loads
    its settings, also for a notebook that holds nothing but 1 + 1: not ours, so `NotebookPage.problems` does not count it."""
    with serve(tmp_path, tmp_path / "own", app="notebook") as server, chromium.context(browser) as (context, asked):
        path = write_notebook(tmp_path / "case.ipynb", *CELLS)
        notebook = NotebookPage(context.new_page(), server, path).open().run_all()
        view = Inspector(notebook, notebook.cell(1)).wait_until_quiet()
        view.click_head(2, 2)
        notebook.wait_for_value("[view.selection.layer, view.selection.head]", [2, 2])
        assert asked == []
        assert notebook.problems == []
        notebook.shut_down()
