"""The request server: every request answered once, whatever happens on the way."""

from __future__ import annotations

import base64
import json
import logging
import threading

import numpy as np
import pytest

import llmwidgets as lw
from llmwidgets.models.errors import ModelChangedError
from llmwidgets.widgets.cache import BlockCache
from llmwidgets.widgets.failures import BadRequest
from llmwidgets.widgets.outbox import MESSAGE_BYTES, Reply, pack
from llmwidgets.widgets.rpc import Answer, RequestServer
from llmwidgets.widgets.workers import AtOnce, Threads
from tests.unit.widgets.tiny import Page, drain, prompt_of


class Sent:
    """What a server under test has sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict, list[bytes]]] = []

    def __call__(self, content, buffers) -> None:
        self.messages.append((content, buffers))

    @property
    def items(self) -> list[dict]:
        return [item for content, _ in self.messages for item in content["items"]]


def requests(*items, transport="binary"):
    return {"v": 1, "kind": "requests", "transport": transport, "items": list(items)}


def served(**methods) -> tuple[RequestServer, Sent]:
    """A server without threads: what it is told is done when `receive` returns."""
    sent = Sent()
    return RequestServer(methods, sent, AtOnce()), sent


def test_an_answer_carries_its_result_and_bytes():
    server, sent = served(read=lambda params, cancelled: Answer({"got": params}, b"1234"))
    server.receive(requests({"id": 5, "method": "read", "params": [1]}))
    item = {"id": 5, "ok": True, "result": {"got": [1]}, "buffer": 0}
    assert sent.messages == [({"v": 1, "kind": "replies", "items": [item]}, [b"1234"])]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadRequest("no", "do"), "BadRequest"),
        (ModelChangedError("changed since"), "ModelChanged"),
        (ZeroDivisionError("a sentence here"), "Failed"),
        (SystemExit(3), "Failed"),
    ],
)
def test_an_exception_is_answered_with_its_type_and_sentence(error, kind, caplog):
    def fail(params, cancelled):
        raise error

    server, sent = served(read=fail)
    with caplog.at_level(logging.CRITICAL, "llmwidgets"):
        server.receive(requests({"id": 1, "method": "read", "params": {}}))
    (item,) = sent.items
    assert (item["ok"], item["error"]["type"]) == (False, kind) and item["error"]["message"]
    assert item["error"]["hint"] is None or isinstance(item["error"]["hint"], str)


def test_a_failure_without_words_is_told_by_its_type(caplog):
    def fail(params, cancelled):
        raise KeyError("pattern")

    server, sent = served(read=fail)
    with caplog.at_level(logging.CRITICAL, "llmwidgets"):
        server.receive(requests({"id": 1, "method": "read"}))
    assert sent.items[0]["error"]["message"] == "KeyError: 'pattern'"


def test_an_unknown_method_and_transport_are_answered():
    server, sent = served(read=lambda params, cancelled: Answer({}))
    server.receive(requests({"id": 1, "method": "write"}, {"id": 2, "method": ["read"]}))
    server.receive(requests({"id": 3, "method": "read"}, transport="pigeon"))
    assert [(item["id"], item["error"]["type"]) for item in sent.items] == [(1, "UnknownMethod"), (2, "UnknownMethod"), (3, "BadRequest")]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {"v": 2, "kind": "requests", "items": []},
        {"v": 1, "kind": "hello"},
        {"v": 1, "kind": "requests", "items": 3},
        {"v": 1, "kind": "cancel", "ids": 3},
        requests({"id": "7", "method": "read"}),
        requests({"id": True, "method": "read"}),
        requests("read"),
    ],
)
def test_what_cannot_be_answered_is_logged_and_harms_nothing(content, caplog):
    server, sent = served(read=lambda params, cancelled: Answer({}))
    with caplog.at_level(logging.WARNING, "llmwidgets"):
        server.receive(content)
    assert sent.messages == [] and len(caplog.records) == 1
    server.receive(requests({"id": 1, "method": "read"}))
    assert sent.items[0]["ok"]


def test_a_cancelled_request_is_answered_cancelled_before_and_during_its_work():
    started, go_on = threading.Event(), threading.Event()
    worked_on = []

    def slow(params, cancelled):
        worked_on.append(params)
        started.set()
        go_on.wait(10)
        return Answer({"cancelled": cancelled()})

    sent = Sent()
    workers = Threads(1, "test")
    server = RequestServer({"read": slow}, sent, workers)
    server.receive(requests({"id": 1, "method": "read", "params": 1}, {"id": 2, "method": "read", "params": 2}))
    started.wait(10)
    server.receive({"v": 1, "kind": "cancel", "ids": [1, 2, 77]})
    go_on.set()
    workers._pool.shutdown(wait=True)
    assert [(item["id"], item["error"]["type"]) for item in sent.items] == [(1, "Cancelled"), (2, "Cancelled")]
    assert worked_on == [1], "what was cancelled in time is not worked on"


def test_a_request_asked_again_while_it_is_worked_out_is_answered_once():
    started, go_on = threading.Event(), threading.Event()

    def slow(params, cancelled):
        started.set()
        go_on.wait(10)
        return Answer({})

    sent = Sent()
    workers = Threads(1, "test")
    server = RequestServer({"read": slow}, sent, workers)
    server.receive(requests({"id": 1, "method": "read"}))
    started.wait(10)
    server.receive(requests({"id": 1, "method": "read"}))
    go_on.set()
    workers._pool.shutdown(wait=True)
    assert [item["id"] for item in sent.items] == [1]


def test_a_finished_answer_does_not_wait_behind_a_slow_one():
    go_on = threading.Event()
    posted = threading.Event()

    class Watched(Sent):
        def __call__(self, content, buffers) -> None:
            super().__call__(content, buffers)
            posted.set()

    sent = Watched()
    workers = Threads(1, "test")

    def read(params, cancelled):
        if params == "slow":
            go_on.wait(10)
        return Answer({"was": params})

    server = RequestServer({"read": read}, sent, workers)
    server.receive(requests({"id": 1, "method": "read", "params": "quick"}, {"id": 2, "method": "read", "params": "slow"}))
    assert posted.wait(10) and [item["id"] for item in sent.items] == [1]
    go_on.set()
    workers._pool.shutdown(wait=True)
    assert [item["id"] for item in sent.items] == [1, 2]


def test_many_small_answers_travel_in_few_messages():
    sent = Sent()
    workers = Threads(1, "test")
    begin = threading.Event()
    workers.submit(lambda: begin.wait(10))  # so that all wait when the first is worked out
    server = RequestServer({"read": lambda params, cancelled: Answer({}, b"x" * 100)}, sent, workers)
    server.receive(requests(*({"id": i, "method": "read"} for i in range(50))))
    begin.set()
    workers._pool.shutdown(wait=True)
    assert sorted(item["id"] for item in sent.items) == list(range(50))
    assert len(sent.messages) < 25


def test_no_message_is_larger_than_four_mebibytes_and_no_reply_is_split():
    replies = [Reply(i, {"dims": ["key"]}, data=bytes(900_000)) for i in range(11)]
    replies += [Reply(100 + i, {}, data=bytes(900_000), transport="base64") for i in range(7)]
    messages = pack(replies)
    for message in messages:
        assert len(json.dumps(message.content)) + sum(map(len, message.buffers)) <= MESSAGE_BYTES
    items = [item for message in messages for item in message.items]
    assert [item["id"] for item in items] == [*range(11), *range(100, 107)]
    assert len(messages) == 5, "four replies of 900 kB fit a message, three in base64: 4, 4, 3 and 1, 3, 3"
    for message in messages:
        for item in message.items:
            data = message.buffers[item["buffer"]] if "buffer" in item else base64.b64decode(item["base64"])
            assert len(data) == 900_000


def test_a_reply_too_large_for_any_message_becomes_an_error_with_a_hint():
    (message,) = pack([Reply(1, {}, data=bytes(MESSAGE_BYTES))])
    (item,) = message.items
    assert item["error"]["type"] == "BadRequest" and "smaller" in item["error"]["hint"] and message.buffers == []
    (message,) = pack([Reply(1, {"texts": ["long " * 300] * 4000})])
    assert message.items[0]["ok"] is False


def test_a_failing_connection_does_not_stop_the_server(caplog):
    calls = []

    def send(content, buffers):
        calls.append(content)
        raise OSError("the comm is closed")

    server = RequestServer({"read": lambda params, cancelled: Answer({})}, send, AtOnce())
    with caplog.at_level(logging.CRITICAL, "llmwidgets"):
        server.receive(requests({"id": 1, "method": "read"}))
        server.receive(requests({"id": 2, "method": "read"}))
    assert len(calls) == 2


def test_a_closed_server_answers_nothing():
    server, sent = served(read=lambda params, cancelled: Answer({}))
    server.close()
    server.receive(requests({"id": 1, "method": "read"}))
    assert sent.messages == []


def test_the_cache_never_outgrows_its_limit_and_drops_the_least_used():
    cache = BlockCache(limit=10_000)
    for i in range(100):
        cache.put(str(i), ({"texts": None}, bytes(700)))
        cache.get("0")
        assert cache.nbytes <= 10_000
    assert cache.get("0") is not None and cache.get("99") is not None and cache.get("50") is None
    cache.put("huge", ({"texts": None}, bytes(20_000)))
    assert cache.get("huge") is None and cache.get("0") is not None


def test_what_two_ask_for_at_once_is_made_once():
    cache, made, barrier = BlockCache(), [], threading.Barrier(8)

    def make():
        made.append(1)
        return {"texts": None}, b"block"

    def ask():
        barrier.wait(10)
        assert cache.get_or_make("key", make)[1] == b"block"

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert made == [1] and cache._making == {}


def test_under_eight_threads_and_a_changing_run_every_reply_is_whole_and_comes_once(tiny):
    """Each reply is wholly of one run: the bytes for its epoch, or `Stale`."""
    runs = [lw.capture(tiny, prompt_of(n)) for n in (5, 9, 7)]
    view = lw.Inspector(runs[0])
    page = Page(view)
    ids = iter(range(1, 10_000))
    asked: dict[int, int] = {}
    lock = threading.Lock()
    start = threading.Barrier(9)

    def ask() -> None:
        start.wait(30)
        for _ in range(25):
            now = view.run
            with lock:
                id = next(ids)
                asked[id] = now["epoch"]
            n = now["tokens"]["total"]
            index = {"layer": id % 4, "head": id % 3, "query": [0, n], "key": [0, n]}
            page.asks({"id": id, "method": "block", "params": {"field": "attention", "epoch": now["epoch"], "index": index}})

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    start.wait(30)
    shown = {1: runs[0]}
    for epoch, run in enumerate((*runs[1:], runs[0], runs[1]), start=2):
        shown[epoch] = run
        view.show_capture(run)
    for thread in threads:
        thread.join(60)
    drain(view)
    replies = page.replies()
    assert set(replies) == set(asked) and len(asked) == 200
    answered = 0
    for id, reply in replies.items():
        if not reply.ok:
            assert reply.error["type"] == "Stale"
            continue
        answered += 1
        run = shown[asked[id]]
        halves = np.frombuffer(reply.data, np.float16).reshape(reply.result["shape"])
        wanted = run.pattern(id % 4, id % 3).numpy()
        allowed = np.tril(np.ones(wanted.shape, bool))
        got = np.ldexp(halves.astype(np.float64), reply.result["exponent"])
        np.testing.assert_allclose(got[allowed], wanted[allowed], rtol=2**-11, atol=1e-6)
    assert answered > 0
    view.close()


def test_a_quick_answer_does_not_wait_behind_slow_ones():
    sent, posted, go_on = Sent(), threading.Event(), threading.Event()

    def send(content, buffers):
        sent(content, buffers)
        posted.set()

    def slow(params, cancelled):
        assert go_on.wait(30)
        return Answer({})

    workers = Threads(1, "test")
    server = RequestServer({"quick": lambda params, cancelled: Answer({}), "slow": slow}, send, workers)
    try:
        server.receive(requests(*({"id": id, "method": method} for id, method in enumerate(("quick", "slow", "quick", "slow")))))
        assert posted.wait(30), "the first answer was held until the slow one had come"
        assert [item["id"] for item in sent.items] == [0]
    finally:
        go_on.set()
        server.close()
