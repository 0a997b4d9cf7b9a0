"""What is measured: proposed, chosen by a click or by text, on another prompt."""

from __future__ import annotations

import numpy as np
import pytest

import llmwidgets as lw
from tests.unit.widgets.inquiry.asked import METRIC, field
from tests.unit.widgets.tiny import Page


def test_the_metric_is_the_runs_own_choice_until_one_is_made(demo):
    view = lw.Inspector(demo)
    first, second = demo.logits[-1].double().topk(2).indices.tolist()
    assert view.measured["proposed"] and (view.measured["target"]["id"], view.measured["foil"]["id"]) == (first, second)
    view.metric = METRIC
    logits = demo.logits[-1].double()
    ids = [view.measured[name]["id"] for name in ("target", "foil")]
    assert not view.measured["proposed"] and demo.token_text(ids) == [" Mary", " John"]
    assert view.measured["value"] == pytest.approx(float(logits[ids[0]] - logits[ids[1]]), abs=1e-5)
    view.close()


def test_another_metric_gives_the_fields_of_causes_another_version_and_leaves_the_epoch(view):
    before, epoch = view.progress["direct_contribution"]["version"], view.run["epoch"]
    old = field(view, "direct_contribution").read().values
    view.metric = lw.Metric(" John", " Mary")
    assert view.progress["direct_contribution"]["version"] > before and view.run["epoch"] == epoch
    np.testing.assert_allclose(field(view, "direct_contribution").read().values, -old, atol=1e-5)


def test_a_click_on_the_foil_makes_it_the_target_and_the_target_the_foil(view):
    page, (mary, john) = Page(view), (view.measured["target"]["id"], view.measured["foil"]["id"])
    page.asks({"id": 1, "method": "metric", "params": {"target": john}})
    assert page.settled()[1].ok and view.metric == lw.Metric(" John", " Mary", 13)
    page.asks({"id": 2, "method": "metric", "params": {"foil": john}})
    assert page.settled()[2].ok and view.metric == lw.Metric(" Mary", " John", 13)
    page.asks({"id": 3, "method": "metric", "params": {"target": mary, "foil": john, "position": 3}})
    assert page.settled()[3].ok and view.measured["position"] == 3


def test_a_token_can_be_named_by_its_text_and_its_share_is_told_of_every_run(view, demo):
    page = Page(view)
    page.asks({"id": 1, "method": "metric", "params": {"target": " John", "foil": " Mary"}})
    assert page.settled()[1].ok and view.metric == lw.Metric(" John", " Mary", 13)
    shares = demo.logits[-1].double().softmax(-1)
    id = view.measured["target"]["id"]
    told = view.run["shown"]["target"]
    assert told["share"] == pytest.approx(float(shares[id]), rel=1e-4) and told["rank"] == 1 + int((shares > shares[id]).sum())


@pytest.mark.parametrize(
    "params", [{}, {"target": "two words here"}, {"target": 10**9}, {"position": 99}, {"target": None}, {"foil": None}]
)
def test_a_metric_that_cannot_be_asked_is_refused_and_changes_nothing(view, params):
    page, before = Page(view), view.measured
    page.asks({"id": 1, "method": "metric", "params": params})
    reply = page.settled()[1]
    assert not reply.ok and reply.error["type"] == "BadRequest" and view.measured == before


def test_a_model_whose_next_token_cannot_be_measured_still_shows(demo):
    run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    run.detach()
    view = lw.Inspector(run)
    page = Page(view)
    page.asks({"id": 1, "method": "change", "params": {"op": "add", "change": {"site": "z", "layer": [0]}}})
    assert not page.settled()[1].ok and view.changes == [] and view.status["state"] == "ready"
    view.close()


def test_a_metric_at_the_last_token_stays_there_when_the_prompt_grows(view, demo):
    page = Page(view)
    page.asks({"id": 1, "method": "metric", "params": {"target": " Mary"}})
    assert page.settled()[1].ok and view.metric.position == 13
    view.show_capture(demo.again("When Mary and John went to the big old store, John gave a drink to"))
    assert view.measured["position"] == 15 and not view.measured["proposed"]


def test_one_token_as_target_and_foil_at_once_is_refused(view):
    page, before = Page(view), view.measured
    page.asks({"id": 1, "method": "metric", "params": {"target": " Mary", "foil": " Mary"}})
    assert "same token" in page.settled()[1].error["message"] and view.measured == before
