"""Writers that are killed: the file is whole but for a torn last line, what was confirmed is there, and the next goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from llmwidgets.notes import Notes
from llmwidgets.notes.trouble import NotesFileWarning

WRITERS = Path(__file__).with_name("writers.py")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="killing in this way needs a system with signals and fork")


def run(*arguments):
    """What a process of writers.py confirmed."""
    root = str(Path(__file__).parents[3])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, str(WRITERS), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONPATH": paths}, text=True)
    return done.stdout.split(), done


def told_by(path):
    """The file by a reader of its own: ids of notes that have begun in whole lines, and how many lines are no JSON."""
    *whole, last = path.read_bytes().split(b"\n")
    begun, torn = set(), 0
    for line in [*whole, *([last] if last else [])]:
        try:
            event = json.loads(line)
        except ValueError:
            torn += 1
        else:
            assert set(event) == {"v", "id", "clock", "note", "at", "by", "set"}
            if "text" in event["set"]:
                begun.add(event["note"])
    return begun, torn


def opened(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotesFileWarning)
        return Notes(path)


@pytest.mark.parametrize("seed", range(5))
def test_after_each_of_forty_kills_everything_confirmed_is_there(tmp_path, seed):
    path = tmp_path / "notes.jsonl"
    heard, done = run("fork_and_kill", path, 40, seed)
    assert done.returncode == 0, done.stderr
    assert heard.count(".") == 40
    confirmed = {word for word in heard if word != "."}
    begun, torn = told_by(path)
    assert len(confirmed) >= 30 and confirmed <= begun
    assert 1 <= torn <= 40, "the kills fall within lines, too"
    notes = opened(path)
    assert {note.id for note in notes} == begun
    after = notes.add("after them all")
    assert told_by(path) == (begun | {after.id}, torn)
    assert notes.state == "saved"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_writer_that_dies_within_a_line_tears_that_line_alone(tmp_path, share):
    path = tmp_path / "notes.jsonl"
    confirmed = set()
    for _ in range(3):
        heard, done = run("die_in_mid_write", path, share)
        assert done.returncode == -9, done.stderr
        confirmed |= set(heard)
    assert len(confirmed) == 3
    begun, torn = told_by(path)
    assert confirmed <= begun and torn == (0 if share == 1 else 3)
    if torn:
        with pytest.warns(NotesFileWarning, match="torn"):
            notes = Notes(path)
        assert "lines 2, 4 (no JSON); line 6 (the last, which is torn)" in notes.problem
    else:
        notes = Notes(path)
    lines = path.read_bytes().count(b"\n")
    notes.add("goes on")
    assert b"goes on" in path.read_bytes().splitlines()[-1]
    assert told_by(path)[1] == torn and path.read_bytes().count(b"\n") == lines + (2 if torn else 1)


@pytest.mark.parametrize("room", [1, 50, 3000])
def test_a_process_killed_by_the_system_for_a_file_too_large_loses_no_other_note(tmp_path, room):
    path = tmp_path / "notes.jsonl"
    heard, _ = run("outgrow_a_limit", path, room)
    begun, torn = told_by(path)
    assert set(heard) == begun and torn <= 1
    notes = opened(path)
    notes.add("goes on")
    assert len(told_by(path)[0]) == 2 and told_by(path)[1] == torn
