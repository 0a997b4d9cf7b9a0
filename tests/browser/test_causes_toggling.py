"""However quickly changes are switched, what the view says is settled is the answer to what is switched on, never to what was before."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

from tests.browser.inspector import Inspector, number

CHANGES = (
    "lw.Intervention('z', layer=1, head=3)",
    "lw.Intervention('scores', layer=0, head=2, position=13, key=1)",
    "lw.Intervention('mlp_out', layer=2, position=13)",
)
SHOWN = (3, 1, 13)  # layer, head and query of the row of attention that is read; behind two of the changes
# In every frame: where the view says that it is settled, each panel that says that it is ready, with the numbers in it as text, and the
# changes whose checkbox is on. Only what differs from the frame before is kept.
RECORD = """(host) => {
  const root = host.shadowRoot ?? host;
  const all = (panel, selector) => [...root.querySelectorAll(`[data-panel=${panel}] ${selector}`)];
  const texts = (panel, selector) => all(panel, selector).map((one) => one.firstChild?.textContent ?? '');
  const ready = (panel) => root.querySelector(`[data-panel=${panel}]`)?.dataset.state === 'ready';
  const record = { frames: [], all: 0, over: false };
  const look = () => {
    record.all += 1;
    const answer = root.querySelector('[data-panel=changes] .answer');
    const frame = {
      on: [...root.querySelectorAll('[data-change] input[type=checkbox]')].map((box) => box.checked),
      epoch: root.querySelector('[data-epoch]').dataset.epoch,
      answer: answer?.dataset.current === 'true' ? answer.textContent : null,
      shares: ready('next') ? texts('next', '.share') : null,
      row: ready('pattern') ? texts('pattern', 'tbody tr:last-child td') : null,
      heads: ready('heads') ? texts('heads', 'tbody td') : null,
    };
    const settled = root.querySelector('[data-settled]').dataset.settled === 'true';
    if (settled && JSON.stringify(frame) !== JSON.stringify(record.frames.at(-1))) record.frames.push(frame);
    if (!record.over) requestAnimationFrame(look);
  };
  look();
  window.__record = record;
}"""
# Clicks the checkboxes of the given rows, after so many frames each.
CLICK = """async ([host, clicks]) => {
  const root = host.shadowRoot ?? host;
  for (const [row, frames] of clicks) {
    for (let i = 0; i < frames; i++) await new Promise((done) => requestAnimationFrame(done));
    root.querySelectorAll('[data-change] input[type=checkbox]')[row].click();
  }
}"""
# intervene() waits, for each set of changes, until a test opens its gate.
SLOW = """
import sys, threading
exhibits = sys.modules[type(view.inquiry.exhibits).__module__]
intervene, inside, opened = exhibits.intervene, [], {}
def held(run, change, **more):
    names = tuple(str(one) for one in change)
    inside.append(names)
    assert opened.setdefault(names, threading.Event()).wait(60)
    return intervene(run, change, **more)
exhibits.intervene = held
"""


@pytest.fixture
def switched(view: Inspector) -> Inspector:
    """A view with three changes, all off, and the tables of the pattern and of the heads open."""
    layer, head, query = SHOWN
    view.notebook.python(f"view.selection.layer, view.selection.head, view.selection.query = {layer}, {head}, {query}")
    view.notebook.python("\n".join(f"view.interventions.add({change}, on=False)" for change in CHANGES))
    view.change_row(2).wait_for()
    for panel in ("pattern", "heads"):
        view.button(panel, "table").first.click()
    return view.wait_until_settled("clean", changes=0)


def truths(view: Inspector) -> dict[tuple[bool, ...], dict[str, Any]]:
    """For every set of changes that are on, what Python computes headless."""
    layer, head, query = SHOWN
    view.notebook.python(f"""
import itertools
def truth(on):
    chosen = [change for change, made in zip([{", ".join(CHANGES)}], on) if made]
    run = lw.intervene(view.capture, chosen) if chosen else view.capture
    effect = float(lw.effect_of(view.capture, view.metric, chosen).effect) if chosen else 0.0
    heads = [run.pattern(l, h).max().item() for l in reversed(range(4)) for h in range(4)]
    shares = lw.next_token(run).probability.values[:5].tolist()
    return [view.measured["value"] + effect, run.pattern({layer}, {head})[{query}].tolist(), shares, heads]
""")
    sets = list(itertools.product((False, True), repeat=len(CHANGES)))
    found = view.notebook.value(f"[truth(on) for on in {sets}]")
    return {on: dict(zip(("after", "row", "shares", "heads"), one, strict=True)) for on, one in zip(sets, found, strict=True)}


def assert_true(frame: dict[str, Any], truth: dict[str, Any]) -> None:
    """What a settled frame says is this truth, each number to the digits it is written with."""
    about = f"epoch {frame['epoch']} with {frame['on']} on"
    if frame["answer"] is not None:
        said = frame["answer"].split("→")[-1].split(" = ")[-1].split("(")[0].split()[0]
        np.testing.assert_allclose(number(said), truth["after"], atol=0.006, err_msg=f"the answer of {about}")
    if frame["row"]:
        row = [number(cell) for cell in frame["row"]]
        np.testing.assert_allclose(np.nan_to_num(row), truth["row"], rtol=0.006, atol=1e-6, err_msg=f"the pattern of {about}")
    if frame["shares"]:
        shares = [number(cell) for cell in frame["shares"][:5]]
        np.testing.assert_allclose(shares, truth["shares"], atol=0.0011, err_msg=f"the next token of {about}")


def frames_of(view: Inspector) -> list[dict[str, Any]]:
    """The settled frames so far; ends the recording."""
    return view.page.evaluate("() => { window.__record.over = true; return window.__record.frames; }")


def click_quickly(view: Inspector, clicks: list[tuple[int, int]]) -> tuple[bool, ...]:
    """Click checkboxes, (row, frames to let pass before) each; return which are then on."""
    view.page.evaluate(CLICK, [view.host.element_handle(), clicks])
    return tuple(sum(row == each for row, _ in clicks) % 2 == 1 for each in range(len(CHANGES)))


def test_no_settled_frame_shows_the_numbers_of_other_changes_than_those_that_are_on(switched: Inspector):
    expected = truths(switched)
    switched.host.evaluate(RECORD)
    chance = random.Random(7)
    for pause in (0, 2, 12, 40):  # frames between two clicks: quicker than the kernel, about as quick, slower
        clicks = [(chance.randrange(3), chance.randint(0, pause)) for _ in range(12)]
        click_quickly(switched, clicks)
        on = switched.host.locator('[data-change][data-on="true"]').count()
        switched.wait_until_settled("changed" if on else "clean", changes=on)
    frames = frames_of(switched)
    assert len({tuple(frame["on"]) for frame in frames}) >= 4, "hardly any set of changes was ever settled"
    assert sum(frame["row"] is not None for frame in frames) >= 4
    for frame in frames:
        assert_true(frame, expected[tuple(frame["on"])])


def test_the_last_click_of_many_is_what_the_view_ends_with(switched: Inspector):
    expected = truths(switched)
    on = click_quickly(switched, [(0, 0)] * 15 + [(1, 0), (2, 1), (1, 1), (0, 0), (0, 0)])
    assert on == (True, False, True)
    switched.wait_until_settled("changed", changes=2)
    switched.notebook.wait_for_value("[one.on for one in view.interventions]", list(on))
    switched.host.evaluate(RECORD)
    (frame,) = frames_of(switched)
    assert frame["on"] == list(on)
    assert_true(frame, expected[on])


def test_a_slow_run_that_ends_after_a_later_one_was_asked_for_is_never_shown(switched: Inspector):
    expected = truths(switched)
    zeroed, cut = switched.notebook.value("[str(one.intervention) for one in view.interventions][:2]")
    switched.notebook.python(SLOW)
    try:
        switched.host.evaluate(RECORD)
        switched.switch_change(0)
        switched.notebook.wait_for_value(f"({zeroed!r},) in inside", True)
        switched.switch_change(0)  # off again, while it is being made
        switched.switch_change(1)
        switched.notebook.python(f"opened.setdefault(({cut!r},), threading.Event()).set()")  # the later one first
        switched.notebook.python(f"opened[({zeroed!r},)].set()")
        switched.wait_until_settled("changed", changes=1)
    finally:
        switched.notebook.python("exhibits.intervene = intervene; [gate.set() for gate in opened.values()]")
    frames = frames_of(switched)
    assert frames[-1]["on"] == [False, True, False]
    for frame in frames:
        assert_true(frame, expected[tuple(frame["on"])])


def test_while_a_run_is_made_the_panels_wait_and_say_so(switched: Inspector):
    switched.notebook.python(SLOW)
    try:
        switched.switch_change(0)
        switched.notebook.wait_for_value("len(inside)", 1)
        for panel in ("text", "next", "heads", "pattern", "layers"):
            assert switched.panel(panel).get_attribute("data-state") == "waiting"
            assert switched.panel(panel).get_attribute("aria-busy") == "true"
        assert switched.panel("changes").locator('.answer[data-current="false"]').count() == 1
    finally:
        switched.notebook.python("exhibits.intervene = intervene; [gate.set() for gate in opened.values()]")
    switched.wait_until_settled("changed", changes=1)


def test_a_change_that_was_taken_away_and_made_again_is_shown_again(view: Inspector):
    for _ in range(2):
        view.button("changes", "Zero this head").click()
        view.wait_until_settled("changed", changes=1)
        view.button("changes", "clear all").click()
        view.wait_until_settled("clean", changes=0)
