"""Fixtures of the widget tests."""

from __future__ import annotations

import pytest

import llmwidgets as lw
from tests.unit.widgets.tiny import Page, prompt_of, tiny_gpt2, word_tokenizer


@pytest.fixture(scope="session")
def tiny():
    """(model, tokenizer): 4 layers of 4 heads."""
    return tiny_gpt2(), word_tokenizer()


@pytest.fixture(scope="session")
def run(tiny):
    """14 tokens through it."""
    return lw.capture(tiny, prompt_of(14))


@pytest.fixture
def view(run):
    view = lw.Inspector(run)
    yield view
    view.close()


@pytest.fixture
def page(view) -> Page:
    return Page(view)
