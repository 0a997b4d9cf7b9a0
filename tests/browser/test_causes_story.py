"""From where heads look to what they do, by mouse and keyboard: every number on the screen is the one that Python computes headless."""

from __future__ import annotations

import re

import numpy as np

from tests.browser.inspector import Inspector, number

SECOND = "When Mary and John went to the store, Mary gave a drink to"
QUERY = 13  # the last token, which is selected at first
THREE_DIGITS = 0.006  # of a number that is written with three
EFFECTS = "lw.ablate(view.capture, view.metric).effect"
FIRST_CHANGE = "view.interventions[0].intervention"


def compute(view: Inspector, expression: str) -> np.ndarray:
    """What an expression gives in the notebook's kernel, as float64."""
    return np.array(view.notebook.value(f"torch.as_tensor({expression}).double().tolist()"))


def attention_against_effect(view: Inspector) -> None:
    """The one click, and its sweep to the end."""
    view.button("causes", "attention against effect").click()
    view.panel("causes").get_by_text(re.compile(r"ρ = .* over 16 heads")).wait_for()
    view.wait_until_quiet()


def zero_the_strongest(view: Inspector) -> tuple[int, int]:
    """Select the head with the largest effect by a click on its point, and set it to zero."""
    attention_against_effect(view)
    effects = compute(view, f"{EFFECTS}.values")  # (layer, head)
    layer, head = (int(at) for at in np.unravel_index(np.abs(effects).argmax(), effects.shape))
    view.click_point(layer, head)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [layer, head])
    view.page.mouse.move(0, 0)
    view.button("changes", "Zero this head").click()
    view.wait_until_settled("changed", changes=1)
    return layer, head


def pattern(view: Inspector, layer: int, head: int, run: str = "view.capture") -> np.ndarray:
    """A head's pattern of a run, NaN where the model may not look. (query, key)"""
    found = compute(view, f"{run}.pattern({layer}, {head})")
    return np.where(np.tri(len(found), dtype=bool), found, np.nan)


def ranks(values: np.ndarray) -> np.ndarray:
    """(n,), equal ones share the mean of their ranks"""
    return np.array([(values < one).sum() + ((values == one).sum() - 1) / 2 for one in values])


def test_a_click_makes_another_token_the_foil_and_every_effect_is_measured_by_it(view: Inspector):
    third = view.notebook.value("str(lw.next_token(view.capture).top_token.values[2])")
    row = view.panel("next").locator("li").nth(2)
    row.hover()
    row.get_by_role("button", name="foil").click()
    view.notebook.wait_for_value("view.metric.foil", third)
    view.panel("next").get_by_text(f"logit(·{third.strip()})").wait_for()
    assert "proposed" not in view.panel("next").locator(".measured").inner_text()
    (before, after), value = view.answer, view.notebook.value("view.measured['value']")
    assert before == after == round(value, 2)
    attention_against_effect(view)
    expected = compute(view, f"{EFFECTS}.values").ravel()  # (layer × head,)
    np.testing.assert_allclose(view.numbers("causes")[:, 1], expected, rtol=THREE_DIGITS)


def test_one_click_puts_attention_against_effect_with_the_rank_correlation_that_numpy_finds(view: Inspector):
    assert view.notebook.value("[one['state'] for one in view.progress.values() if one['state'] == 'running']") == []
    attention_against_effect(view)
    looks = compute(view, f"torch.stack([view.capture.pattern(l, h)[{QUERY}].max() for l in range(4) for h in range(4)])")
    effects = compute(view, f"{EFFECTS}.values").ravel()
    np.testing.assert_allclose(view.numbers("causes"), np.stack([looks, effects], axis=1), rtol=THREE_DIGITS)
    rho = np.corrcoef(ranks(looks), ranks(effects))[0, 1]
    said = view.panel("causes").locator(".agreement").inner_text()
    np.testing.assert_allclose(number(said.split("ρ = ")[1].split(" over")[0]), rho, atol=0.006)
    assert view.panel("heads").get_by_label("colour a second grid by").input_value() == "ablation_effect"


def test_a_point_selects_its_head_everywhere_and_zeroing_it_gives_the_headless_effect(view: Inspector):
    layer, head = zero_the_strongest(view)
    assert view.panel("pattern").get_by_text(f"L{layer}H{head}", exact=True).is_visible()
    assert f"layer {layer} head {head}" in view.panel("text").inner_text()
    effect, before = view.notebook.value(
        "(lambda found: [float(found.effect), found.attrs['before'][found.attrs['quantity']]])"
        f"(lw.effect_of(view.capture, view.metric, lw.Intervention('z', layer={layer}, head={head})))"
    )
    np.testing.assert_allclose(view.answer, (before, before + effect), atol=0.006)
    alone = view.change_row(0).locator(".alone")
    alone.get_by_text("logits").wait_for()
    np.testing.assert_allclose(number(alone.inner_text().split()[0]), effect, rtol=THREE_DIGITS, atol=0.006)


def test_every_panel_shows_the_changed_run_and_then_the_difference(view: Inspector):
    layer, head = zero_the_strongest(view)
    view.notebook.python(f"changed = lw.intervene(view.capture, lw.Intervention('z', layer={layer}, head={head}))")
    later = min(layer + 1, 3)  # a head behind the changed one looks elsewhere now
    view.click_head(later, 1)
    view.panel("pattern").get_by_text(f"L{later}H1", exact=True).wait_for()
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    clean, changed = pattern(view, later, 1), pattern(view, later, 1, "changed")
    assert np.nanmax(np.abs(changed - clean)) > 0.01
    np.testing.assert_allclose(view.numbers("pattern"), changed, rtol=THREE_DIGITS, atol=1e-6)
    np.testing.assert_allclose(view.numbers("text")[:, 0], changed[QUERY], rtol=THREE_DIGITS, atol=1e-6)
    shares = compute(view, "lw.next_token(changed).probability.values")
    np.testing.assert_allclose(view.shares()[:5], shares[:5], atol=0.0006)  # below them may stand what is measured
    words = view.notebook.value("[str(word) for word in lw.next_token(changed).top_token.values]")
    assert [name for name, *_ in view.table("next")] == [word.strip() for word in words]

    view.button("changes", "changed − clean").click()
    view.wait_until_settled("difference")
    np.testing.assert_allclose(view.numbers("pattern"), changed - clean, rtol=THREE_DIGITS, atol=1e-6)
    np.testing.assert_allclose(view.numbers("text")[:, 0], (changed - clean)[QUERY], rtol=THREE_DIGITS, atol=1e-6)
    for panel in ("pattern", "text", "heads", "layers", "next"):
        assert view.panel(panel).locator('[data-evidence="intervention"]').count() >= 1, f"{panel} claims no intervention"

    view.button("changes", "clean run").click()
    view.wait_until_settled("clean", changes=1)
    np.testing.assert_allclose(view.numbers("pattern"), clean, rtol=THREE_DIGITS, atol=1e-6)


def test_a_look_that_is_cut_moves_to_the_other_keys_and_is_switched_and_named(view: Inspector):
    strongest = f"max((view.capture.pattern(l, h)[{QUERY}, k].item(), l, h, k) for l in (1, 2, 3) for h in range(4) for k in range(12))"
    share, layer, head, key = view.notebook.value(strongest)
    view.click_head(layer, head)
    view.click_cell(QUERY, key)
    view.notebook.wait_for_value(
        "[view.selection.layer, view.selection.head, view.selection.query, view.selection.key]", [layer, head, QUERY, key]
    )
    view.page.mouse.move(0, 0)
    clean = pattern(view, layer, head)
    view.panel("pattern").get_by_role("button", name=re.compile("^Cut “to” → ")).click()
    view.wait_until_settled("changed", changes=1)
    view.notebook.python(f"changed = lw.intervene(view.capture, {FIRST_CHANGE})")
    seen = view.numbers("pattern")
    gained = clean[QUERY] / (1 - share)
    gained[key] = 0
    np.testing.assert_allclose(np.nan_to_num(seen[QUERY]), gained, rtol=THREE_DIGITS, atol=2e-4)
    np.testing.assert_allclose(seen[:QUERY], pattern(view, layer, head, "changed")[:QUERY], rtol=THREE_DIGITS, atol=1e-6)

    words = view.change_row(0).locator(".more").first
    words.wait_for()
    moved, *to = re.findall(r"([0-9.]+)%(?: to “([^”]*)”)?", words.inner_text())
    np.testing.assert_allclose(float(moved[0]) / 100, share, atol=0.0006)
    gains = np.sort(np.delete(gained - clean[QUERY], key))[::-1]
    np.testing.assert_allclose([float(percent) / 100 for percent, _ in to], gains[: len(to)], atol=0.0006)

    undo = view.panel("pattern").get_by_role("button", name=re.compile("^Undo the cut of “to” → "))
    undo.wait_for()
    view.switch_change(0)
    view.wait_until_settled("clean", changes=0)
    undo.wait_for(state="detached")
    np.testing.assert_allclose(view.numbers("pattern"), clean, rtol=THREE_DIGITS, atol=1e-6)
    view.switch_change(0)
    view.wait_until_settled("changed", changes=1)
    view.button("changes", "name this change").click()
    view.page.keyboard.type("the look that counts")
    view.page.keyboard.press("Enter")
    view.notebook.wait_for_value("[one.name for one in view.interventions]", ["the look that counts"])
    view.button("changes", "rename this change").wait_for()
    assert view.notebook.value(f"[{FIRST_CHANGE}.site, view.interventions[0].on]") == ["scores", True]


def test_a_second_prompt_is_written_in_the_bar_and_its_stream_patched_in_both_directions(view: Inspector):
    view.button("bar", "Compare").click()
    view.page.keyboard.press("ControlOrMeta+A")
    view.page.keyboard.type(SECOND)
    view.page.keyboard.press("Enter")
    view.panel("compare").wait_for()
    view.wait_until_quiet()
    assert view.notebook.value("view.second.prompt") == SECOND
    for direction, run, shown in (("noise", "first", "changed"), ("denoise", "second", "second_changed")):
        view.panel("layers").get_by_label("colour the layers by").select_option(f"patching_{direction}")
        view.notebook.wait_for_value(f"view.progress['patching_{direction}']['state']", "ready")
        view.wait_until_quiet()
        # Denoising puts the first prompt into the second: of lw.patch's two runs the clean one is what is put in.
        runs = "view.capture, view.second"
        effects = compute(view, f"lw.patch({runs}, view.metric, direction='{direction}').effect.values")  # (layer, position)
        np.testing.assert_allclose(view.numbers("layers")[::-1], effects, rtol=THREE_DIGITS, atol=2e-5)
        layer, position = (int(at) for at in np.unravel_index(np.abs(effects).argmax(), effects.shape))
        view.click_layer(layer, position)
        view.notebook.wait_for_value("[view.selection.layer, view.selection.query]", [layer, position])
        view.page.mouse.move(0, 0)
        view.button("layers", "Patch here").click()
        view.wait_until_settled(shown, changes=1)
        assert view.notebook.value("[one.run for one in view.interventions]") == [run]
        before, after = view.answer
        np.testing.assert_allclose(after - before, effects[layer, position], atol=0.011)
        alone = view.change_row(0).locator(".alone")
        alone.get_by_text("logits").wait_for()
        np.testing.assert_allclose(number(alone.inner_text().split()[0]), effects[layer, position], atol=0.006)
        view.button("changes", "clear all").click()
        view.panel("changes").and_(view.page.locator('[data-state="empty"]')).wait_for()
        view.wait_until_settled("second" if run == "second" else "clean", changes=0)


def test_the_code_of_a_panel_gives_its_numbers_when_it_is_run(view: Inspector):
    zero_the_strongest(view)
    view.button("changes", "changed − clean").click()
    view.wait_until_settled("difference")
    for panel in ("pattern", "causes", "layers"):
        view.button(panel, "code").first.click()
        shown = view.panel(panel).locator('section.code[data-state="ready"] pre')
        shown.wait_for()
        code = shown.inner_text()
        view.button(panel, "code").first.click()
        view.notebook.python(f"there = {{}}; exec({code!r}, there)")
        found = compute(view, "__import__('numpy').asarray(there['found'])")
        seen = view.numbers(panel)
        if panel == "causes":
            seen, found = seen[:, 1], found.ravel()
        if panel == "layers":
            found = found[::-1]
        np.testing.assert_allclose(np.nan_to_num(seen), np.nan_to_num(found), rtol=THREE_DIGITS, atol=2e-5, err_msg=f"{panel}:\n{code}")
