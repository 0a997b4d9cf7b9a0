"""Every number that a view can show has its code: of each field of each run that is offered, the code gives what the field holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import llmwidgets as lw
from tests.unit.widgets.code.test_code import CURSOR, FIRST, LONGER, computed, same, shown_by
from tests.unit.widgets.tiny import drain, fill


@pytest.fixture(scope="module")
def subject():
    return lw.demo_model()


@pytest.fixture(scope="module")
def view(subject):
    view = lw.Inspector(lw.capture(subject, FIRST))
    view.metric = lw.Metric(" Mary", foil=" John")
    view.compare(LONGER)
    view.interventions.add(lw.Intervention("z", layer=1, head=0))
    view.interventions.add(lw.Intervention("scores", layer=2, position=-1, key=3), name="a look")
    view.interventions.add(lw.Intervention("mlp_out", layer=1, position=4), run="second")
    drain(view)
    yield view
    view.close()


@pytest.mark.parametrize("which", ["clean", "changed", "difference", "second", "second_changed", "second_difference", "prompts"])
def test_every_field_of_every_run_has_its_code(which: str, view: Any, subject: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lw, "demo_model", lambda: subject)  # not read from disk by each of many pieces of code
    view.shown = which
    drain(view)
    assert view.run["shown"]["which"] == which
    served = view.served
    fill(served.causes)
    assert {"attention", "logit_lens", "ablation_effect", "direct_contribution", "decomposition"} <= set(served.fields)
    for name, field in served.fields.items():
        found, shown = computed(view.code(name, CURSOR)), shown_by(field)
        if name == "attention":
            found = np.where(np.isnan(shown), np.nan, found)  # what the mask of the model itself forbids
        same(found, shown, 1e-5)


def test_the_cursor_of_the_view_is_where_the_code_is_of(view: Any) -> None:
    view.shown = "clean"
    drain(view)
    view.selection.layer, view.selection.head = 2, 3
    assert view.code("attention", {}).endswith("found = run.pattern(layer=2, head=3)")


def test_an_array_that_was_added_has_none(view: Any) -> None:
    name = view.add(np.zeros((4, 4), np.float32), name="mine")
    assert view.code(name, {}).startswith("# 'mine' is no field of the run itself")
