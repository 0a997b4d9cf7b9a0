"""What a view of causes still shows, and says, when its kernel is gone: the run that was shown last, and that nothing answers."""

from __future__ import annotations

import re

from tests.browser.inspector import Inspector


def test_after_the_kernel_is_restarted_the_changed_run_stays_and_what_is_asked_is_refused_in_words(open_notebook):
    notebook = open_notebook("import llmwidgets as lw", "view = lw.show()").run_all()
    view = Inspector(notebook, notebook.cell(1)).wait_until_quiet()
    view.button("causes", "attention against effect").click()
    view.panel("causes").get_by_text(re.compile(r"ρ = .* over 16 heads")).wait_for()
    view.button("changes", "Zero this head").click()
    view.wait_until_settled("changed", changes=1)
    answer, pattern = view.answer, view.numbers("pattern")
    notebook.restart_kernel()
    view.panel("bar").get_by_text("disconnected").wait_for()
    assert view.answer == answer
    assert (view.numbers("pattern")[1:, 0] == pattern[1:, 0]).all()
    for panel in ("causes", "changes", "heads", "layers", "next"):
        assert "panel failed" not in view.panel(panel).inner_text()
    view.page.mouse.move(0, 0)
    for name in ("direct · total", "parts", "scatter"):
        view.button("causes", name).click()
        assert "panel failed" not in view.panel("causes").inner_text()


def test_a_saved_notebook_shows_the_changed_run_before_its_kernel_knows_of_it(open_notebook):
    notebook = open_notebook("import llmwidgets as lw", "view = lw.show(cause_view='scatter')").run_all()
    view = Inspector(notebook, notebook.cell(1)).wait_until_quiet()
    view.button("changes", "Zero this head").click()
    view.wait_until_settled("changed", changes=1)
    answer = view.answer
    saved = notebook.save()
    assert len(str(saved)) < 1_000_000
    notebook.reload(expected=notebook.cell(1).locator("[data-llmw-state]"))
    again = Inspector(notebook, notebook.cell(1)).wait_until_settled("changed", changes=1)
    assert again.answer == answer
    again.switch_change(0)
    again.wait_until_settled("clean", changes=0)
