"""What a view is asked, and what follows: the metric, changes that are switched, the runs that can be shown, a second prompt."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import llmwidgets as lw
from tests.unit.widgets.tiny import Page, drain

PROMPT = "When Mary and John went to the store, John gave a drink to"
OTHER = "When Mary and John went to the store, Mary gave a drink to"
METRIC = lw.Metric(" Mary", " John")


@pytest.fixture(scope="module")
def demo():
    return lw.capture(lw.demo_model(), PROMPT)


@pytest.fixture(scope="module")
def other(demo):
    return demo.again(OTHER)


@pytest.fixture
def view(demo):
    made = lw.Inspector(demo)
    made.metric = METRIC
    drain(made)
    yield made
    made.close()


def field(view, name: str):
    return view.served.fields[name]


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


def test_a_change_shows_the_changed_run_and_what_it_does_to_the_answer(view, demo):
    change = lw.Intervention("z", layer=3, head=2)
    entry = view.interventions.add(change)
    drain(view)
    changed = lw.intervene(demo, change)
    assert (
        view.shown == "changed" and view.run["shown"]["label"] == "changed run" and view.run["shown"]["changes"] == [view.changes[0]["id"]]
    )
    np.testing.assert_array_equal(field(view, "attention").read().values, changed.field("attention").read().values)
    effect = float(lw.effect_of(demo, METRIC, change).effect)
    assert entry.effect == pytest.approx(effect, abs=1e-5) and view.changes[0]["effect"] == entry.effect
    assert view.run["shown"]["after"] - view.run["shown"]["before"] == pytest.approx(effect, abs=1e-4)


def test_the_difference_is_changed_less_clean_in_every_field(view, demo):
    view.interventions = lw.Intervention("z", layer=1)
    view.shown = "difference"
    drain(view)
    changed = lw.intervene(demo, lw.Intervention("z", layer=1))
    got = field(view, "attention")
    np.testing.assert_allclose(
        got.read(layer=2).values, changed.field("attention").read(layer=2).values - demo.field("attention").read(layer=2).values, atol=1e-6
    )
    assert got.evidence == "intervention" and got.scale.diverging
    assert view.run["shown"]["which"] == "difference" and len(view.run["live"]) == 3


def test_switching_a_change_off_shows_the_clean_run_again_and_on_the_changed_one_from_what_was_kept(view):
    clean = view.run["epoch"]
    entry = view.interventions.add(lw.Intervention("z", layer=3, head=2))
    drain(view)
    changed = view.run["epoch"]
    entry.on = False
    drain(view)
    assert view.run["epoch"] == clean and view.shown == "clean" and [one["which"] for one in view.showing["options"]] == ["clean"]
    entry.on = True
    drain(view)
    assert view.run["epoch"] == changed and {clean, changed} <= set(view.run["live"])


def test_the_clean_epoch_is_answered_for_while_the_changed_run_is_shown(view, demo):
    clean = view.run["epoch"]
    view.interventions.add(lw.Intervention("z", layer=0))
    drain(view)
    page = Page(view)
    index = {"layer": 1, "head": 0, "query": 13, "key": 2}
    for id, epoch in ((1, clean), (2, view.run["epoch"]), (3, 999)):
        page.asks({"id": id, "method": "cell", "params": {"field": "attention", "epoch": epoch, "index": index}})
    replies = page.settled()
    assert replies[1].result["value"] == pytest.approx(float(demo.pattern(1, 0)[13, 2]), abs=1e-7)
    assert replies[2].result["value"] != replies[1].result["value"] and replies[3].error["type"] == "Stale"


def test_toggling_quickly_ends_at_what_was_asked_last(view):
    entries = [view.interventions.add(lw.Intervention("z", layer=layer, head=head)) for layer in range(4) for head in (0, 1)]
    for turn in range(12):
        for nth, entry in enumerate(entries):
            entry.on = (nth + turn) % 3 == 0
    drain(view)
    on = [one["id"] for one in view.changes if one["on"]]
    assert view.run["shown"]["changes"] == on
    changed = lw.intervene(view.capture, [entry.intervention for entry in entries if entry.on])
    np.testing.assert_array_equal(view.shown_capture.logits.numpy(), changed.logits.numpy())


def test_the_pages_list_of_changes_is_the_one_that_python_reads(view):
    page = Page(view)
    page.asks(
        {
            "id": 1,
            "method": "change",
            "params": {"op": "add", "change": {"site": "scores", "layer": [3], "head": [2], "position": [13], "key": [1]}},
        }
    )
    assert page.settled()[1].ok
    (made,) = view.interventions
    assert made.intervention == lw.Intervention("scores", layer=[3], head=[2], position=[13], key=[1])
    moved = view.changes[0]["moved"][0]
    share = float(view.capture.pattern(3, 2)[13, 1])
    assert moved["share"] == pytest.approx(share, abs=1e-6) and sum(gain["share"] for gain in moved["to"]) <= share + 1e-6
    id = view.changes[0]["id"]
    for nth, params in enumerate(({"op": "set", "id": id, "name": "<b>the mover</b>"}, {"op": "set", "id": id, "on": False})):
        page.asks({"id": 2 + nth, "method": "change", "params": params})
    assert page.settled()[3].ok and made.name == "<b>the mover</b>" and not made.on and view.shown == "clean"
    page.asks({"id": 9, "method": "change", "params": {"op": "remove", "id": id}})
    assert page.settled()[9].ok and len(view.interventions) == 0


@pytest.mark.parametrize(
    "params",
    [
        {"op": "add", "change": {"site": "z", "layer": [9]}},
        {"op": "add", "change": {"site": "nothing"}},
        {"op": "add", "change": {"site": "scores", "position": [0], "key": [99]}},
        {"op": "add"},
        {"op": "set", "id": 77, "on": True},
        {"op": "turn"},
        {"op": "patch", "direction": "noise", "layer": 1, "position": 2},
    ],
)
def test_a_change_that_this_run_cannot_have_is_refused_with_a_sentence(view, params):
    page = Page(view)
    page.asks({"id": 1, "method": "change", "params": params})
    reply = page.settled()[1]
    assert not reply.ok and reply.error["type"] == "BadRequest" and reply.error["message"] and view.changes == []


def test_changes_that_cannot_be_made_together_switch_the_last_one_off_and_say_why(view):
    view.interventions.add(lw.Intervention("scores", layer=1, position=5, key=[0, 1, 2]))
    drain(view)
    view.interventions.add(lw.Intervention("scores", layer=1, position=5, key=[3, 4, 5]))
    drain(view)
    first, second = view.changes
    assert first["on"] and not second["on"] and second["failed"]
    assert view.run["shown"]["changes"] == [first["id"]] and view.status["state"] != "running"


def test_another_prompt_keeps_changes_of_parts_and_switches_off_those_of_positions(view, demo):
    view.interventions = [lw.Intervention("z", layer=3, head=2), lw.Intervention("scores", layer=1, position=13, key=2)]
    view.show_capture(demo.again("key lamp river clock orange ; key lamp river clock"))
    drain(view)
    part, look = view.changes
    assert part["on"] and not look["on"] and "another prompt" in look["failed"]
    assert view.shown == "changed" and view.run["shown"]["changes"] == [part["id"]]


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


def test_an_ablation_sweep_of_the_changed_run_is_on_top_of_the_changes(view, demo):
    base = lw.Intervention("z", layer=3, head=3)
    view.interventions = base
    drain(view)
    view.served.causes.fill("ablation_effect")
    while view.served.causes.progress()["ablation_effect"]["state"] == "running":
        pass
    both = lw.effect_of(demo, METRIC, base + lw.Intervention("z", layer=2, head=1)).effect - lw.effect_of(demo, METRIC, base).effect
    assert float(field(view, "ablation_effect").read(layer=2, head=1)) == pytest.approx(float(both), abs=1e-4)


def test_a_model_whose_next_token_cannot_be_measured_still_shows(demo):
    run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    run.detach()
    view = lw.Inspector(run)
    page = Page(view)
    page.asks({"id": 1, "method": "change", "params": {"op": "add", "change": {"site": "z", "layer": [0]}}})
    assert not page.settled()[1].ok and view.changes == [] and view.status["state"] == "ready"
    view.close()


def test_a_field_of_the_users_is_there_in_every_run(view):
    view.add(np.arange(16.0).reshape(4, 4), name="mine")
    view.interventions = lw.Intervention("z", layer=0)
    drain(view)
    assert "mine" in view.served.fields
    view.shown = "difference"
    drain(view)
    assert "mine" not in view.served.fields


def test_the_difference_of_two_sweeps_fills_as_both_do(view):
    view.interventions = lw.Intervention("z", layer=3, head=3)
    drain(view)
    changed = view.served.causes
    view.shown = "difference"
    drain(view)
    causes = view.served.causes
    assert causes.progress()["ablation_effect"]["state"] == "idle" and causes.progress()["ablation_effect"]["total"] == 32
    causes.fill("ablation_effect")
    while causes.progress()["ablation_effect"]["state"] != "ready":
        time.sleep(0.001)
    clean = view.inquiry.exhibits.made(view.inquiry.asked, "clean").causes
    expected = changed.fields["ablation_effect"].read().values - clean.fields["ablation_effect"].read().values
    np.testing.assert_allclose(field(view, "ablation_effect").read().values, expected, atol=1e-5)
    assert np.abs(expected).max() > 0.01


def test_a_second_prompt_brings_the_fields_of_patching_at_once(view, other):
    epoch = view.run["epoch"]
    view.compare(other)
    view.set(layer_field="patching_noise", head_field_beside="patching_heads_noise")
    assert view.run["epoch"] == epoch and view.settings["layerField"] == "patching_noise"


def test_a_change_taken_away_and_made_again_is_shown_under_its_new_number(view):
    for _ in range(2):
        view.interventions.add(lw.Intervention("z", layer=3, head=2))
        drain(view)
        assert view.run["shown"]["changes"] == [view.changes[0]["id"]]
        view.interventions.clear()
        drain(view)


def test_a_name_is_no_reason_to_run_again(view):
    entry = view.interventions.add(lw.Intervention("z", layer=3, head=2))
    drain(view)
    epoch, effect = view.run["epoch"], entry.effect
    entry.name = "the mover"
    drain(view)
    assert view.run["epoch"] == epoch and entry.effect == effect and view.changes[0]["name"] == "the mover"


def test_places_that_count_from_the_end_are_told_as_they_are(view):
    view.interventions = lw.Intervention("scores", layer=-1, head=-2, position=-1, key=[3, -2])
    places = view.changes[0]["places"]
    assert (places["layer"], places["head"], places["position"], places["key"]) == ([3], [2], [13], [3, 12])


def test_many_threads_at_once_lose_no_change(view):
    entries = [view.interventions.add(lw.Intervention("z", layer=layer, head=head), on=False) for layer in range(4) for head in range(2)]
    threads = [threading.Thread(target=lambda entry=entry: setattr(entry, "on", True)) for entry in entries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    drain(view)
    assert all(entry.on for entry in entries) and view.run["shown"]["changes"] == [one["id"] for one in view.changes]


def test_with_nothing_changed_in_the_second_prompt_it_is_shown_as_it_is(view, other):
    view.compare(other)
    entry = view.interventions.add(lw.Intervention("z", layer=1), run="second")
    view.shown = "second_changed"
    drain(view)
    entry.remove()
    drain(view)
    assert view.shown == "second"


def test_a_metric_at_the_last_token_stays_there_when_the_prompt_grows(view, demo):
    page = Page(view)
    page.asks({"id": 1, "method": "metric", "params": {"target": " Mary"}})
    assert page.settled()[1].ok and view.metric.position == 13
    view.show_capture(demo.again("When Mary and John went to the big old store, John gave a drink to"))
    assert view.measured["position"] == 15 and not view.measured["proposed"]


def test_a_closed_view_says_so(demo):
    view = lw.Inspector(demo)
    view.close()
    for ask in (
        lambda: setattr(view, "metric", METRIC),
        lambda: setattr(view, "shown", "clean"),
        lambda: view.compare(OTHER),
        lambda: view.set(theme="dark"),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            ask()
