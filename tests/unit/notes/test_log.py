"""The file: read on from where reading stopped, begun again where it is another one, added to in whole lines or not at all."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from llmwidgets.notes import log as module
from llmwidgets.notes.event import make_event
from llmwidgets.notes.log import Log


def lines(*clocks):
    return [make_event("n", clock, {"text": f"t{clock}", "place": {}}, id=f"e{clock}", at="").canonical for clock in clocks]


def ids(reading):
    return [event.id for event in reading.events]


@pytest.fixture
def log(tmp_path):
    return Log(str(tmp_path / "notes.jsonl"))


@pytest.fixture
def other(log):
    """Another kernel's."""
    return Log(log.path)


def raw(log):
    with open(log.path, "rb") as stream:
        return stream.read()


def overwrite(log, data):
    with open(log.path, "wb") as stream:
        stream.write(data)
    # Whoever writes a file by hand takes longer than a tick of the file system's clock.
    os.utime(log.path, ns=(0, os.stat(log.path).st_mtime_ns + 1_000_000))


def test_what_is_not_there_yet_is_empty(log):
    assert ids(log.read()) == [] and not log.changed()


def test_lines_are_on_the_disk_when_append_returns_and_are_not_read_again(log, other):
    log.append(lines(1, 2))
    assert raw(log).decode().splitlines() == lines(1, 2)
    assert ids(log.read()) == [] and not log.changed()
    assert ids(other.read()) == ["e1", "e2"]
    other.append(lines(3))
    assert log.changed()
    assert ids(log.read()) == ["e3"] and not log.changed()


def test_numbers_of_lines_go_on(log, other):
    other.append([*lines(1), "hello", *lines(2)])
    log.read()
    other.append(["foreign"])
    assert [(one.line, one.why) for one in log.read().aside] == [(4, "no JSON")]


@pytest.mark.parametrize("kept", [0, 1, 17, -1])
def test_after_a_torn_line_one_goes_on_on_a_new_line(log, other, kept):
    torn = lines(2)[0][:kept] if kept else ""
    overwrite(log, (lines(1)[0] + "\n" + torn).encode())
    log.read()
    other.append(lines(3))
    assert raw(log) == (lines(1)[0] + "\n" + torn + ("\n" if torn else "") + lines(3)[0] + "\n").encode()
    reading = log.read()
    assert ids(reading) == ["e3"] and [one.line for one in reading.aside] == ([2] if torn else [])


def test_a_whole_last_line_without_newline_is_kept_whole(log):
    overwrite(log, lines(1)[0].encode())
    assert ids(log.read()) == ["e1"]
    log.append(lines(2))
    assert raw(log).decode().splitlines() == lines(1, 2)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda log: overwrite(log, "\n".join(lines(7, 8, 9, 10, 11, 12, 13)).encode() + b"\n"), id="longer, other content"),
        pytest.param(lambda log: overwrite(log, (lines(7)[0] + "\n").encode()), id="shorter"),
        pytest.param(lambda log: overwrite(log, raw(log).replace(b"e1", b"e7")), id="of the same length"),
        pytest.param(
            lambda log: (os.replace(log.path, log.path + ".old"), overwrite(log, "\n".join(lines(7, 8, 9)).encode() + b"\n")),
            id="another file",
        ),
    ],
)
def test_a_file_that_is_another_one_is_read_from_the_beginning(log, change):
    overwrite(log, "\n".join(lines(1, 2, 3)).encode() + b"\n")
    log.read()
    change(log)
    assert log.changed()
    reading = log.read()
    assert reading.anew and "e7" in ids(reading) and len(ids(reading)) == raw(log).count(b"\n")
    assert not log.read().anew


def test_a_file_that_is_gone_is_empty_and_told_of_once(log):
    log.append(lines(1))
    os.remove(log.path)
    assert log.changed()
    assert log.read().anew and not log.read().anew and not log.changed()
    log.append(lines(2))
    assert raw(log).decode().splitlines() == lines(2)


def fail_after(monkeypatch, allowed, error=errno.ENOSPC):
    """A disk with room for so many bytes: it writes a part, as disks do, then says that it is full."""
    true, left = os.write, [allowed]

    def write(fd, data):
        if left[0] <= 0:
            raise OSError(error, os.strerror(error))
        done = true(fd, bytes(data)[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr(module.os, "write", write)


@pytest.mark.parametrize("room", [0, 1, 40, 80])
def test_what_could_not_be_written_whole_is_cut_off_again(log, monkeypatch, room):
    log.append(lines(1))
    with monkeypatch.context() as patch:
        fail_after(patch, room)
        with pytest.raises(OSError):
            log.append(lines(2))
    assert raw(log).decode().splitlines() == lines(1)
    log.append(lines(2))
    assert raw(log).decode().splitlines() == lines(1, 2)


@pytest.mark.parametrize("room", [1, 40, 80])
def test_where_it_cannot_be_cut_off_the_next_line_is_a_new_one(log, monkeypatch, room):
    log.append(lines(1))
    with monkeypatch.context() as patch:
        fail_after(patch, room, errno.EIO)
        patch.setattr(module.os, "ftruncate", lambda fd, size: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
        with pytest.raises(OSError):
            log.append(lines(2))
    log.append(lines(3))
    assert raw(log).decode().splitlines() == [lines(1)[0], lines(2)[0][:room], lines(3)[0]]
    assert ids(Log(log.path).read()) == ["e1", "e3"]


def test_short_writes_are_gone_on_with(log, monkeypatch):
    true = os.write
    monkeypatch.setattr(module.os, "write", lambda fd, data: true(fd, bytes(data)[:7]))
    log.append(lines(1, 2))
    assert raw(log).decode().splitlines() == lines(1, 2)


def test_what_the_disk_did_not_take_counts_as_not_written(log, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
        with pytest.raises(OSError):
            log.append(lines(1))
    assert raw(log) == b""


def test_a_file_system_without_fsync_is_written_all_the_same(log, monkeypatch):
    monkeypatch.setattr(module.os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(errno.EINVAL, "no")))
    log.append(lines(1))
    assert ids(Log(log.path).read()) == ["e1"]


def test_an_interrupt_in_mid_write_leaves_no_half_line(log, monkeypatch):
    true = os.write

    def write(fd, data):
        true(fd, bytes(data)[:10])
        raise KeyboardInterrupt

    log.append(lines(1))
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", write)
        with pytest.raises(KeyboardInterrupt):
            log.append(lines(2))
    assert raw(log).decode().splitlines() == lines(1)


def test_what_somebody_without_the_lock_wrote_behind_is_never_cut(log, monkeypatch):
    true = os.write

    def write(fd, data):
        true(fd, bytes(data)[:10])
        true(fd, b"theirs\n")
        raise OSError(errno.ENOSPC, "no")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", write)
        with pytest.raises(OSError):
            log.append(lines(1))
    assert raw(log) == lines(1)[0][:10].encode() + b"theirs\n"


def test_a_lock_that_another_holds_is_waited_for_in_vain_without_harm(log, other):
    with log.turn(1), pytest.raises(TimeoutError), other.turn(0.01):
        pass
    with other.turn(1):
        pass
    assert os.path.basename(log.lock_path) == ".notes.jsonl.lock"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_of_that_name_is_refused_at_once(log):
    os.mkfifo(log.path)
    with pytest.raises(OSError, match="not a regular file"):
        log.read()
