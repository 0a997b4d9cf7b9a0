"""The list of changes: one list for page and Python, with what this run cannot have refused."""

from __future__ import annotations

import threading

import pytest

import llmwidgets as lw
from tests.unit.widgets.tiny import Page, drain


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
    assert part["on"] and not look["on"] and "outside" in look["failed"]
    assert view.shown == "changed" and view.run["shown"]["changes"] == [part["id"]]


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


def test_a_change_that_does_not_fit_a_shorter_prompt_says_why_and_one_that_does_may_be_switched_on(view, demo):
    view.interventions = [lw.Intervention("scores", layer=1, position=13, key=2), lw.Intervention("scores", layer=1, position=4, key=2)]
    view.show_capture(demo.again("The keys to the cabinet"))
    drain(view)
    outside, inside = view.changes
    assert not outside["on"] and "outside" in outside["failed"]
    assert not inside["on"] and "switch it on" in inside["failed"]
    view.interventions[1].on = True
    drain(view)
    assert view.changes[1]["failed"] is None and view.shown == "changed"
