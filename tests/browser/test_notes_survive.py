"""Notes outlive what happens around them: another prompt, view or kernel, a file that cannot be written, a kernel that is gone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.noted import NotedView, events, noted, save_with_views

OTHER = "Then Mary and John and Mary went to the store"
ADDS = "import sys, llmwidgets as lw; lw.Notes(sys.argv[1], author='another kernel').add(sys.argv[2], tags=['far'])"

# Begins to run code beside the cells, and does not wait for its end.
START = "(code) => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code, store_history: false }); }"
IS_BUSY = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"


@pytest.fixture
def view(warm, tmp_path):
    with noted(warm, tmp_path) as made:
        yield made


def standing(view: NotedView) -> dict[str, str]:
    """How each card says that it stands, by its words."""
    cards = view.notes.locator(".card")
    return dict(cards.evaluate_all("(cards) => cards.map((card) => [card.querySelector('.prose').innerText, card.dataset.standing])"))


def test_on_another_prompt_notes_move_with_their_quote_wait_for_a_choice_or_say_why_they_are_not_there(view: NotedView, tmp_path: Path):
    view.notebook.python("""
view.annotate('a verb', tokens=' went'); view.annotate('a name', tokens=(1, 2)); view.annotate('what was given', tokens=' drink')
view.annotate('one look', layer=3, head=1, query=4, key=2); view.annotate('a head', layer=1, head=0)""")
    view.card("a head").wait_for()
    assert set(standing(view).values()) == {"here"} and view.token_is_marked(4) and view.token_is_marked(1)
    first = view.prompt.input_value()
    view.run_prompt(OTHER)
    view.notebook.wait_for_value("view.capture.prompt", OTHER)
    view.card("a verb").and_(view.page.locator('[data-standing="moved"]')).wait_for()
    view.wait_until_quiet()
    tokens = view.notebook.value("[str(token) for token in view.capture.tokens]")
    names = [at for at, token in enumerate(tokens) if token == " Mary"]
    assert standing(view)["what was given"] == "detached" and standing(view)["a name"] == "choose"
    assert len(standing(view)) == 5, "nothing is dropped"
    assert "made on another prompt" in view.card("a verb").inner_text()
    assert "not found here" in view.card("what was given").inner_text() and "drink" in view.card("what was given").inner_text()
    assert [at for at in range(len(tokens)) if view.token_is_marked(at)] == [tokens.index(" went")]
    assert view.head_is_marked(1, 0)

    choices = view.card("a name").get_by_role("button", name=re.compile("Mary.* at position"))
    assert choices.count() == len(names) == 2
    choices.filter(has_text=f"position {names[1]}").click()
    view.card("a name").and_(view.page.locator('[data-standing="moved"]')).wait_for()
    view.wait_until_quiet()
    assert [at for at in range(len(tokens)) if view.token_is_marked(at)] == sorted([tokens.index(" went"), names[1]])
    before = len(events(tmp_path / "llmwidgets-notes.jsonl"))

    view.run_prompt(first)
    view.notebook.wait_for_value("view.capture.prompt", first)
    view.card("what was given").and_(view.page.locator('[data-standing="here"]')).wait_for()
    view.wait_until_quiet()
    assert set(standing(view).values()) == {"here"} and view.token_is_marked(1) and view.token_is_marked(4)
    view.run_prompt(OTHER)
    view.notebook.wait_for_value("view.capture.prompt", OTHER)
    view.card("a verb").and_(view.page.locator('[data-standing="moved"]')).wait_for()
    view.wait_until_quiet()
    assert standing(view)["a name"] == "moved" and view.token_is_marked(names[1]), "where it was put, it stays"
    assert len(events(tmp_path / "llmwidgets-notes.jsonl")) == before, "another prompt writes nothing"

    view.return_to("a verb")
    view.does("a verb", "on its own prompt").click()
    view.notebook.wait_for_value("view.capture.prompt", first)
    view.wait_until_quiet()
    view.notebook.wait_for_value("view.selection.query", 4)
    assert view.prompt.input_value() == first


def test_while_the_file_cannot_be_written_notes_stay_and_say_so_and_are_written_when_it_can_be(view: NotedView, tmp_path: Path):
    view.open_notes()
    file, aside = tmp_path / "llmwidgets-notes.jsonl", tmp_path / "aside"
    view.notebook.python("view.annotate('before', layer=1, head=1)")
    view.card("before").wait_for()
    for number, (harm, mend) in enumerate(
        (
            (lambda: (file.rename(aside), file.mkdir()), lambda: (file.rmdir(), aside.rename(file))),
            (lambda: tmp_path.rename(f"{tmp_path}-gone"), lambda: Path(f"{tmp_path}-gone").rename(tmp_path)),
        )
    ):
        harm()
        try:
            view.click_head(2, number)
            view.page.keyboard.press("n")
            view.write("heads", f"meanwhile {number}")
            view.card(f"meanwhile {number}").wait_for()
            view.notes.get_by_text("Not in the file yet").wait_for()
            assert view.notebook.value("[view.notes.state, len(view.notes)]") == ["unsaved", 2 + number]
            view.wait_until_quiet()
            assert view.head_is_marked(2, number)
            words = view.notes.locator(".outcome").first.inner_text()
            assert "not saved" in words and "written as soon as it can be" in words
        finally:
            mend()
        view.notes.get_by_text("Not in the file yet").wait_for(state="detached", timeout=10_000)
        assert view.notebook.value("view.notes.state") == "saved"
        assert f"meanwhile {number}" in [event["set"].get("text") for event in events(file)]
    assert sorted(view.cards()) == ["before", "meanwhile 0", "meanwhile 1"]


def test_a_note_that_is_written_while_a_long_cell_runs_is_in_the_file_before_that_ends_and_once(view: NotedView, tmp_path: Path):
    gate, ended, file = (tmp_path / name for name in ("go_on", "ended", "llmwidgets-notes.jsonl"))
    view.open_notes()
    view.click_head(1, 1)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [1, 1])
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)"
    view.page.evaluate(START, f"{waits}\npathlib.Path({str(ended)!r}).touch()")
    try:
        view.page.wait_for_function(IS_BUSY)
        view.page.keyboard.press("n")
        view.lines("heads").wait_for()
        view.page.keyboard.type("while it runs")
        for _ in range(3):
            view.page.keyboard.press("Control+Enter")
        view.card("while it runs").wait_for()
        assert view.cards() == ["while it runs"]
        assert [event["set"]["text"] for event in events(file) if "text" in event["set"]] == ["while it runs"]
        assert not ended.exists(), "the cell still runs"
    finally:
        gate.touch()
    view.notebook.wait_for_value(f"pathlib.Path({str(ended)!r}).exists()", True)
    assert len(view.told()) == len(view.cards()) == 1


def test_two_views_two_kernels_and_a_notebook_without_one_have_the_same_notes(open_notebook, lab):
    file = lab.root / "shared-notes.jsonl"
    notebook = open_notebook(
        "import llmwidgets as lw", f"view = lw.show(notes={file.name!r})", f"other = lw.show(notes={file.name!r})"
    ).run_all()
    view, other = (NotedView(notebook, notebook.cell(number)) for number in (1, 2))
    view.wait_until_quiet()
    view.open_notes()
    view.click_head(2, 1)
    view.page.keyboard.press("n")
    view.write("heads", "seen by **both**", tags="near")
    other.card("seen by both").wait_for(timeout=5_000)
    other.wait_until_quiet()
    assert other.head_is_marked(2, 1)
    other.does("seen by both", "edit").click()
    other.notes.get_by_role("form", name="edit this note").locator("textarea").fill("seen by **all**")
    notebook.page.keyboard.press("Control+Enter")
    view.card("seen by all").wait_for(timeout=5_000)

    subprocess.run([sys.executable, "-c", ADDS, str(file), "from afar"], check=True, timeout=60)
    for one in (view, other):
        one.card("from afar").wait_for(timeout=10_000)
        assert "another kernel" in one.card("from afar").inner_text()
    assert notebook.value("sorted(note.text for note in view.notes)") == ["from afar", "seen by **all**"]

    notebook.python("other.close(); view.annotate('a look', layer=1, head=2, query=9, key=1)")
    view.card("a look").wait_for()
    view.wait_until_quiet()
    saved = save_with_views(notebook)
    assert "seen by **all**" in json.dumps(saved, ensure_ascii=False), "the notebook holds the notes itself"
    alone = lab.root / "alone" / "sent.ipynb"
    alone.parent.mkdir()
    shutil.copy(notebook.path, alone)
    assert not (alone.parent / file.name).exists() and os.listdir(alone.parent) == ["sent.ipynb"]

    notebook.restart_kernel()
    assert_reads_without_kernel(view)
    sent = open_notebook(path=alone)  # its kernel knows of no view, and there is no file beside it
    assert_reads_without_kernel(NotedView(sent, sent.cell(1)))


def assert_reads_without_kernel(view: NotedView) -> None:
    """The three notes of the notebook are read, filtered and pointed at, though nothing answers."""
    view.host.wait_for(state="attached")
    view.card("seen by all").wait_for()
    assert sorted(view.cards()) == ["a look", "from afar", "seen by all"]
    view.button("notes", "filter").click()
    search = view.notes.get_by_label("search the notes")
    search.fill("afar")
    view.card("seen by all").wait_for(state="detached")
    assert view.cards() == ["from afar"]
    search.fill("")
    view.notes.get_by_label("tag").first.select_option("near")
    view.card("a look").wait_for(state="detached")
    assert view.cards() == ["seen by all"]
    view.button("notes", "clear filters").click()
    assert view.panel("pattern").get_by_text("L1H2").count() == 0
    view.card("a look").locator(".where").click()
    view.token(9).and_(view.page.locator('[aria-selected="true"]')).wait_for()
    view.panel("pattern").get_by_text("L1H2").first.wait_for()
    assert "panel failed" not in view.host.inner_text()
