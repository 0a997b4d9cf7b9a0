"""One selection: a click anywhere moves every panel and is seen in Python, and Python moves the screen."""

from __future__ import annotations

from tests.browser.inspector import Inspector
from tests.browser.seen import assert_text_shows, row_of


def test_a_clicked_head_is_selected_in_python_and_colours_the_text(view: Inspector):
    view.notebook.python("view.selection.query = 9")
    view.click_head(1, 2)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [1, 2])
    view.page.mouse.move(0, 0)
    assert_text_shows(view, row_of(view, 1, 2, 9), 9)


def test_setting_the_selection_in_python_moves_the_screen(view: Inspector):
    view.notebook.python("view.selection.layer, view.selection.head, view.selection.query = 3, 0, 6")
    view.token(6).and_(view.page.locator('[aria-selected="true"]')).wait_for()
    assert_text_shows(view, row_of(view, 3, 0, 6), 6)


def test_hovering_a_token_previews_it_and_python_hears_nothing(view: Inspector):
    layer, head, before = view.notebook.value("[view.selection.layer, view.selection.head, view.selection.query]")
    heard = "heard = []; view.selection.observe(lambda change: heard.append(change.name))"
    view.notebook.python(heard)
    view.token(5).hover()
    assert_text_shows(view, row_of(view, layer, head, 5), 5)
    view.page.mouse.move(0, 0)
    assert_text_shows(view, row_of(view, layer, head, before), before)
    assert view.notebook.value("heard") == []
    assert view.notebook.value("view.selection.query") == before


def test_clicking_a_token_pins_it(view: Inspector):
    view.token(4).click()
    view.notebook.wait_for_value("view.selection.query", 4)


def test_shift_click_pins_further_heads_and_escape_lets_go_of_them(view: Inspector):
    view.click_head(0, 3, shift=True)
    view.notebook.wait_for_value("view.selection.heads", [[0, 3]])
    view.page.keyboard.press("Escape")
    view.notebook.wait_for_value("view.selection.heads", [])


def test_arrow_keys_walk_the_tokens(view: Inspector):
    view.token(3).click()
    view.notebook.wait_for_value("view.selection.query", 3)
    view.page.keyboard.press("ArrowRight")
    view.notebook.wait_for_value("view.selection.query", 4)


def test_arrow_keys_walk_the_heads_after_a_click_on_one(view: Inspector):
    view.click_head(2, 1)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [2, 1])
    for key, place in (("ArrowUp", [3, 1]), ("ArrowRight", [3, 2]), ("ArrowDown", [2, 2])):
        view.page.keyboard.press(key)
        view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", place)
    assert view.has_focus("heads")


def test_arrow_keys_walk_queries_and_keys_after_a_click_on_the_pattern(view: Inspector):
    canvas = view.panel("pattern").locator("canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    view.page.mouse.click(box["x"] + box["width"] * 0.42, box["y"] + box["height"] * 0.85)
    view.notebook.wait_for_value("view.selection.key is not None", True)
    query, key = view.notebook.value("[view.selection.query, view.selection.key]")
    view.page.keyboard.press("ArrowUp")
    view.page.keyboard.press("ArrowRight")
    view.notebook.wait_for_value("[view.selection.query, view.selection.key]", [query - 1, key + 1])


def test_a_shift_click_selects_no_cells_of_the_notebook(view: Inspector):
    view.click_head(0, 2, shift=True)
    view.notebook.wait_for_value("view.selection.heads", [[0, 2]])
    assert view.has_focus("heads")
    assert view.page.locator(".jp-Cell.jp-mod-selected").count() == 1


def test_a_view_that_is_not_pressed_takes_no_focus(view: Inspector):
    view.notebook.run_cell(2)
    view.notebook.python("view.selection.layer, view.selection.head, view.selection.query = 1, 1, 5")
    view.token(6).hover()
    view.wait_until_quiet()
    assert not any(view.has_focus(name) for name in ("heads", "pattern", "layers", "text"))


def test_a_callback_in_python_hears_a_click(view: Inspector):
    view.notebook.python("heard = []; view.selection.observe(lambda change: heard.append(change.new), names=['query'])")
    view.token(7).click()
    view.notebook.wait_for_value("heard[-1:]", [7])


def test_two_views_in_two_cells_with_one_selection_move_together(open_notebook):
    notebook = open_notebook(
        "import llmwidgets as lw\nrun = lw.capture(lw.demo_model(), 'The cat sat on the mat because the cat')\nboth = lw.Selection()",
        "view = lw.HeadView(run, selection=both); view",
        "text = lw.TokenView(run, selection=both); text",
    ).run_all()
    heads, text = Inspector(notebook, notebook.cell(1)).wait_until_quiet(), Inspector(notebook, notebook.cell(2)).wait_until_quiet()
    notebook.python("both.query = 5")
    heads.host.scroll_into_view_if_needed()
    heads.click_head(2, 1)
    notebook.wait_for_value("[both.layer, both.head, text.selection.layer]", [2, 1, 2])
    notebook.page.mouse.move(0, 0)
    assert_text_shows(text, row_of(text, 2, 1, 5, capture="run"), 5)
