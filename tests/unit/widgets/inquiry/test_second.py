"""A second prompt beside the first: shown alone and less the first, patched in both directions."""

from __future__ import annotations

import numpy as np
import pytest

import llmwidgets as lw
from tests.unit.widgets.inquiry.asked import METRIC, OTHER, field
from tests.unit.widgets.tiny import Page, drain


def test_a_second_prompt_can_be_shown_alone_and_less_the_first(view, demo, other):
    view.compare(OTHER)
    drain(view)
    assert view.compared["how"] == "position" and view.compared["pairs"][5] == [5, 5] and view.compared["problem"] is None
    assert [one["which"] for one in view.showing["options"]] == ["clean", "second", "prompts"] and "compare" in view.panels
    view.shown = "prompts"
    drain(view)
    expected = other.field("residual_norm").read().values - demo.field("residual_norm").read().values
    np.testing.assert_allclose(field(view, "residual_norm").read().values, expected, atol=1e-4)
    view.compare(None)
    drain(view)
    assert view.shown == "clean" and view.compared is None and "compare" not in view.panels


@pytest.mark.parametrize(("direction", "into", "shown"), [("noise", "first", "changed"), ("denoise", "second", "second_changed")])
def test_a_cell_patched_between_the_prompts_gives_what_patch_gives(view, demo, other, direction, into, shown):
    view.compare(other)
    page = Page(view)
    page.asks({"id": 1, "method": "change", "params": {"op": "patch", "direction": direction, "layer": 2, "position": 13}})
    assert page.settled()[1].ok, page.replies()[1].error
    wanted = lw.patch(demo, other, METRIC, site="resid_pre", direction=direction, layers=[2], positions=[13])
    assert view.changes[0]["run"] == into and view.shown == shown
    assert view.changes[0]["effect"] == pytest.approx(float(wanted.effect.squeeze()), abs=1e-4)
    assert view.run["shown"]["after"] - view.run["shown"]["before"] == pytest.approx(float(wanted.effect.squeeze()), abs=1e-4)


def test_a_second_prompt_brings_the_fields_of_patching_at_once(view, other):
    epoch = view.run["epoch"]
    view.compare(other)
    view.set(layer_field="patching_noise", head_field_beside="patching_heads_noise")
    assert view.run["epoch"] == epoch and view.settings["layerField"] == "patching_noise"


def test_with_nothing_changed_in_the_second_prompt_it_is_shown_as_it_is(view, other):
    view.compare(other)
    entry = view.interventions.add(lw.Intervention("z", layer=1), run="second")
    view.shown = "second_changed"
    drain(view)
    entry.remove()
    drain(view)
    assert view.shown == "second"
