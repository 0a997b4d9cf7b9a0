"""A lock that is given in the order in which it was asked for, so that a long series of short holds lets others in between.

Always true: one thread holds it at a time, and may take it again within; who waits gets it after those who asked before, however soon the
present holder asks again (Python's own locks may go back to that one, many times over).
"""

from __future__ import annotations

from collections import deque
from threading import Lock, get_ident


class Turns:
    """Use as `with turns:`.

    >>> turns = Turns()
    >>> with turns, turns:
    ...     print("within")
    within
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._waiting: deque[tuple[int, Lock]] = deque()  # thread, its gate: locked until it is this thread's turn
        self._holder: int | None = None
        self._depth = 0

    def __enter__(self) -> Turns:
        me = get_ident()
        with self._guard:
            if self._holder in (None, me):
                self._holder, self._depth = me, self._depth + 1
                return self
            gate = Lock()
            gate.acquire()
            self._waiting.append((me, gate))
        try:
            gate.acquire()
        except BaseException:  # an interrupt: the turn, come or not, goes to the next
            self._leave_row(me, gate)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        with self._guard:
            self._depth -= 1
            if not self._depth:
                self._pass_on()

    def _pass_on(self) -> None:
        if not self._waiting:
            self._holder = None
            return
        self._holder, gate = self._waiting.popleft()
        self._depth = 1
        gate.release()

    def _leave_row(self, me: int, gate: Lock) -> None:
        with self._guard:
            if (me, gate) in self._waiting:
                self._waiting.remove((me, gate))
            elif self._holder == me:
                self._depth = 0
                self._pass_on()
