"""What is on the screen is what Python computes: colours of tokens and of cells, percentages, exact values."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.inspector import Inspector
from tests.browser.palette import attention_colours
from tests.browser.seen import TOLERANCE, assert_text_shows, row_of


def test_the_bar_names_the_model_and_what_the_capture_was_checked_to(view: Inspector):
    bar = view.panel("bar").inner_text()
    assert view.notebook.value("view.capture.model_name") in bar
    assert view.notebook.value("view.capture.integrity.sentence") in bar
    assert view.prompt.input_value() == view.notebook.value("view.capture.prompt")


def test_each_token_wears_the_colour_of_what_the_selected_head_sends_to_it(view: Inspector):
    layer, head, query = view.notebook.value("[view.selection.layer, view.selection.head, view.selection.query]")
    assert_text_shows(view, row_of(view, layer, head, query), query)


def test_the_next_token_shares_are_the_models_own_probabilities(view: Inspector):
    logits = "lw.demo_model()[0](torch.tensor([view.capture.token_ids])).logits[0, -1].detach().double()"
    expected = view.notebook.value(f"torch.softmax({logits}, -1).topk(6).values.tolist()")
    np.testing.assert_allclose(view.shares(), expected[: len(view.shares())], atol=0.006)
    assert len(view.shares()) >= 5


@pytest.mark.parametrize(("layer", "head"), [(0, 1), (2, 3)])
def test_a_heads_thumbnail_holds_its_pattern(view: Inspector, layer: int, head: int):
    pattern = np.array(view.notebook.value(f"view.capture.pattern({layer}, {head}).double().tolist()"))  # (query, key)
    colours = attention_colours(pattern, view.colour("bg"))
    pixels, grid = view.pixels("heads")[..., :3].astype(float), view.heads_grid()
    size, top = len(pattern), grid.top + (view.notebook.value("view.capture.n_layers") - 1 - layer) * grid.step
    for query in range(size):
        for key in range(query + 1):
            y = int(top + (query + 0.5) * grid.cell / size)
            x = int(grid.left + head * grid.step + (key + 0.5) * grid.cell / size)
            np.testing.assert_allclose(pixels[y, x], colours[query, key], atol=TOLERANCE, err_msg=f"query {query}, key {key}")


def test_the_tooltip_over_a_cell_of_the_pattern_holds_the_exact_value(view: Inspector):
    canvas = view.panel("pattern").locator("canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] * 0.42, box["y"] + box["height"] * 0.85
    view.page.mouse.click(x, y)  # so that Python says which cell it is
    view.notebook.wait_for_value("view.selection.key is not None", True)
    query, key = view.notebook.value("[view.selection.query, view.selection.key]")
    assert key <= query
    view.page.mouse.move(x + 1, y + 1)
    exact = view.host.locator("[data-exact]")
    exact.wait_for()
    expected = view.notebook.value(f"view.capture.pattern(view.selection.layer, view.selection.head)[{query}, {key}].item()")
    # One cell alone and the whole pattern are multiplied in another order: equal to a few units in the last place.
    np.testing.assert_allclose(np.float32(exact.get_attribute("data-exact")), expected, rtol=4 * np.finfo(np.float32).eps)
