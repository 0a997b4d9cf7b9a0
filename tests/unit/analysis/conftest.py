"""Casts to float32 inside modeling files can be left out, or they would be all that the comparisons see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.architectures import FloatsStayDouble


@pytest.fixture
def floats_stay_double() -> Iterator[None]:
    with FloatsStayDouble():
        yield
