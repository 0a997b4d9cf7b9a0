"""A view of the built-in model with a file of notes of its own."""

from __future__ import annotations

import pytest

import llmwidgets as lw
from tests.unit.widgets.inquiry.asked import METRIC, PROMPT
from tests.unit.widgets.tiny import Page, drain


@pytest.fixture(scope="module")
def demo():
    return lw.capture(lw.demo_model(), PROMPT)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "findings.jsonl"


@pytest.fixture
def view(demo, file):
    made = lw.Inspector(demo, notes=file)
    made.metric = METRIC
    drain(made)
    yield made
    made.close()


@pytest.fixture
def page(view):
    return Asking(view)


class Asking(Page):
    """A page that asks one thing and gets its answer."""

    def __init__(self, view) -> None:
        super().__init__(view)
        self._last = 0

    def ask(self, method: str, **params):
        """The answer's result; fails for a refusal."""
        reply = self.refused(method, **params)
        assert reply.ok, reply.error
        return reply.result

    def refused(self, method: str, **params):
        """The whole reply."""
        self._last += 1
        self.asks({"id": self._last, "method": method, "params": params})
        return self.settled()[self._last]

    def items(self) -> list[dict]:
        return self.view.noted["items"]
