"""Encoded blocks that were asked for before, kept by bytes: the least recently used goes first.

Always true: what it holds never takes more than its limit; safe on any thread; a key names the numbers completely, so that an
entry is never wrong, only gone.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

Encoded = tuple[dict[str, Any], bytes]
_TEXT_BYTES = 80  # of a header's word, roughly, as Python keeps it


class BlockCache:
    """Headers and buffers by request.

    >>> cache = BlockCache(limit=1000)
    >>> cache.put("a", ({"texts": None}, bytes(600))); cache.put("b", ({"texts": None}, bytes(300)))
    >>> cache.get("a") is None, cache.get("b") is None
    (True, False)
    """

    def __init__(self, limit: int = 32 * 1024 * 1024) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Encoded] = OrderedDict()
        self._making: dict[str, list[Any]] = {}  # key: [lock, how many hold or want it]
        self.nbytes = 0

    def get_or_make(self, key: str, make: Callable[[], Encoded]) -> Encoded:
        """The block; made by the first who asks, while others who ask for the same wait. What `make` raises is not kept."""
        known = self.get(key)
        if known is not None:
            return known
        with self._lock:
            turn = self._making.setdefault(key, [threading.Lock(), 0])
            turn[1] += 1
        try:
            with turn[0]:
                known = self.get(key)
                if known is None:
                    known = make()
                    self.put(key, known)
                return known
        finally:
            with self._lock:
                turn[1] -= 1
                if turn[1] == 0:
                    del self._making[key]

    def get(self, key: str) -> Encoded | None:
        """The block, now the most recently used, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key]

    def put(self, key: str, block: Encoded) -> None:
        """Keep the block unless it is larger than all the room there is."""
        if _weight(block) > self._limit:
            return
        with self._lock:
            old = self._entries.pop(key, None)
            self.nbytes += _weight(block) - (_weight(old) if old else 0)
            self._entries[key] = block
            while self.nbytes > self._limit:
                _, gone = self._entries.popitem(last=False)
                self.nbytes -= _weight(gone)


def key_of(request: dict[str, Any]) -> str:
    """One text for all ways of writing a request."""
    return json.dumps(request, sort_keys=True, separators=(",", ":"))


def _weight(block: Encoded) -> int:
    header, data = block
    return len(data) + 200 + _TEXT_BYTES * len(header.get("texts") or ())
