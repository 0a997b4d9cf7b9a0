"""The view and its kernel: a page loaded again, a kernel restarted, a kernel that is busy with the next cell."""

from __future__ import annotations

import llmwidgets as lw
from tests.browser.inspector import Inspector
from tests.browser.seen import assert_text_shows

WAIT_FOR_FILE = "import pathlib, time\nwhile not pathlib.Path({name!r}).exists(): time.sleep(0.05)"


def test_a_page_loaded_again_finds_the_view_as_it_was(open_notebook):
    notebook = open_notebook("import llmwidgets as lw", "view = lw.show()").run_all()
    view = Inspector(notebook, notebook.cell(1)).wait_until_quiet()
    view.click_head(1, 3)
    view.token(5).click()
    notebook.wait_for_value("[view.selection.layer, view.selection.head, view.selection.query]", [1, 3, 5])
    notebook.page.mouse.move(0, 0)
    before = view.wait_until_quiet().token_colours()
    notebook.save()
    notebook.reload(expected=notebook.cell(1).locator("[data-llmw-state]"))
    again = Inspector(notebook, notebook.cell(1)).wait_until_quiet()
    assert again.token_colours() == before
    again.click_head(0, 0)
    notebook.wait_for_value("[view.selection.layer, view.selection.head]", [0, 0])


def test_after_the_kernel_is_restarted_the_picture_stays_and_a_word_says_so(open_notebook):
    notebook = open_notebook("import llmwidgets as lw", "view = lw.show()").run_all()
    view = Inspector(notebook, notebook.cell(1)).wait_until_quiet()
    before = view.token_colours()
    notebook.restart_kernel()
    view.panel("bar").get_by_text("disconnected").wait_for()
    assert view.token_colours() == before


def test_run_all_with_a_long_next_cell_shows_the_picture_before_that_cell_ends(open_notebook):
    notebook = open_notebook("import llmwidgets as lw", "view = lw.show()", WAIT_FOR_FILE.format(name="go_on"))
    notebook.start_all()
    view = Inspector(notebook, notebook.cell(1)).wait_until_quiet()
    assert "*" in notebook.cell(2).locator(".jp-InputPrompt").inner_text()
    run = lw.show().capture  # the same model and prompt, in this process
    assert_text_shows(view, run.pattern(*selected(view))[-1].double().numpy(), run.n_tokens - 1)
    (notebook.path.parent / "go_on").touch()
    notebook.wait_until_idle()


def selected(view: Inspector) -> tuple[int, int]:
    """The selected layer and head, read from the screen: the kernel is busy."""
    words = view.panel("text").inner_text()
    layer, head = (int(words.split(f"{name} ")[1].split()[0]) for name in ("layer", "head"))
    return layer, head
