"""The watcher: it looks after a file while somebody observes, tells what others wrote, writes what waits, and ends by itself."""

from __future__ import annotations

import errno
import gc
import os
import signal
import threading
import warnings
import weakref

import pytest

from llmwidgets.notes import Notes, watching
from llmwidgets.notes import log as log_module
from llmwidgets.notes.trouble import NotesFileWarning

SOON = 20  # seconds that nothing here should take


class Ticks:
    """Time that goes on when a test says so: `tick` lets the watcher go round once and waits until it is back."""

    def __init__(self):
        self.may_go, self.waits = threading.Semaphore(0), threading.Semaphore(0)
        self.threads = []

    def pause(self, seconds):
        assert seconds == watching.PERIOD
        self.waits.release()
        assert self.may_go.acquire(timeout=SOON)

    def tick(self):
        assert self.waits.acquire(timeout=SOON)
        self.may_go.release()
        assert self.waits.acquire(timeout=SOON)
        self.waits.release()

    def last_tick(self):
        self.may_go.release()
        self.threads[-1].join(SOON)
        assert not self.threads[-1].is_alive()


@pytest.fixture
def ticks(monkeypatch):
    ticks = Ticks()
    true = watching.watch

    def watch(round, path):
        ticks.threads.append(true(round, path, ticks.pause))
        return ticks.threads[-1]

    monkeypatch.setattr("llmwidgets.notes.store.watch", watch)
    yield ticks
    for _ in ticks.threads:
        ticks.may_go.release()
    for thread in ticks.threads:
        thread.join(SOON)


def test_without_observers_there_is_no_thread(tmp_path, ticks):
    notes = Notes(tmp_path / "notes.jsonl")
    notes.add("one")
    assert ticks.threads == []


def test_what_another_kernel_writes_is_told_in_the_next_round_and_rounds_without_news_are_silent(tmp_path, ticks, another_kernel):
    notes, there = Notes(tmp_path / "notes.jsonl"), another_kernel(tmp_path / "notes.jsonl")
    heard = []
    notes.observe(lambda which: heard.append([note.text for note in which]))
    notes.observe(lambda which: None)
    ticks.tick()
    assert heard == []
    there.add("theirs")
    ticks.tick()
    ticks.tick()
    assert heard == [["theirs"]] and len(ticks.threads) == 1 and ticks.threads[0].daemon
    notes.close()
    ticks.last_tick()


def test_what_waits_is_written_in_the_next_round(tmp_path, ticks, monkeypatch):
    path = tmp_path / "notes.jsonl"
    notes = Notes(path)
    notes.observe(lambda which: None)
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotesFileWarning)
        patch.setattr(log_module.os, "write", lambda fd, data: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        notes.add("one")
        ticks.tick()
        assert notes.state == "unsaved"
    ticks.tick()
    assert notes.state == "saved" and path.read_text().count("\n") == 1
    notes.close()
    ticks.last_tick()


def test_the_thread_ends_when_nobody_observes_any_more_and_another_begins_with_the_next_observer(tmp_path, ticks):
    notes = Notes(tmp_path / "notes.jsonl")
    heard = []
    handler = heard.append
    notes.observe(handler)
    notes.unobserve(handler)
    ticks.last_tick()
    notes.observe(handler)
    assert len(ticks.threads) == 2
    notes.close()
    ticks.last_tick()


def test_the_thread_ends_when_the_handles_are_gone_and_holds_nothing(tmp_path, ticks):
    notes = Notes(tmp_path / "notes.jsonl")
    notes.observe(lambda which: None)
    ticks.tick()
    store = weakref.ref(notes._store)
    del notes
    gc.collect()
    assert store() is None
    ticks.last_tick()


def test_a_round_that_fails_does_not_end_it(tmp_path, ticks, another_kernel, monkeypatch, caplog):
    notes = Notes(tmp_path / "notes.jsonl")
    heard = []
    notes.observe(lambda which: heard.append(len(which)))
    with monkeypatch.context() as patch:
        patch.setattr(notes._store, "refresh", lambda: (_ for _ in ()).throw(RuntimeError("no")))
        another_kernel(tmp_path / "notes.jsonl").add("one")
        ticks.tick()
    assert "could not be looked after" in caplog.text
    ticks.tick()
    assert heard == [1]
    notes.close()
    ticks.last_tick()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked")
def test_a_forked_process_can_go_on_with_the_notes_while_a_thread_of_its_parent_held_the_turn(tmp_path):
    notes = Notes(tmp_path / "notes.jsonl")
    notes.add("one")
    with notes._store._turn, notes._store.lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which is what is tried here
        child = os.fork()
        if child == 0:
            signal.alarm(SOON)
            try:
                notes.add("from the child")
            finally:
                os._exit(0 if len(notes) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    notes.refresh()
    assert [note.text for note in notes] == ["one", "from the child"]
