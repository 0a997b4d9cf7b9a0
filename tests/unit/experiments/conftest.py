"""Experiments are compared in float64 throughout, so that two ways of computing the same thing differ by rounding only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.architectures import FloatsStayDouble


@pytest.fixture(autouse=True)
def floats_stay_double() -> Iterator[None]:
    with FloatsStayDouble():
        yield
