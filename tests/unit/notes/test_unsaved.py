"""When the disk does not take a note it stays in memory, says so, and is written when it can be."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import warnings

import pytest

from llmwidgets.notes import Notes, opening
from llmwidgets.notes import log as log_module
from llmwidgets.notes import store as store_module
from llmwidgets.notes.event import make_event
from llmwidgets.notes.log import Log
from llmwidgets.notes.trouble import NotesFileWarning


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "findings.jsonl"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(store_module, "PATIENCE", 0.05)
    monkeypatch.setattr(store_module, "IMPATIENCE", 0.01)


def full(patch):
    def write(fd, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr(log_module.os, "write", write)


def may_not(patch):
    """As in a folder where one may only read. (Root may write everywhere, so the system is not asked.)"""
    true = os.open

    def open_(path, flags, *more, **named):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return true(path, flags, *more, **named)

    patch.setattr(os, "open", open_)


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.mark.parametrize(("trouble", "says"), [(full, "no room"), (may_not, "may not be written")])
def test_what_the_disk_does_not_take_stays_in_memory_and_is_written_in_order_later(path, monkeypatch, trouble, says):
    notes = Notes(path, author="ana")
    notes.add("before")
    with monkeypatch.context() as patch:
        trouble(patch)
        with pytest.warns(NotesFileWarning, match=says) as warned:
            one = notes.add("one")
            notes.edit(one, text="two")
            three = notes.add("three")
            notes.remove(three)
            notes.undo()
            notes.refresh()
        assert len(warned) == 1, "it is said once"
        assert [note.text for note in notes] == ["before", "two", "three"] and notes.state == "unsaved"
        assert says in notes.problem and "5 changes of notes are kept in memory" in notes.problem and "written as soon as" in notes.hint
        assert [note.text for note in Notes(path)] == ["before", "two", "three"]
        assert len(lines_of(path)) == 1
    notes.add("four")
    assert (notes.state, notes.problem, notes.hint) == ("saved", None, None)
    assert len(lines_of(path)) == 7
    clocks = [event.clock for event in Log(str(path)).read().events]
    assert clocks == sorted(clocks)


def test_refresh_writes_what_waits_and_observers_hear_of_both(path, monkeypatch):
    notes = Notes(path)
    heard = []
    notes.observe(lambda which: heard.append((which.state, len(which))))
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotesFileWarning)
        full(patch)
        notes.add("one")
    notes.refresh()
    assert heard == [("unsaved", 1), ("saved", 1)] and len(lines_of(path)) == 1
    notes.close()


def test_a_folder_that_vanished_and_came_back(path):
    notes = Notes(path)
    notes.add("one")
    shutil.rmtree(path.parent)
    with pytest.warns(NotesFileWarning, match="folder .* is not there"):
        notes.add("two")
    assert len(notes) == 2 and notes.state == "unsaved" and "Make the folder" in notes.hint
    path.parent.mkdir()
    notes.refresh()
    assert notes.state == "saved"
    assert [note.text for note in notes] == ["one", "two"] and len(lines_of(path)) == 1
    notes.save(path)
    assert len(lines_of(path)) == 2


@pytest.mark.parametrize("told", [True, False], ids=["the system tells its name", "PWD does"])
def test_without_a_working_folder_notes_wait_in_memory_until_it_is_there_again(path, monkeypatch, told):
    monkeypatch.chdir(path.parent)
    path.parent.rmdir()
    if not told:
        monkeypatch.setattr(os, "readlink", lambda *_: (_ for _ in ()).throw(FileNotFoundError("/proc/self/cwd")))
        monkeypatch.setenv("PWD", str(path.parent))
    notes = Notes("findings.jsonl")
    assert notes.path == path and len(notes) == 0
    with pytest.warns(NotesFileWarning, match="not saved"):
        notes.add("one")
    assert notes.state == "unsaved" and notes.hint and [note.text for note in notes] == ["one"] and "not saved" in repr(notes)
    path.parent.mkdir()
    notes.refresh()
    assert notes.state == "saved" and len(lines_of(path)) == 1


def test_a_folder_with_the_name_of_the_file_that_nobody_named_is_told_of_and_raises_nothing(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    (path.parent / "llmwidgets-notes.jsonl").mkdir()
    notes = Notes()
    assert len(notes) == 0 and "llmwidgets-notes.jsonl cannot be read or written" in notes.problem
    with pytest.warns(NotesFileWarning, match="not saved"):
        notes.add("one")
    assert notes.state == "unsaved"
    (path.parent / "llmwidgets-notes.jsonl").rmdir()
    notes.refresh()
    assert notes.state == "saved"


def test_what_another_thread_is_just_writing_is_not_called_unsaved(path, monkeypatch):
    notes = Notes(path)
    notes.add("one")
    true, seen = Log.append, []

    def append(self, lines):
        other = threading.Thread(target=lambda: (seen.append((notes.state, notes.problem)), notes._store._tell()))
        other.start()
        other.join()
        true(self, lines)

    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(Log, "append", append)
        notes.add("two")
    assert seen == [("saved", None)] and notes.state == "saved"


def test_a_lock_that_cannot_be_had(path):
    notes = Notes(path)
    with Log(str(path)).turn(1):
        with pytest.warns(NotesFileWarning, match="another program holds the lock of findings.jsonl"):
            notes.add("one")
        Log(str(path)).append([make_event("n", 1, {"text": "theirs", "place": {}}).canonical])
        notes.add("two")
        assert {note.text for note in notes} == {"one", "two", "theirs"}, "what others write is still read"
        assert notes.state == "unsaved"
    notes.refresh()
    assert notes.state == "saved" and len(lines_of(path)) == 3


def test_a_disk_that_took_a_part_and_could_not_give_it_back(path, monkeypatch):
    notes = Notes(path)
    true = os.write
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotesFileWarning)

        def write(fd, data):
            true(fd, bytes(data)[:20])
            raise OSError(errno.EIO, "no")

        patch.setattr(log_module.os, "write", write)
        patch.setattr(log_module.os, "ftruncate", lambda fd, size: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
        notes.add("one")
    with pytest.warns(NotesFileWarning, match="torn|no JSON"):
        notes.add("two")
    assert notes.state == "saved" and [note.text for note in Notes(path)] == ["one", "two"]
    assert len(lines_of(path)) == 3


def test_what_was_written_though_the_disk_said_no_is_not_waited_for(path, monkeypatch):
    notes = Notes(path)
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotesFileWarning)
        patch.setattr(log_module.os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
        patch.setattr(log_module.os, "ftruncate", lambda fd, size: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
        notes.add("one")
        assert notes.state == "unsaved"
    notes.refresh()
    assert notes.state == "saved" and len(lines_of(path)) == 1


def test_a_file_that_cannot_be_read_is_told_of_and_nothing_raises(path, monkeypatch):
    Notes(path).add("one")
    true = os.open

    def open_(name, *more, **named):
        if str(name) == str(path):
            raise OSError(errno.EIO, "no", name)
        return true(name, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_)
        import gc

        gc.collect()
        notes = Notes(path)
        assert len(notes) == 0 and "cannot be read" in notes.problem and notes.state == "saved"
    notes.refresh()
    assert len(notes) == 1 and notes.problem is None


def test_who_made_warnings_errors_still_has_the_note(path, monkeypatch):
    notes = Notes(path)
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error", NotesFileWarning)
        full(patch)
        assert notes.add("one").text == "one"
    notes.refresh()
    assert len(lines_of(path)) == 1


def test_an_interrupt_while_writing_loses_nothing(path, monkeypatch):
    notes = Notes(path)
    with monkeypatch.context() as patch:
        patch.setattr(log_module.os, "fsync", lambda fd: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt), pytest.warns(NotesFileWarning, match="interrupted"):
            notes.add("one")
    assert notes.state == "unsaved" and "interrupted" in notes.problem
    notes.refresh()
    assert notes.state == "saved" and [note.text for note in Notes(path)] == ["one"] and len(lines_of(path)) == 1


def test_a_handle_that_is_closed_or_used_by_the_garbage_collector_in_mid_write_waits_for_nobody(path, monkeypatch):
    notes, true = Notes(path), os.fsync

    def fsync(fd):
        if len(notes) == 1:  # as a finalizer may, at any moment and in any thread
            Notes(path).add("from within")
            Notes(path).close()
        true(fd)

    monkeypatch.setattr(log_module.os, "fsync", fsync)
    notes.add("one")
    notes.refresh()
    assert notes.state == "saved" and {note.text for note in notes} == {"one", "from within"} and len(lines_of(path)) == 2


def test_what_waits_outlives_its_handles(path, monkeypatch):
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotesFileWarning)
        full(patch)
        Notes(path).add("one")
    assert not lines_of(path)
    opening._last_try()
    assert len(lines_of(path)) == 1
