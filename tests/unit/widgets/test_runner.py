"""Running prompts from the page: progress, stopping, failures, the newest wins."""

from __future__ import annotations

import threading

import pytest

import llmwidgets as lw
from llmwidgets.models.errors import CaptureStopped, PromptError
from llmwidgets.widgets.runner import Runner
from llmwidgets.widgets.workers import AtOnce, Threads
from tests.unit.widgets.tiny import Page, drain, prompt_of


class Screen:
    """What a runner under test tells and publishes."""

    def __init__(self) -> None:
        self.told, self.published = [], []
        self.now = 0.0

    def runner(self, workers=None) -> Runner:
        return Runner(workers or AtOnce(), self.told.append, self.publish, clock=lambda: self.now)

    def publish(self, capture, cancelled) -> None:
        if cancelled():
            raise CaptureStopped
        self.published.append(capture)

    @property
    def states(self) -> list[str]:
        return [status["state"] for status in self.told]


def test_progress_is_told_at_most_ten_times_a_second():
    screen = Screen()

    def work(progress, cancelled):
        for layer in range(100):
            screen.now += 0.03
            progress(layer, 100, f"layer {layer} of 100")
        return "run"

    screen.runner().start(work, "hello")
    running = [status for status in screen.told if status["what"] != "waiting to start"]
    assert len(running) == 25, "a hundred layers in three seconds, each fourth is told"
    assert all(status["prompt"] == "hello" and status["total"] == 100 for status in running)
    assert screen.published == ["run"]


def test_a_failure_says_what_happened_and_publishes_nothing():
    screen = Screen()

    def work(progress, cancelled):
        raise PromptError("the prompt has 200 tokens; the model takes 128")

    screen.runner().start(work, "long")
    assert screen.states == ["running", "failed"] and screen.published == []
    assert screen.told[-1]["message"].startswith("the prompt has 200") and screen.told[-1]["hint"] is None


def test_a_failure_that_is_not_the_prompts_says_where_the_whole_error_is(caplog):
    screen = Screen()

    def work(progress, cancelled):
        raise ZeroDivisionError("division by zero")

    with caplog.at_level("CRITICAL", "llmwidgets"):
        screen.runner().start(work, "p")
    assert screen.told[-1]["message"] == "division by zero" and "still shown" in screen.told[-1]["hint"]


def test_a_newer_prompt_stops_the_one_that_is_running():
    screen = Screen()
    started, workers = threading.Event(), Threads(1, "test")
    runner = screen.runner(workers)

    def patient(progress, cancelled):
        started.set()
        while not cancelled():
            started.wait(0.001)
        raise CaptureStopped("stopped")

    runner.start(patient, "first")
    started.wait(10)
    runner.start(lambda progress, cancelled: "second run", "second")
    workers._pool.shutdown(wait=True)
    assert screen.published == ["second run"]
    assert screen.states == ["running", "running"], "the superseded one does not say that it was stopped"


def test_stop_stops_what_runs_and_says_so():
    screen = Screen()
    started, workers = threading.Event(), Threads(1, "test")
    runner = screen.runner(workers)

    def patient(progress, cancelled):
        started.set()
        while not cancelled():
            started.wait(0.001)
        return "too late"

    assert runner.stop() is False
    runner.start(patient, "p")
    started.wait(10)
    assert runner.stop() is True
    workers._pool.shutdown(wait=True)
    assert screen.states == ["running", "stopped"] and screen.published == []
    assert runner.stop() is False


def test_running_here_raises_what_goes_wrong():
    screen = Screen()

    def interrupted(progress, cancelled):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen.runner().here(interrupted, None)
    assert screen.states == ["running", "stopped"]


def test_a_prompt_typed_in_the_page_shows_with_a_new_epoch(tiny):
    view = lw.Inspector(lw.capture(tiny, prompt_of(14)))
    view.selection.move(layer=1, head=2, query=3, key=1)
    page = Page(view)
    epochs = []
    view.observe(lambda change: epochs.append((change.new["epoch"], view.capture.n_tokens)), "run")
    page.asks({"id": 1, "method": "run", "params": {"prompt": prompt_of(6)}})
    assert page.settled()[1].result == {"accepted": True}
    assert view.run["epoch"] == 2 and view.run["prompt"] == prompt_of(6) and view.status["state"] == "ready"
    assert epochs == [(2, 6)] and view.capture.prompt == prompt_of(6)
    assert view.first["epoch"] == 2 and {block["request"]["epoch"] for block in view.first["blocks"]} == {2}
    cursor = view.cursor
    assert (cursor["layer"], cursor["head"], cursor["query"], cursor["key"]) == (1, 2, 5, None)
    page.asks({"id": 2, "method": "tokens", "params": {"epoch": 1, "start": 0, "stop": 2}})
    assert page.settled()[2].error["type"] == "Stale"
    view.close()


def test_a_prompt_that_fails_leaves_the_run_as_it_was(view, page):
    before, first = view.run, view.first
    page.asks({"id": 1, "method": "run", "params": {"prompt": prompt_of(5000)}})
    page.settled()
    assert view.status["state"] == "failed" and "4096" in view.status["message"]
    assert view.run == before and view.first is first and view.capture.n_tokens == 14


def test_stop_with_nothing_running_is_answered(page):
    page.asks({"id": 1, "method": "stop", "params": {}})
    assert page.settled()[1].result == {"stopping": False}


def test_run_and_first_picture_reach_the_page_in_one_message(tiny):
    view = lw.Inspector(lw.capture(tiny, prompt_of(8)))
    sent = []
    view._send = lambda message, buffers=None: sent.append(message)
    view.show_capture(lw.capture(tiny, prompt_of(4)))
    together = [set(message["state"]) for message in sent if message["method"] == "update"]
    assert len([names for names in together if "run" in names]) == 1
    (names,) = [names for names in together if "run" in names]
    assert {"run", "fields", "first"} <= names
    view.close()


def test_arrays_of_the_user_do_not_outlive_their_prompt(tiny):
    import numpy as np

    view = lw.Inspector(lw.capture(tiny, prompt_of(8)))
    view.add(np.zeros((4, 4)), name="mine")
    view.set(head_field="mine")
    view.show_capture(lw.capture(tiny, prompt_of(8)))
    assert "mine" not in {field["name"] for field in view.fields} and view.settings["headField"] == "attention"
    drain(view)
    view.close()
