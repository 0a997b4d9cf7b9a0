"""In lower precision everything closes up to the model's own rounding, and says by how much it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llmwidgets.analysis.contributions.decompose import decompose
from llmwidgets.analysis.contributions.direct import direct_logit_attribution
from llmwidgets.analysis.contributions.edges import edge_contribution
from llmwidgets.capture import capture
from llmwidgets.experiments.metric import Metric
from tests.architectures import build
from tests.unit.analysis.contributions.runs import CAUSAL, IDS, N

METRIC = Metric(17, foil=101)
CLOSE = {torch.float32: 1e-5, torch.bfloat16: 0.05}


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("name", CAUSAL)
def test_the_closing_errors_are_of_the_model_s_rounding(name: str, dtype: torch.dtype) -> None:
    run = capture(build(name, dtype), IDS)
    parts, shares = decompose(run), direct_logit_attribution(run, METRIC)
    assert parts.dtype == np.float32
    assert parts.attrs["closing_error"] < CLOSE[dtype]
    assert shares.attrs["closing_error"] < CLOSE[dtype]
    row = edge_contribution(run, METRIC).read(layer=1, head=3, query=N - 1)
    assert float(row.sum()) == pytest.approx(float(shares.heads[1, 3]), abs=CLOSE[dtype])
