"""Where a capture's tensors live: in memory, or past a budget in memory-mapped files.

A Store only keeps; it never computes. The disk store's folder is temporary and goes away with the store.
What a capture will weigh is foretold from the size of the model, before anything starts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from llmwidgets.models.errors import CaptureTooLargeError


class Store(Protocol):
    """Takes a tensor in, gives back one of the same values that may be held for as long as the store."""

    @property
    def nbytes(self) -> int: ...

    def keep(self, tensor: Tensor) -> Tensor: ...


class MemoryStore:
    """Keeps the tensors themselves. Views of one buffer count once."""

    def __init__(self) -> None:
        self._bytes_of: dict[int, int] = {}

    @property
    def nbytes(self) -> int:
        return sum(self._bytes_of.values())

    def keep(self, tensor: Tensor) -> Tensor:
        tensor = tensor.detach()
        storage = tensor.untyped_storage()
        self._bytes_of[storage.data_ptr()] = storage.nbytes()
        return tensor


class DiskStore:
    """Writes each tensor to a memory-mapped file, so that the system may drop it from memory."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="llmwidgets-"))
        self._bytes = 0
        self._files = 0
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    @property
    def nbytes(self) -> int:
        return self._bytes

    def keep(self, tensor: Tensor) -> Tensor:
        tensor = tensor.detach()
        if tensor.numel() == 0:
            return tensor
        path = self.folder / str(self._files)
        self._files += 1
        self._bytes += tensor.numel() * tensor.element_size()
        mapped = torch.from_file(str(path), shared=True, size=tensor.numel(), dtype=tensor.dtype)
        return mapped.view(tensor.shape).copy_(tensor)


def choose_store(expected_bytes: int, max_bytes: int | None) -> Store:
    """Return the store for a capture of about `expected_bytes`.

    `max_bytes` is the memory it may take; None stands for half of what is free now. Raises
    `CaptureTooLargeError` (a MemoryError) when neither memory nor the temporary folder's disk will do.
    """
    if max_bytes is not None and (isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 0):
        raise ValueError(f"max_bytes={max_bytes!r}; expected a number of bytes such as 2_000_000_000, or None for half of what is free")
    budget = _free_memory() // 2 if max_bytes is None else max_bytes
    if expected_bytes <= budget:
        return MemoryStore()
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if expected_bytes > free * 0.9:
        raise CaptureTooLargeError(
            f"the capture would weigh about {in_words(expected_bytes)}; the memory budget is {in_words(budget)} and "
            f"the temporary folder has {in_words(free)} free. Shorten the prompt, raise max_bytes=, or point TMPDIR "
            "to a larger disk"
        )
    return DiskStore()


def in_words(n_bytes: float) -> str:
    """A size for people, in decimal units.

    >>> in_words(412_000)
    '0.4 MB'
    """
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _free_memory() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return 4_000_000_000
