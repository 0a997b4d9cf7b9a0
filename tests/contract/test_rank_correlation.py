"""The page's rank correlation is held to rank_correlation.json; here the file itself is held to numpy."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

CASES = json.loads((pathlib.Path(__file__).parent / "fixtures" / "rank_correlation.json").read_text(encoding="utf-8"))["cases"]


def ranks(values: list[float]) -> np.ndarray:
    """From 1, equal numbers sharing the average of theirs: how many are less, and half of how many are equal."""
    given = np.asarray(values)
    less, equal = given[None, :] < given[:, None], given[None, :] == given[:, None]
    return less.sum(1) + (equal.sum(1) + 1) / 2


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_fixture_of_rank_correlation_is_pearsons_correlation_of_average_ranks(case):
    x, y = ranks(case["x"]), ranks(case["y"])
    np.testing.assert_allclose(x, case["x_ranks"], rtol=0, atol=0)
    if case["rho"] is None:
        assert len(x) < 3 or x.std() == 0 or y.std() == 0
    else:
        assert case["rho"] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
