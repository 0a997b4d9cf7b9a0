"""The file of notes: JSON lines that are only ever added to.

Always true: who writes holds the lock file beside it; whole lines are written in one piece, at the end, and are on the disk when `append`
returns; a file whose last line is torn is gone on with on a new line; what could not be written whole is cut off again where that can be
done. Reading needs no lock, goes on where it stopped, and begins again where the file is another than before. What is read stays in
merge.py; when to read and write is store.py's.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from .lines import Lines, read_lines

_TAIL = 1024  # bytes before the place where reading stopped, to know the file again
_BETWEEN_TRIES = 0.005  # seconds
_NO_FSYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)  # a file system that does not have it


@dataclass
class Reading(Lines):
    """What was read. anew: from the beginning, since the file is another one than before (or is gone)."""

    anew: bool = False


class Log:
    """One file, and how far it has been read."""

    def __init__(self, path: str) -> None:
        self.path = path
        folder, name = os.path.split(path)
        self.lock_path = os.path.join(folder, f".{name}.lock")
        self.forget()

    def forget(self) -> None:
        """Read from the beginning the next time."""
        self._offset = self._lines = 0
        self._tail = b""
        self._seen: tuple[int, int, int, int] | None = None
        self._torn: Lines | None = None

    @contextmanager
    def turn(self, patience: float) -> Iterator[None]:
        """Hold the lock file; OSError (a TimeoutError after `patience` seconds) where it cannot be had."""
        from filelock import FileLock

        folder = os.path.dirname(self.lock_path)
        if not os.path.isdir(folder):  # filelock would make it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        lock = FileLock(self.lock_path)
        try:
            lock.acquire(timeout=patience, poll_interval=_BETWEEN_TRIES)
        except RuntimeError as error:  # among them: this file system has no locks
            raise OSError(errno.ENOLCK, str(error), self.lock_path) from error
        try:
            yield
        finally:
            with suppress(OSError):
                lock.release()

    def changed(self) -> bool:
        """Whether the file looks different from when it was last read or written here."""
        try:
            return _look(os.stat(self.path)) != self._seen
        except OSError:
            return self._seen is not None

    def read(self) -> Reading:
        """What was added since the last reading, or all there is where the file is another one."""
        try:
            stream = _open_to_read(self.path)
        except FileNotFoundError:
            anew = self._seen is not None
            self.forget()
            return Reading(anew=anew)
        with stream:
            status = os.fstat(stream.fileno())
            anew = self._seen is None or not self._same(stream, status)
            if anew:
                self.forget()
            stream.seek(self._offset)
            found = read_lines(stream, self._lines)
            self._offset += found.read
            self._lines += found.count
            self._remember(stream, status)
        return Reading(**vars(found), anew=anew)

    def append(self, lines: Sequence[str]) -> None:
        """Add lines and bring them to the disk; OSError where that fails. Only within `turn`."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        fresh = not os.path.exists(self.path)
        fd = os.open(self.path, flags, 0o666)
        try:
            _must_be_a_file(fd, self.path)
            before = os.fstat(fd).st_size
            data = "".join(line + "\n" for line in lines).encode("utf-8", errors="replace")
            _add(fd, _mending(fd, before) + data, before)
            if self._offset == before and (self._seen is None or self._seen[2] <= before):
                self._step(fd, before, data, len(lines))
        finally:
            with suppress(OSError):
                os.close(fd)
        if fresh:
            _keep_name(self.path)

    def _same(self, stream: BinaryIO, status: os.stat_result) -> bool:
        """Whether this is the file that was read, with nothing done to it but lines added."""
        assert self._seen is not None
        now = _look(status)
        if now[:2] != self._seen[:2] or now[2] < self._offset or (now[2] == self._seen[2] and now[3] != self._seen[3]):
            return False
        stream.seek(self._offset - len(self._tail))
        return stream.read(len(self._tail)) == self._tail

    def _remember(self, stream: BinaryIO, status: os.stat_result) -> None:
        start = max(0, self._offset - _TAIL)
        stream.seek(start)
        self._tail = stream.read(self._offset - start)
        self._seen = _look(status)

    def _step(self, fd: int, before: int, data: bytes, count: int) -> None:
        """What was just written here need not be read, unless something else was added at the same time."""
        status = os.fstat(fd)
        if status.st_size == before + len(data):
            self._offset, self._lines = status.st_size, self._lines + count
            self._tail = (self._tail + data)[-_TAIL:]
            self._seen = _look(status)


def _look(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _open_to_read(path: str) -> BinaryIO:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(path, flags)  # NONBLOCK: a pipe of this name would make us wait for ever
    try:
        _must_be_a_file(fd, path)
        return os.fdopen(fd, "rb")
    except BaseException:
        os.close(fd)
        raise


def _must_be_a_file(fd: int, path: str) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)


def _mending(fd: int, size: int) -> bytes:
    """The newline that a torn last line lacks."""
    if size == 0:
        return b""
    os.lseek(fd, size - 1, os.SEEK_SET)
    return b"" if os.read(fd, 1) == b"\n" else b"\n"


def _add(fd: int, data: bytes, before: int) -> None:
    written = 0
    try:
        while written < len(data):
            step = os.write(fd, memoryview(data)[written:])
            if step == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written += step
        _to_disk(fd)
    except BaseException:
        with suppress(OSError):
            _cut_back(fd, data, before)
        raise


def _cut_back(fd: int, data: bytes, before: int) -> None:
    """Take off what was written of `data`, unless somebody who does not keep to the lock has written behind it."""
    os.lseek(fd, before, os.SEEK_SET)
    behind = b""
    while piece := os.read(fd, len(data) + 1 - len(behind)):
        behind += piece
    if behind and data.startswith(behind):
        os.ftruncate(fd, before)


def _to_disk(fd: int) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise


def _keep_name(path: str) -> None:
    """Bring the name of a new file to the disk, where folders can be synced."""
    with suppress(OSError):
        fd = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
