"""What the browser tests share: one Chromium, one JupyterLab, and a notebook made of the cells that a test names."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser import chromium
from tests.browser.inspector import Inspector
from tests.browser.lab_server import LabServer, serve
from tests.browser.notebook_page import NotebookPage, write_notebook

# The scope is this folder, not the whole run: while Playwright runs, no other event loop can in this thread.
FOLDER = "package"


@pytest.fixture(scope=FOLDER)
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = chromium.launch(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope=FOLDER)
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with serve(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def outside(browser: Browser) -> Iterator[tuple[BrowserContext, list[str]]]:
    """A browser context, and the addresses outside this machine that its pages asked for."""
    with chromium.context(browser) as made:
        yield made


names = (f"case_{number}.ipynb" for number in itertools.count())


@pytest.fixture
def open_notebook(lab: LabServer, outside: tuple[BrowserContext, list[str]]) -> Iterator[Callable[..., NotebookPage]]:
    """Opens a notebook of the given cells (or a file) in JupyterLab. In the end: no page error, nothing asked of the network."""
    context, asked = outside
    opened: list[NotebookPage] = []

    def open_one(*cells: str, path: Path | None = None) -> NotebookPage:
        notebook = path or write_notebook(lab.root / next(names), *cells)
        page = NotebookPage(context.new_page(), lab, notebook).open()
        opened.append(page)
        return page

    yield open_one
    for notebook in opened:
        notebook.shut_down()
    assert asked == [], f"the page asked the network for {asked}"
    assert [problem for notebook in opened for problem in notebook.problems] == []


@pytest.fixture(scope=FOLDER)
def warm(browser: Browser, lab: LabServer) -> Iterator[NotebookPage]:
    """One notebook for the tests that need no kernel of their own: the packages are loaded once, and each test makes its view anew."""
    with chromium.context(browser) as (context, asked):
        path = write_notebook(lab.root / "warm.ipynb", "import llmwidgets as lw, torch", "view = lw.show()", "'free'")
        notebook = NotebookPage(context.new_page(), lab, path).open().run_all()
        yield notebook
        notebook.shut_down()
        assert asked == [], f"the page asked the network for {asked}"
        assert notebook.problems == []


@pytest.fixture
def view(warm: NotebookPage) -> Inspector:
    """A new Inspector of the built-in model's own prompt, in the warm notebook."""
    warm.page.mouse.move(0, 0)
    warm.run_cell(1)
    return Inspector(warm, warm.cell(1)).wait_until_quiet()
