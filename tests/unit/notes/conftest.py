"""What tests of notes share: a second kernel within one process."""

from __future__ import annotations

import pytest

from llmwidgets.notes import Notes, opening


@pytest.fixture
def another_kernel(monkeypatch):
    """A handle as another kernel would have it: with a store of its own."""

    def open_notes(path, **more):
        with monkeypatch.context() as patch:
            patch.setattr(opening, "_OPEN", {})
            return Notes(path, **more)

    return open_notes
