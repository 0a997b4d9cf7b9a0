"""The request server of a view: takes the page's messages, answers every request once.

Always true, whatever a method does: a request with a whole-number id is answered exactly once, with a result or an error; one that
was cancelled is answered `Cancelled`; taking a message is quick and safe on any thread, for messages arrive on the main thread or on a
kernel's subshell. Answers are worked out by `workers` and gathered while more of them are waiting, since each message costs
the page some 40 ms however small it is. What the methods are is answers.py's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .failures import Failure, told
from .outbox import Reply, pack
from .workers import Workers

log = logging.getLogger("llmwidgets")

TRANSPORTS = ("binary", "base64")
_LONGEST_HELD = 0.01  # seconds that a reply may wait for others
_MOST_HELD = 1_000_000  # bytes


@dataclass(frozen=True)
class Answer:
    """What a method gives back: JSON, and bytes beside it."""

    result: dict[str, Any]
    data: bytes | None = None


Method = Callable[[Any, Callable[[], bool]], Answer]
"""(params, cancelled) -> Answer. A long one looks at cancelled() now and then and may raise anything once it is true."""


class _Ticket:
    """A request on its way."""

    def __init__(self, id: int, method: Any, params: Any, transport: str) -> None:
        self.id, self.method, self.params, self.transport = id, method, params, transport
        self.cancelled = False


class RequestServer:
    """Answers requests by `methods`; `send(content, buffers)` takes each message to the page.

    quick: names of methods that only set something going, answered on the thread that takes the message: a stop must not wait
        behind the very blocks that keep the workers busy
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        send: Callable[[dict[str, Any], list[bytes]], None],
        workers: Workers,
        quick: Collection[str] = (),
    ) -> None:
        self._methods = dict(methods)
        self._quick = frozenset(quick)
        self._send = send
        self._workers = workers
        self._lock = threading.Lock()
        self._pending: dict[int, _Ticket] = {}
        self._unstarted = 0
        self._held: list[Reply] = []
        self._open = True

    def receive(self, content: Any) -> None:
        """Take one message of the page. What cannot be answered, for want of an id, is logged."""
        if not isinstance(content, Mapping) or content.get("v") != 1:
            log.warning("a message of an unknown form came from the page: %.200r", content)
            return
        if content.get("kind") == "cancel":
            self._cancel(content.get("ids"))
        elif content.get("kind") == "requests":
            self._take(content)
        else:
            log.warning("a message of an unknown kind came from the page: %.200r", content.get("kind"))

    def close(self) -> None:
        """Answer nothing more."""
        with self._lock:
            self._open = False
            self._held.clear()
            for ticket in self._pending.values():
                ticket.cancelled = True
            self._pending.clear()
        self._workers.close()

    def _cancel(self, ids: Any) -> None:
        if not isinstance(ids, list):
            log.warning("a cancel message without a list of ids came: %.200r", ids)
            return
        with self._lock:
            for id in ids:
                if isinstance(id, int) and id in self._pending:
                    self._pending[id].cancelled = True

    def _take(self, content: Mapping[str, Any]) -> None:
        items = content.get("items")
        transport = content.get("transport", "binary")
        if not isinstance(items, list):
            log.warning("a requests message without a list of items came: %.200r", items)
            return
        tickets = []
        with self._lock:
            if not self._open:
                return
            for item in items:
                id = item.get("id") if isinstance(item, Mapping) else None
                if not isinstance(id, int) or isinstance(id, bool):
                    log.warning("a request without a whole-number id came: %.200r", item)
                    continue
                if id in self._pending:  # asked again while it is worked out: one answer serves both
                    continue
                ticket = _Ticket(id, item.get("method"), item.get("params"), transport)
                self._pending[id] = ticket
                tickets.append(ticket)
            self._unstarted += len(tickets)
        for ticket in tickets:
            if isinstance(ticket.method, str) and ticket.method in self._quick:
                self._answer(ticket)
            else:
                self._workers.submit(partial(self._answer, ticket))

    def _answer(self, ticket: _Ticket) -> None:
        with self._lock:
            self._unstarted -= 1
        reply = self._worked_out(ticket)
        with self._lock:
            if not self._open:
                return
            del self._pending[ticket.id]
            self._held.append(reply)
            due, first_held = self._due(), len(self._held) == 1
        self._post(due)
        if first_held:  # it may wait for others, but not behind a slow one
            self._workers.later(_LONGEST_HELD, self._flush)

    def _flush(self) -> None:
        with self._lock:
            due, self._held = self._held, []
        self._post(due)

    def _worked_out(self, ticket: _Ticket) -> Reply:
        try:
            if ticket.transport not in TRANSPORTS:
                raise Failure("BadRequest", f"transport {ticket.transport!r} is unknown", f"expected one of {', '.join(TRANSPORTS)}")
            method = self._methods.get(ticket.method) if isinstance(ticket.method, str) else None
            if method is None:
                raise Failure("UnknownMethod", f"there is no method {ticket.method!r}", f"there are {', '.join(self._methods)}")
            _stop_if(ticket)
            answer = method(ticket.params, lambda: ticket.cancelled)
            _stop_if(ticket)
        except BaseException as raised:  # also SystemExit in a model's code: the page must not wait for ever
            taken_back = Failure("Cancelled", "the request was taken back")
            return Reply(ticket.id, error=told(taken_back if ticket.cancelled else raised))
        return Reply(ticket.id, result=answer.result, data=answer.data, transport=ticket.transport)

    def _due(self) -> list[Reply]:
        """Held replies, where they should go now: nothing more is to come soon, or they weigh enough. Called under the lock."""
        size = sum(len(reply.data or b"") for reply in self._held)
        if self._unstarted > 0 and size < _MOST_HELD:
            return []
        due, self._held = self._held, []
        return due

    def _post(self, replies: list[Reply]) -> None:
        for message in pack(replies):
            try:
                self._send(message.content, message.buffers)
            except Exception:
                log.warning("a reply could not be sent to the page", exc_info=True)


def _stop_if(ticket: _Ticket) -> None:
    if ticket.cancelled:
        raise Failure("Cancelled", "the request was taken back")
