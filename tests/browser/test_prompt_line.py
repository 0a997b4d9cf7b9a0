"""The prompt is run again from the screen; what cannot be run is said, and what was shown stays."""

from __future__ import annotations

from tests.browser.inspector import Inspector

OTHER = "The dog sat on the mat because the dog"


def test_enter_runs_the_edited_prompt_and_every_panel_shows_it(view: Inspector):
    epoch = view.notebook.value("view.capture.fingerprint")
    view.run_prompt(OTHER)
    view.notebook.wait_for_value("view.capture.prompt", OTHER)
    view.wait_until_quiet()
    assert view.notebook.value("view.capture.fingerprint") != epoch
    assert view.host.locator('[data-panel="text"] [data-position]').count() == view.notebook.value("view.capture.n_tokens")
    assert view.prompt.input_value() == OTHER


def test_an_empty_prompt_is_refused_in_words_and_the_picture_stays(view: Inspector):
    before, colours = view.notebook.value("view.capture.fingerprint"), view.token_colours()
    view.run_prompt("")
    view.panel("bar").get_by_role("alert").wait_for()
    assert "empty" in view.panel("bar").get_by_role("alert").inner_text().lower()
    assert view.notebook.value("view.capture.fingerprint") == before
    assert view.token_colours() == colours


def test_a_prompt_that_is_too_long_keeps_what_was_typed(view: Inspector):
    long = "the cat sat on the mat " * 400
    view.run_prompt(long)
    view.panel("bar").get_by_role("alert").wait_for()
    assert view.prompt.input_value().strip() == long.strip()


def test_text_that_looks_like_html_is_shown_as_text(view: Inspector):
    hostile = "<b id=bad>bold</b> <img src=x onerror='window.pwned=1'>"
    view.run_prompt(hostile)
    view.notebook.wait_for_value("view.capture.prompt", hostile)
    view.wait_until_quiet()
    for position in range(view.notebook.value("view.capture.n_tokens")):
        view.token(position).hover()
    view.wait_until_quiet()
    assert "".join(view.host.locator('[data-panel="text"] [data-position]').all_text_contents()).replace("·", " ") == hostile
    assert view.prompt.input_value() == hostile
    assert view.host.locator("#bad").count() == 0
    assert view.host.locator("img").count() == 0
    assert view.page.evaluate("() => window.pwned") is None


# Held by its class: a capture runs a twin of the model, which has no hooks of ours.
HELD = """
import threading
gate, inside = threading.Event(), threading.Event()
Block = type(view.capture.subject.model.transformer.h[0])
forward = Block.forward
def held(*args, **kwargs):
    inside.set()
    gate.wait(60)
    return forward(*args, **kwargs)
Block.forward = held
"""


def test_a_run_that_takes_long_is_stopped_from_the_screen_and_the_picture_stays(view: Inspector):
    before, colours = view.notebook.value("view.capture.fingerprint"), view.token_colours()
    view.notebook.python(HELD)
    try:
        view.run_prompt(OTHER)
        stop = view.panel("bar").get_by_role("button", name="Stop")
        stop.wait_for()
        view.notebook.wait_for_value("inside.is_set()", True)
        assert view.state == "running"
        stop.click()
        view.notebook.wait_for_value("view.runner._job.stopped()", True)  # the click has come; the model still stands in its layer
    finally:
        view.notebook.python("gate.set(); Block.forward = forward")
    view.panel("bar").get_by_text("stopped").wait_for()
    stop.wait_for(state="detached")
    view.wait_until_quiet()
    assert view.notebook.value("view.capture.fingerprint") == before
    assert view.token_colours() == colours
    assert view.prompt.input_value() == OTHER  # what was typed is not lost
