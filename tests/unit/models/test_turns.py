"""A lock that goes round: who asked first gets it first, and the holder may take it again within."""

from __future__ import annotations

import threading

import pytest

from llmwidgets.models.turns import Turns


def waiting_for(turns: Turns, n: int) -> None:
    """Return when n threads stand in the row."""
    while len(turns._waiting) < n:
        threading.Event().wait(0.001)


def test_the_holder_may_take_it_again_within():
    turns = Turns()
    with turns:
        with turns:
            pass
        assert turns._holder == threading.get_ident()
    assert turns._holder is None


def test_a_thread_that_asks_again_at_once_waits_for_those_that_stood_there():
    turns, order = Turns(), []

    def once(name: str) -> None:
        with turns:
            order.append(name)

    threads = [threading.Thread(target=once, args=(name,)) for name in ("first", "second")]
    with turns:
        for n, thread in enumerate(threads, 1):
            thread.start()
            waiting_for(turns, n)
    once("the former holder")
    for thread in threads:
        thread.join(10)
    assert order == ["first", "second", "the former holder"]


def test_one_thread_at_a_time_holds_it():
    turns, inside, most = Turns(), [], []

    def often() -> None:
        for _ in range(200):
            with turns:
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert max(most) == 1 and len(most) == 800 and turns._holder is None


def test_who_is_interrupted_while_waiting_leaves_the_row():
    turns = Turns()

    class Gate:
        """A gate that is interrupted instead of opened."""

        def __init__(self) -> None:
            self.asked = 0

        def acquire(self) -> None:
            self.asked += 1
            if self.asked == 2:
                raise KeyboardInterrupt

        def release(self) -> None:
            pass

    gone: list[BaseException] = []

    def waits() -> None:
        try:
            turns.__enter__()
        except KeyboardInterrupt as error:
            gone.append(error)

    with pytest.MonkeyPatch.context() as patch, turns:
        patch.setattr("llmwidgets.models.turns.Lock", Gate)
        thread = threading.Thread(target=waits)
        thread.start()
        thread.join(10)
        assert gone and not turns._waiting
    assert turns._holder is None
