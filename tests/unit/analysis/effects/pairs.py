"""Two prompts that differ at one position, on each architecture in float64: what patching goes between."""

from __future__ import annotations

from functools import cache

from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.metric import Metric
from tests.architectures import prompt_ids
from tests.unit.experiments import plain
from tests.unit.experiments.plain import N

IDS = prompt_ids(N)
CHANGED = 5
OTHER = IDS.clone()
OTHER[CHANGED] = (IDS[CHANGED] + 41) % 150 + 5


@cache
def clean(name: str) -> Capture:
    return capture(plain.model(name), IDS)


@cache
def corrupted(name: str) -> Capture:
    return clean(name).again(OTHER)


@cache
def apart(name: str) -> Metric:
    """The two tokens on which the prompts differ most."""
    shift = plain.logits(plain.model(name), IDS)[-1] - plain.logits(plain.model(name), OTHER)[-1]
    return Metric(int(shift.argmax()), int(shift.argmin()))
