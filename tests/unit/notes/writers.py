"""Processes that write notes, to be killed or to write at once. Run by the tests, as a program: `python writers.py <what> <path> ...`.

Always true: what is confirmed on the standard output was returned by `Notes.add` before. No torch is imported, so that a start is quick.
"""

from __future__ import annotations

import os
import random
import signal
import sys

from llmwidgets.notes import Notes
from llmwidgets.notes import log as log_module

PICTURE = "iVBORw0KGgo" + "A" * 100_000
WRITE = os.write


def confirm(id: str) -> None:
    WRITE(1, id.encode() + b"\n")


def write_slowly(fd: int, data: bytes) -> int:
    """As a disk may that takes little at a time; each piece is told of, so that kills fall between them, too."""
    WRITE(1, b"~\n")
    return WRITE(fd, bytes(data[:50]))


def write_for_ever(path: str, seed: int) -> None:
    """Notes of all sizes, some with edits, until it is killed; of two writers one has a slow disk."""
    chance = random.Random(seed)
    log_module.os.write = write_slowly if seed % 2 else WRITE
    notes = Notes(path, author=str(seed))
    number = 0
    while True:
        number += 1
        picture = PICTURE if chance.random() < 0.1 else ""
        note = notes.add(f"writer {seed} note {number} " + "x" * chance.choice([0, 0, 0, 300, 15_000]), picture=picture)
        confirm(note.id)
        if chance.random() < 0.3:
            notes.edit(note, tags=[str(number)])


def write_some(path: str, count: int) -> None:
    """A number of notes, one after the other, from the moment a line comes in."""
    notes = Notes(path, author=str(os.getpid()))
    confirm("ready")
    sys.stdin.readline()
    for number in range(count):
        confirm(notes.add(f"note {number} of {os.getpid()}").id)


def die_in_mid_write(path: str, share: float) -> None:
    """One confirmed note, then one of which a share of the line is written before the process is gone."""
    notes = Notes(path)
    confirm(notes.add("whole").id)

    def write(fd: int, data: bytes) -> int:
        WRITE(fd, bytes(data)[: max(1, int(len(data) * share))])
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    log_module.os.write = write
    notes.add("torn")


def outgrow_a_limit(path: str, room: int) -> None:
    """The operating system itself lets the file grow by so many bytes and kills who goes on: a real torn line."""
    import resource

    notes = Notes(path)
    confirm(notes.add("whole").id)
    limit = os.path.getsize(path) + room
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    notes.add("torn " + "x" * 5000)


def fork_and_kill(path: str, kills: int, seed: int) -> None:
    """Fork writers one after the other and kill each at a moment of its own; confirms what they confirmed, and a dot for each kill."""
    chance = random.Random(seed)
    for number in range(kills):
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            os.dup2(write_end, 1)
            write_for_ever(path, seed * 100_000 + number)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            heard = b"".join(pipe.readline() for _ in range(chance.randrange(20 if number % 2 else 4)))
            for _ in range(int(20_000 * chance.random())):  # some way into the next note
                pass
            os.kill(child, signal.SIGKILL)
            heard += pipe.read()
        os.waitpid(child, 0)
        WRITE(1, heard.replace(b"~\n", b"") + b".\n")


if __name__ == "__main__":
    what, path, *numbers = sys.argv[1:]
    globals()[what](path, *(float(number) if "." in number else int(number) for number in numbers))
