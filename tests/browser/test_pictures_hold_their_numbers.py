"""The pictures of the pattern, of the layers and of a user's own array hold the numbers that Python computes, pixel by pixel."""

from __future__ import annotations

import numpy as np

from tests.browser.inspector import Grid, Inspector
from tests.browser.palette import attention_colours, probability_colours, signed_colours
from tests.browser.seen import TOLERANCE

LONG = "key lamp river clock orange ; " * 12 + "key lamp river clock"
PATTERN = "view.capture.pattern(view.selection.layer, view.selection.head).double().tolist()"


def pattern_of(view: Inspector) -> np.ndarray:
    """The selected head's pattern. (query, key)"""
    return np.array(view.notebook.value(PATTERN))


def assert_matrix_shows(view: Inspector, pattern: np.ndarray) -> None:
    """The middle of every cell that the mask allows has its colour, and of the others the quiet ground."""
    size, grid = len(pattern), view.matrix_grid()
    middles = (np.arange(size) + 0.5) * grid.cell
    pixels = view.pixels("pattern")[..., :3].astype(float)
    seen = pixels[(grid.top + middles).astype(int)[:, None], (grid.left + middles).astype(int)[None, :]]  # (query, key, RGB)
    allowed = np.tri(size, dtype=bool)
    np.testing.assert_allclose(seen[allowed], attention_colours(pattern, view.colour("bg"))[allowed], atol=TOLERANCE)
    np.testing.assert_allclose(seen[~allowed] - view.colour("soft"), 0, atol=TOLERANCE)


def test_every_cell_of_the_matrix_has_the_colour_of_its_number(view: Inspector):
    view.notebook.python("view.selection.layer, view.selection.head = 2, 1")
    view.panel("pattern").get_by_text("L2H1").wait_for()
    view.wait_until_quiet()
    assert_matrix_shows(view, pattern_of(view))


def test_a_zoom_to_single_cells_shows_them_and_their_exact_values(view: Inspector):
    view.run_prompt(LONG)
    view.notebook.wait_for_value("view.capture.prompt", LONG)
    view.wait_until_quiet()
    canvas = view.panel("pattern").locator("canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    grid, size = view.matrix_grid(), view.notebook.value("view.capture.n_tokens")
    x, y = box["x"] + grid.left + grid.cell * size * 0.4, box["y"] + grid.top + grid.cell * size * 0.7
    view.page.mouse.move(x, y)
    view.page.keyboard.down("Control")
    for _ in range(6):
        view.page.mouse.wheel(0, -240)
    view.page.keyboard.up("Control")
    view.wait_until_quiet()
    pattern = pattern_of(view)
    for dx in (0, 70):  # a cell is now a sixth of the matrix wide
        view.page.mouse.move(x + dx, y)
        exact = view.tooltip.locator("[data-exact]")
        exact.wait_for()
        view.notebook.python("view.selection.key = None")
        view.page.mouse.click(x + dx, y)  # Python says which cell it is
        view.notebook.wait_for_value("view.selection.key is not None", True)
        query, key = view.notebook.value("[view.selection.query, view.selection.key]")
        # One cell alone and the whole pattern are multiplied in another order: equal to a few units in the last place.
        np.testing.assert_allclose(np.float32(exact.get_attribute("data-exact")), pattern[query, key], rtol=4 * np.finfo(np.float32).eps)
        pixel = view.pixels("pattern")[int(y - box["y"]), int(x + dx - box["x"]), :3]
        np.testing.assert_allclose(pixel.astype(float), attention_colours(pattern[query, key], view.colour("bg")), atol=TOLERANCE)
    view.page.keyboard.press("0")
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    assert_matrix_shows(view, pattern)


def test_arcs_draw_the_strongest_line_as_strong_as_its_weight(view: Inspector):
    strongest = "max((view.capture.pattern(l, h)[9].max().item(), l, h) for l in range(4) for h in range(4))"
    weight, layer, head = view.notebook.value(strongest)
    assert weight > 0.7  # a line of two whole pixels: it can be read off
    view.notebook.python(f"view.selection.layer, view.selection.head, view.selection.query = {layer}, {head}, 9")
    view.panel("pattern").get_by_role("button", name="arcs").click()
    view.notebook.wait_for_value("view.settings['patternView']", "arcs")
    canvas = view.panel("pattern").locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    view.page.mouse.move(box["x"] + 40, box["y"] + 9.5 * 20)  # rows of 20 px, columns of 112 px: js/src/views/pattern/arcs-paint.ts
    view.wait_until_quiet()
    key = view.notebook.value(f"view.capture.pattern({layer}, {head})[9].argmax().item()")
    pixels = view.pixels("pattern")
    line = pixels[int((key + 0.5) * 20) - 1 : int((key + 0.5) * 20) + 1, pixels.shape[1] - 112 - 2]  # (row, RGBA)
    np.testing.assert_allclose(line[:, 3] / 255, 0.06 + 0.94 * np.sqrt(weight) ** 1.4, atol=0.02)
    view.panel("pattern").get_by_role("button", name="matrix").click()
    view.notebook.wait_for_value("view.settings['patternView']", "matrix")
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    assert_matrix_shows(view, pattern_of(view))


def test_the_layer_grid_holds_the_words_and_the_colours_of_the_logit_lens(view: Inspector):
    lens = "lw.logit_lens(view.capture)"
    words = view.notebook.value(f"{lens}.top_token.isel(rank=0).values.tolist()")  # (layer, position)
    chances = np.array(view.notebook.value(f"{lens}.probability.isel(rank=0).values.tolist()"))
    rows = view.table("layers")
    assert [name for name, *_ in rows] == ["layer 3", "layer 2", "layer 1", "layer 0", "embedding"]
    for (_, *cells), expected in zip(reversed(rows), words, strict=True):
        assert [cell.split("”")[0].removeprefix("“") for cell in cells] == [word.strip(" ") for word in expected]
    # Labels 40 px wide and 24 px high, rows of 24 px: js/src/views/layers/layers-layout.ts. The corner of a cell is free of its word.
    pixels = view.pixels("layers")[..., :3].astype(float)
    layers, positions = chances.shape
    step = min(104.0, max(52.0, (pixels.shape[1] - 44) / positions))
    assert step * positions <= pixels.shape[1], "all positions are in view"
    tops = 24 + (layers - 1 - np.arange(layers)) * 24 + 4
    lefts = 40 + np.arange(positions) * step + 4
    seen = pixels[tops[:, None], lefts.astype(int)[None, :]]  # (layer, position, RGB)
    np.testing.assert_allclose(seen, probability_colours(chances, view.colour("bg")), atol=TOLERANCE)


def test_an_array_of_ones_own_stands_in_the_menu_and_is_painted(view: Inspector):
    values = np.random.default_rng(7).normal(size=(4, 4)).astype(np.float32)  # (layer, head)
    array = f"torch.tensor({values.tolist()})"
    view.notebook.python(f"view.add({array}, name='my scores', evidence='correlation')")
    menu = view.panel("heads").get_by_label("colour the heads by")
    menu.select_option("my scores")
    view.notebook.wait_for_value("view.settings['headField']", "my scores")
    view.panel("heads").locator('[data-evidence="correlation"]').wait_for()
    view.wait_until_quiet()
    seen = corners(view.pixels("heads"), view.heads_grid(), 4, 4)
    np.testing.assert_allclose(seen, signed_colours(values, view.colour("bg")), atol=TOLERANCE + 1)


def corners(pixels: np.ndarray, grid: Grid, layers: int, heads: int) -> np.ndarray:
    """The colour near the upper left corner of each head's cell, where no number is written. (layer, head, RGB)"""
    rows = (grid.top + (layers - 1 - np.arange(layers)) * grid.step + 5).astype(int)
    columns = (grid.left + np.arange(heads) * grid.step + 5).astype(int)
    return pixels[rows[:, None], columns[None, :], :3].astype(float)
