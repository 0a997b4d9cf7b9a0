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
    view.run_prompt("<b id=bad>bold</b> <img src=x onerror=alert(1)>")
    view.notebook.wait_for_value("view.capture.prompt.startswith('<b id')", True)
    view.wait_until_quiet()
    assert view.host.locator("#bad").count() == 0
    assert view.host.locator("img").count() == 0
