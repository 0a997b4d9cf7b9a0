"""Writers at once, in processes and threads: nothing is lost, and the clocks of the file rise line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from llmwidgets.notes import Notes
from llmwidgets.notes.opening import open_store

WRITERS = Path(__file__).with_name("writers.py")


def clocks_of(path):
    return [json.loads(line)["clock"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("writers", "count"), [(2, 60), (8, 20)])
def test_processes_that_write_at_once_lose_nothing(tmp_path, writers, count):
    path = tmp_path / "notes.jsonl"
    root = str(Path(__file__).parents[3])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, str(WRITERS), "write_some", str(path), str(count)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": {**os.environ, "PYTHONPATH": paths}}
    processes = [subprocess.Popen(command, **pipes) for _ in range(writers)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    confirmed = {id for process in processes for id in process.communicate()[0].split()}
    assert len(confirmed) == writers * count
    assert {note.id for note in Notes(path)} == confirmed
    clocks = clocks_of(path)
    assert clocks == sorted(set(clocks)), "each writer had read what stood before its line"


@pytest.mark.parametrize("share", [True, False], ids=["one handle", "a handle each"])
def test_threads_that_write_at_once_lose_nothing(tmp_path, share):
    path = tmp_path / "notes.jsonl"
    first = Notes(path)
    handles = [first if share else Notes(path) for _ in range(8)]
    heard = []
    first.observe(lambda notes: heard.append(len(notes)))
    start = threading.Barrier(8)

    def write(notes):
        start.wait()
        for number in range(12):
            note = notes.add(f"note {number}")
            if number % 3 == 0:
                notes.edit(note, tags=["x"])

    threads = [threading.Thread(target=write, args=(handle,)) for handle in handles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(first) == 96 and len(first.filter(tag="x")) == 32 and heard[-1] <= 96 and max(heard) == 96
    clocks = clocks_of(path)
    assert clocks == list(range(1, 129))
    first.close()


def test_two_kernels_edit_one_note_and_both_end_with_the_later_word(tmp_path, another_kernel):
    path = tmp_path / "notes.jsonl"
    here = Notes(path)
    there = another_kernel(path)
    note = here.add("begun here")
    there.edit(note, text="edited there", tags=["there"])
    here.edit(note, text="edited here")
    for notes in (here, there):
        notes.refresh()
        assert [(one.text, one.tags) for one in notes] == [("edited here", ("there",))]
    assert open_store(str(path)) is not there._store


def test_a_note_that_another_kernel_deleted_meanwhile_cannot_be_edited(tmp_path, another_kernel):
    path = tmp_path / "notes.jsonl"
    here, there = Notes(path), another_kernel(path)
    note = here.add("begun here")
    there.refresh()
    there.remove(note)
    before = path.read_bytes()
    with pytest.raises(KeyError, match="was deleted"):
        here.edit(note, text="too late")
    assert path.read_bytes() == before and len(here) == 0
