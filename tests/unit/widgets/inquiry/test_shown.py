"""Which run is shown, of what it is made, and that its numbers are those of the headless functions."""

from __future__ import annotations

import numpy as np
import pytest

import llmwidgets as lw
from llmwidgets.widgets.inquiry import exhibits
from tests.unit.widgets.inquiry.asked import METRIC, OTHER, field
from tests.unit.widgets.tiny import Page, drain, fill


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


def test_an_ablation_sweep_of_the_changed_run_is_on_top_of_the_changes(view, demo):
    base = lw.Intervention("z", layer=3, head=3)
    view.interventions = base
    drain(view)
    fill(view.served.causes, "ablation_effect")
    both = lw.effect_of(demo, METRIC, base + lw.Intervention("z", layer=2, head=1)).effect - lw.effect_of(demo, METRIC, base).effect
    assert float(field(view, "ablation_effect").read(layer=2, head=1)) == pytest.approx(float(both), abs=1e-4)


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
    fill(causes, "ablation_effect")
    assert causes.progress()["ablation_effect"]["state"] == "ready"
    clean = view.inquiry.exhibits.made(view.inquiry.asked, "clean").causes
    expected = changed.fields["ablation_effect"].read().values - clean.fields["ablation_effect"].read().values
    np.testing.assert_allclose(field(view, "ablation_effect").read().values, expected, atol=1e-5)
    assert np.abs(expected).max() > 0.01


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


def test_where_runs_are_large_only_those_that_are_needed_are_kept(view, monkeypatch):
    monkeypatch.setattr(exhibits, "KEPT_BYTES", 0)
    clean = view.run["epoch"]
    for layer in range(4):
        view.interventions = lw.Intervention("z", layer=layer)
        drain(view)
        assert view.run["live"] == [clean, view.run["epoch"]]
    view.shown = "difference"
    drain(view)
    assert len(view.run["live"]) == 3, "the difference and the two runs that it compares"
    fill(view.served.causes, "ablation_effect")
    assert view.served.causes.progress()["ablation_effect"]["state"] == "ready", "its ends have not been let go"


def test_a_selection_that_moves_while_a_run_is_on_its_way_stays_where_it_was_moved(view, monkeypatch):
    """The picture of the run that comes is of the former place; the cursor is the user's."""
    from llmwidgets.widgets import live

    made = live.first_picture

    def moving(*given, **more):
        view.selection.move(layer=1, head=2, query=3, key=2)
        return made(*given, **more)

    monkeypatch.setattr(live, "first_picture", moving)
    view.interventions.add(lw.Intervention("z", layer=3, head=2))
    drain(view)
    assert view.shown == "changed" and (view.selection.layer, view.selection.head, view.selection.query, view.selection.key) == (1, 2, 3, 2)
