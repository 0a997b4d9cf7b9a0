"""Kernels, a bad disk, torn lines and branches of git, all at random: in the end every kernel and the file say the same."""

from __future__ import annotations

import errno
import os
import random
import warnings

import pytest

from llmwidgets.notes import Notes, opening
from llmwidgets.notes import log as log_module
from llmwidgets.notes.trouble import NotesFileWarning


@pytest.fixture
def disk(monkeypatch):
    """A disk whose `room` (bytes until it is full; None: no end) a test may change."""
    true = os.write

    class Disk:
        room: int | None = None

    def write(fd, data):
        if Disk.room is None:
            return true(fd, data)
        if Disk.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = true(fd, bytes(data)[: Disk.room])
        Disk.room -= done
        return done

    monkeypatch.setattr(log_module.os, "write", write)
    monkeypatch.setattr(log_module.os, "fsync", lambda fd: None)
    return Disk


def change(notes, chance, number):
    seen = list(notes)
    kind = chance.choice(["add", "add", "edit", "edit", "remove", "undo", "resolve", "attach", "reply", "refresh"])
    if kind == "add" or not seen:
        notes.add(f"note {number}", tags=[str(number)])
    elif kind == "undo":
        notes.undo()
    elif kind == "refresh":
        notes.refresh()
    else:
        note = chance.choice(seen)
        try:
            {
                "reply": lambda: notes.add(f"reply {number}", reply_to=note),
                "edit": lambda: notes.edit(note, text=f"edit {number}", evidence=chance.choice(["observed", "intervened"])),
                "remove": lambda: notes.remove(note),
                "resolve": lambda: notes.resolve(note, chance.random() < 0.5),
                "attach": lambda: notes.attach(note, chance.choice("pq"), {"query": (number, number + 1)}),
            }[kind]()
        except KeyError:  # deleted by another kernel meanwhile
            assert note.id not in notes


@pytest.mark.parametrize("seed", range(25))
def test_all_end_with_the_same_notes(tmp_path, another_kernel, disk, seed):
    chance = random.Random(seed)
    path = tmp_path / "notes.jsonl"
    kernels = [another_kernel(path, author=str(number)) for number in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotesFileWarning)
        branch = None
        for number in range(120):
            disk.room = chance.choice([None, None, None, 0, 5, 300])
            what = chance.random()
            if what < 0.05:
                with open(path, "ab") as stream:  # somebody else was killed
                    stream.write(chance.choice([b'{"v":1,"id":"', b"\x00\x00", b"hello\n", b'{"v":2}\n']))
            elif what < 0.08 and path.exists():
                branch = path.read_bytes() if branch is None else branch
            elif what < 0.11 and branch is not None:
                mine, kept = path.read_bytes(), branch  # git merges a branch of before with what is there now
                path.unlink()
                path.write_bytes(kept + (b"" if kept.endswith(b"\n") else b"\n") + mine)
                branch = None
            else:
                change(chance.choice(kernels), chance, number)
        disk.room = None
        for kernel in kernels * 2:
            kernel.refresh()
    assert all(kernel.state == "saved" for kernel in kernels)
    opening._OPEN.pop(os.path.realpath(path), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotesFileWarning)
        fresh = Notes(path)
    assert len(fresh) > 0 and path.read_bytes().count(b"\n") > 50
    for kernel in kernels:
        assert list(kernel) == list(fresh)
