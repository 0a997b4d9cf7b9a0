"""The demo notebook, opened and run in JupyterLab as a person would."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.browser.inspector import Inspector

DEMO = Path(__file__).resolve().parents[2] / "demo_notebooks" / "01_first_look.ipynb"


def test_the_demo_notebook_runs_and_every_view_in_it_becomes_ready(open_notebook, lab):
    path = Path(shutil.copy(DEMO, lab.root / DEMO.name))
    notebook = open_notebook(path=path).run_all()
    views = notebook.page.locator("[data-llmw-state]")
    assert views.count() == 3
    for number in range(3):
        views.nth(number).scroll_into_view_if_needed()
        notebook.page.wait_for_function("(host) => host.dataset.llmwState === 'ready'", arg=views.nth(number).element_handle())
    assert notebook.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    first = Inspector(notebook)
    first.click_head(1, 1)
    notebook.wait_for_value("[view.selection.layer, view.selection.head]", [1, 1])
    saved = notebook.save()
    assert len(str(saved)) < 2_000_000
