"""A tour plays in a view, by mouse, by keys and from Python; what it asks about is nowhere to be seen until it is revealed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.browser.noted import SELECTED, NotedView, noted

THREE_DIGITS = 0.006  # of a number that is written with three
# Everything that a page says, also to screen readers, in titles and in lines that are written in.
ALL_WORDS = """(host) => [...host.shadowRoot.querySelectorAll('*')].flatMap((at) => [
  ...[...at.attributes].map(({ value }) => value), 'value' in at ? String(at.value) : '',
  ...[...at.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data),
]).filter((text) => !text.includes('{')).join('\\n')"""


def write_four(view: NotedView) -> None:
    """A finding, one that asks, its answer, and one with an intervention; then the view stands elsewhere."""
    view.notebook.python("""
first = view.annotate('this head looks **back**', layer=2, head=0, query=9, key=1)
asks = view.annotate('the *secret* copier', layer=3, head=1, query=13, key=1, ask='Which head copies the name?', tags=['hush'])
answer = view.notes.add('because of its OV circuit', reply_to=asks)
view.interventions = lw.Intervention('z', layer=3, head=2)""")
    view.wait_until_settled("changed", changes=1)
    view.notebook.python("last = view.annotate('without 3.2 it fails', layer=3, head=2); view.interventions = []")
    view.wait_until_settled("clean", changes=0)
    view.notebook.python("view.selection.move(layer=0, head=0, query=3, key=None)")


@pytest.fixture
def view(warm, tmp_path):
    with noted(warm, tmp_path) as made:
        write_four(made)
        yield made


def signless(text: str) -> str:
    """Without white space, nor the sign that stands for it in tokens."""
    return re.sub(r"[\s·]", "", text)


def pattern_is(view: NotedView, layer: int, head: int, run: str = "view.capture") -> None:
    """The matrix shows the numbers of a head that Python computes of a run."""
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    seen, lower = view.numbers("pattern"), np.tril_indices(14)
    expected = np.array(view.notebook.value(f"{run}.pattern({layer}, {head}).double().tolist()"))
    np.testing.assert_allclose(seen[lower], expected[lower], rtol=THREE_DIGITS, atol=1e-6)


def test_a_tour_goes_on_and_back_by_mouse_and_by_keys_and_python_is_the_other_hand(view: NotedView):
    view.notebook.python("tour = lw.tour(view, [first, last], title='Two findings')")
    view.wait_for_step("1 of 2")
    player, keyboard = view.player, view.page.keyboard
    assert player.get_by_role("heading").inner_text() == "Two findings"
    assert player.locator(".prose strong").all_inner_texts() == ["back"] and "L2H0 · “·John” → “·Mary”" in player.inner_text()
    view.notebook.wait_for_value(SELECTED, [2, 0, 9, 1])
    pattern_is(view, 2, 0)

    player.get_by_role("button", name="Next").click()
    view.wait_for_step("2 of 2")
    view.wait_until_settled("changed", changes=1)
    assert "without 3.2 it fails" in player.inner_text()
    pattern_is(view, 3, 2, "lw.intervene(view.capture, view.interventions[0].intervention)")
    assert player.get_by_role("button", name="Next").get_attribute("aria-disabled") == "true"
    player.get_by_role("button", name="Previous").click()
    view.wait_for_step("1 of 2")
    view.wait_until_settled("clean", changes=0)
    view.notebook.wait_for_value("[tour.at, view.selection.layer, view.selection.head]", [0, 2, 0])

    keyboard.press("ArrowRight")
    view.wait_for_step("2 of 2")
    keyboard.press("ArrowRight")
    keyboard.press("ArrowLeft")
    view.wait_for_step("1 of 2")
    assert view.focus()[0] == "button", "the keys stay in the player"
    view.wait_until_settled("clean", changes=0)
    view.notebook.python("tour.next()")
    view.wait_for_step("2 of 2")
    for key in ("ArrowLeft", "ArrowRight", "ArrowLeft"):
        keyboard.press(key)
    view.wait_for_step("1 of 2")
    view.notebook.wait_for_value("[tour.at, view.tour['at'], view.selection.head]", [0, 0, 0])
    view.wait_until_settled("clean", changes=0)

    player.get_by_role("button", name="End").click()
    player.wait_for(state="detached")
    view.notebook.wait_for_value("[view.tour, view.touring]", [None, None])
    assert len(view.cards()) == 4, "the notes stay"
    assert view.page.locator(".jp-CodeCell").count() == 3


def test_a_step_asks_before_it_shows_takes_the_selected_head_as_a_guess_and_keeps_it(view: NotedView):
    view.card("secret").wait_for()
    view.notebook.python("tour = lw.tour(view, [first, asks, last])")
    view.wait_for_step("1 of 3")
    view.notebook.wait_for_value(SELECTED, [2, 0, 9, 1])
    view.player.get_by_role("button", name="Next").click()
    view.player.get_by_text("Which head copies the name?").wait_for()
    view.wait_for_step("2 of 3")
    view.page.mouse.move(0, 0)
    view.wait_until_quiet()
    said = view.host.evaluate(ALL_WORDS)
    assert "Which head copies the name?" in said and "this head looks" in said
    for hidden in ("secret", "hush", "OV circuit", "L3H1"):
        assert hidden not in said, f"{hidden!r} can be read before it is revealed"
    assert not view.head_is_marked(3, 1) and view.head_is_marked(2, 0)
    assert view.notebook.value(SELECTED) == [2, 0, 9, 1], "the view stays as it was"
    for at in ((3, 1), (2, 0)):
        view.page.mouse.move(*view.head_point(*at))
        view.tooltip.wait_for()
        assert "secret" not in view.tooltip.inner_text()

    view.click_head(1, 3)
    view.notebook.wait_for_value("[view.selection.layer, view.selection.head]", [1, 3])
    line = view.player.get_by_label("what do you expect?")
    line.click()
    view.page.keyboard.type("n z x: I say")
    view.player.get_by_role("button", name="Use what I selected").click()
    assert line.input_value().startswith("n z x: I say L1H3")
    guess = line.input_value()
    assert view.notebook.value("[len(view.interventions), len(view.notes)]") == [0, 4]
    line.press("Enter")
    view.player.get_by_text("you said:").wait_for()
    assert view.player.locator(":focus").all_inner_texts() == ["Next"], "the keys stay in the player though the line is gone"
    view.notebook.wait_for_value("view.tour['revealed']", True)
    told = view.player.inner_text()
    assert [signless(guess) in signless(told), "the secret copier" in told] == [True, True]
    view.notebook.wait_for_value(SELECTED, [3, 1, 13, 1])
    pattern_is(view, 3, 1)
    assert view.head_is_marked(3, 1)
    assert view.notebook.value("[(one.note == asks.id, one.question, one.guess) for one in tour.guesses]") == [
        [True, "Which head copies the name?", guess]
    ]
    assert view.notebook.value("[(note.text, note.reply_to == asks.id) for note in view.notes.filter(tag='guess')]") == [[guess, True]]
    view.card("secret").wait_for()
    view.card(re.compile("I say L1H3")).wait_for()

    view.player.get_by_role("button", name="Next").focus()
    view.page.keyboard.press("ArrowRight")
    view.wait_for_step("3 of 3")
    view.wait_until_settled("changed", changes=1)
    view.player.get_by_role("button", name="Previous").click()
    view.wait_for_step("2 of 3")
    assert "the secret copier" in view.player.inner_text(), "what was revealed stays so"
    view.notebook.python("tour.end()")
    view.player.wait_for(state="detached")
