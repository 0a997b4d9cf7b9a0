"""A view of the built-in model's two people, and the prompt in which they change places."""

from __future__ import annotations

import pytest

import llmwidgets as lw
from tests.unit.widgets.inquiry.asked import METRIC, OTHER, PROMPT
from tests.unit.widgets.tiny import drain


@pytest.fixture(scope="module")
def demo():
    return lw.capture(lw.demo_model(), PROMPT)


@pytest.fixture(scope="module")
def other(demo):
    return demo.again(OTHER)


@pytest.fixture
def view(demo):
    made = lw.Inspector(demo)
    made.metric = METRIC
    drain(made)
    yield made
    made.close()
