"""A finding is written down where it was made, by mouse and keys, and it stays: on the screen, in Python and in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.browser.noted import FILE, SELECTED, NotedView, events, noted


@pytest.fixture
def view(warm, tmp_path):
    with noted(warm, tmp_path) as made:
        yield made


def test_a_head_is_clicked_n_pressed_and_what_is_typed_is_a_card_a_mark_a_line_in_the_file_and_a_note_in_python(view: NotedView, tmp_path: Path):
    view.open_notes()
    assert "No notes yet" in view.notes.inner_text()
    view.click_head(2, 1)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [2, 1])
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    before = view.pixels("heads", 1)
    assert not view.head_is_marked(2, 1)
    view.page.keyboard.press("n")
    view.lines("heads").wait_for()
    assert view.about("heads") == "L2H1"
    view.write("heads", "looks **back** at the first `name`", tags="mover, names")

    card = view.card("looks back at the first name")
    card.wait_for()
    assert card.locator("strong").all_inner_texts() == ["back"] and card.locator("code").all_inner_texts() == ["name"]
    assert card.locator(".where").inner_text() == "L2H1"
    assert card.locator(".evidence").inner_text().endswith("observed")
    assert view.tags("looks back at") == ["mover", "names"]
    assert view.focus()[2] == "heads", "the keys are where they were"
    view.wait_until_quiet()
    assert view.head_is_marked(2, 1)
    changed = np.argwhere((view.pixels("heads", 1) != before).any(-1))
    (top, left), (bottom, right) = changed.min(0), changed.max(0)
    assert bottom - top <= 10 and right - left <= 10, "nothing but the corner was painted"

    (note,) = view.told()
    assert {name: note[name] for name in ("text", "tags", "evidence", "layer", "head", "resolved", "field")} == {
        "text": "looks **back** at the first `name`",
        "tags": ["mover", "names"],
        "evidence": "observed",
        "layer": 2,
        "head": 1,
        "resolved": False,
        "field": "attention",
    }
    first, *_ = events(tmp_path / FILE)
    assert first["note"] == note["id"] and first["set"]["text"] == note["text"] and first["set"]["tags"] == ["mover", "names"]
    assert first["set"]["evidence"] == "observed" and first["set"]["place"]["cursor"] == {"layer": 2, "head": 1}
