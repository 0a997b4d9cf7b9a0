"""What tests of the fields of causes stand on: a CauseFields whose words are heard, swept on this thread or on one of its own."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any

import numpy as np

from llmwidgets.widgets.causes.fields import CauseFields
from llmwidgets.widgets.workers import AtOnce

STEADY = ("direct_contribution", "ablation_estimate", "direct_effect", "edge_contribution", "norm_weighted_attention", "decomposition")
OF_ONE_PROMPT = (*STEADY, "ablation_effect")
BETWEEN_TWO = ("patching_denoise", "patching_noise", "patching_heads_denoise", "patching_heads_noise", "patching_estimate")


class Heard:
    """`causes`, and what `progress` said at each word of it; `on_word` is called then."""

    def __init__(self, run: Any, metric: Any, *, threads: bool = False, **given: Any) -> None:
        self.said: list[dict[str, dict[str, Any]]] = []
        self.on_word = lambda: None
        self._changed = threading.Condition()
        workers = {} if threads else {"workers": AtOnce()}
        self.causes = CauseFields(run, metric, versions=count(1), tell=self._tell, **workers, **given)

    def _tell(self) -> None:
        with self._changed:
            self.said.append(self.causes.progress())
            self._changed.notify_all()
        self.on_word()

    def told(self, name: str) -> list[dict[str, Any]]:
        """What was said of a field, word by word."""
        return [said[name] for said in self.said]

    def until(self, name: str, *states: str) -> dict[str, Any]:
        """Wait for one of these states to be told."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.causes.progress()[name]["state"] in states, 60), self.causes.progress()[name]
        return self.causes.progress()[name]

    def filled(self, name: str) -> np.ndarray:
        """The whole field, swept first where it grows."""
        if self.causes.progress().get(name, {}).get("total"):
            self.causes.fill(name)
        return self.causes.fields[name].read().values


def exact(values: Any) -> np.ndarray:
    """What a field gives of these numbers."""
    return np.asarray(getattr(values, "values", values)).astype(np.float32)
