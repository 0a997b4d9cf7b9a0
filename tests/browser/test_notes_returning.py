"""A card leads back to the moment of its note, with every number that was on the screen, and then back to where one was."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.noted import SELECTED, NotedView, noted

THREE_DIGITS = 0.006  # of a number that is written with three


@pytest.fixture
def view(warm, tmp_path):
    with noted(warm, tmp_path) as made:
        yield made


def test_a_click_on_a_card_brings_selection_fields_filters_and_interventions_back_and_back_returns(view: NotedView):
    view.open_notes()
    view.click_head(3, 2)
    view.page.keyboard.press("z")
    view.wait_until_settled("changed", changes=1)
    view.panel("layers").get_by_label("colour the layers by").select_option("residual_norm")
    view.panel("heads").get_by_label("colour the heads by").select_option("attention_to_first")
    view.click_cell(9, 1)
    view.notebook.wait_for_value(SELECTED, [3, 2, 9, 1])
    view.page.keyboard.press("n")
    view.write("pattern", "with **3.2** at zero", tags="mover")
    view.card("with 3.2 at zero").wait_for()
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    numbers = {panel: view.numbers(panel) for panel in ("pattern", "text", "heads", "layers")}
    answer = view.answer

    view.button("changes", "clear all").click()
    view.wait_until_settled("clean", changes=0)
    view.panel("layers").get_by_label("colour the layers by").select_option("lens_entropy")
    view.panel("heads").get_by_label("colour the heads by").select_option("attention")
    view.click_head(1, 0)
    view.click_cell(4, 4)
    view.notebook.wait_for_value(SELECTED, [1, 0, 4, 4])
    view.button("notes", "filter").click()
    view.notes.get_by_label("search the notes").fill("zero")
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    other = {panel: view.numbers(panel) for panel in ("pattern", "layers")}
    framing = view.notebook.value("view.framing['filters']['search']")
    assert framing == "zero"

    view.return_to("with 3.2 at zero")
    view.wait_until_settled("changed", changes=1)
    view.notebook.wait_for_value(SELECTED, [3, 2, 9, 1])
    assert view.notebook.value("[view.framing['filters']['search'], view.shown, len(view.interventions)]") == ["", "changed", 1]
    for panel, before in numbers.items():
        np.testing.assert_array_equal(view.numbers(panel), before, err_msg=panel)
    assert view.answer == answer
    changed = "lw.intervene(view.capture, view.interventions[0].intervention)"
    pattern = np.array(view.notebook.value(f"{changed}.pattern(3, 2).double().tolist()"))
    seen = view.numbers("pattern")
    np.testing.assert_allclose(seen[np.tril_indices(14)], pattern[np.tril_indices(14)], rtol=THREE_DIGITS, atol=1e-6)
    assert view.notes.get_by_label("search the notes").input_value() == ""

    view.does("with 3.2 at zero", "back to where I was").click()
    view.wait_until_settled("clean", changes=0)
    view.notebook.wait_for_value(SELECTED, [1, 0, 4, 4])
    assert view.notebook.value("view.framing['filters']['search']") == "zero"
    for panel, before in other.items():
        np.testing.assert_array_equal(view.numbers(panel), before, err_msg=panel)


def test_back_leads_to_where_one_had_moved_on_to_and_not_further(view: NotedView):
    view.notebook.python("""
a = view.annotate('note A', layer=2, head=1, query=9, key=1)
b = view.annotate('note B', layer=1, head=0, query=5, key=2)
view.selection.move(layer=0, head=0, query=3, key=None)""")
    view.card("note B").wait_for()

    def back(words: str) -> None:
        view.does(words, "back to where I was").click()
        view.does(words, "back to where I was").wait_for(state="detached")
        view.wait_until_quiet()

    view.return_to("note A")
    view.click_head(3, 3)
    view.page.keyboard.press("z")
    view.wait_until_settled("changed", changes=1)
    view.notebook.wait_for_value(SELECTED, [3, 3, 9, 1])
    view.return_to("note B")
    view.wait_until_settled("clean", changes=0)
    assert view.notebook.value(SELECTED) == [1, 0, 5, 2]
    back("note B")
    view.wait_until_settled("changed", changes=1)
    view.notebook.wait_for_value(SELECTED, [3, 3, 9, 1])

    view.notebook.python("tour = lw.tour(view, [a, b])")
    view.wait_for_step("1 of 2")
    view.notebook.python("tour.end()")
    view.player.wait_for(state="detached")
    view.click_head(0, 2)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [0, 2])
    before = view.notebook.value(SELECTED)
    view.return_to("note B")
    assert view.notebook.value(SELECTED) == [1, 0, 5, 2]
    back("note B")
    view.notebook.wait_for_value(SELECTED, before)
