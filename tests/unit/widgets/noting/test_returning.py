"""A view returns to the moment of a note: selection, fields, filters, metric, interventions, prompts; what cannot come back is said."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

import llmwidgets as lw
from tests.unit.widgets.inquiry.asked import METRIC, OTHER, field
from tests.unit.widgets.tiny import drain

FRAMING = {
    "zoom": {"row": 2, "column": 2, "span": 6},
    "filters": {"search": "", "tag": "mover", "author": "", "evidence": "", "layer": None, "resolved": "all"},
}


def arranged(view):
    """A moment with something of everything."""
    view.metric = METRIC
    view.interventions = [
        lw.Intervention("z", layer=3, head=2, name="mover"),
        lw.Intervention("scores", layer=1, head=0, position=5, key=3),
    ]
    view.interventions[1].on = False
    view.set(head_field="ablation_effect", cause_view="scatter")
    view.selection.move(layer=3, head=2, query=9, key=4, heads=[(0, 1)])
    view.framing = FRAMING
    drain(view)


def state(view):
    changes = [{name: one[name] for name in ("words", "name", "on", "run")} for one in view.changes]
    cursor = {name: value for name, value in view.cursor.items() if name != "id"}
    return json.loads(json.dumps([cursor, view.settings, view.framing, view.measured, changes, view.showing["which"]]))


def scattered(view):
    """Everything else than before."""
    view.metric = lw.Metric(" store", foil=" John", position=5)
    view.interventions = []
    view.set(head_field="attention", cause_view="", pattern_view="arcs")
    view.selection.move(layer=0, head=0, query=1, key=None, heads=[])
    view.framing = {}
    drain(view)


def test_a_snapshot_is_plain_json_and_restoring_it_brings_all_of_it_back(view):
    arranged(view)
    before, run = state(view), view.run["shown"]
    numbers = field(view, "attention").read(layer=3).values
    snapshot = json.loads(json.dumps(view.snapshot()))
    scattered(view)
    assert state(view) != before
    assert view.restore(snapshot) == []
    drain(view)
    assert state(view) == before
    assert view.run["shown"]["before"] == run["before"] and view.run["shown"]["after"] == pytest.approx(run["after"])
    np.testing.assert_array_equal(field(view, "attention").read(layer=3).values, numbers)


def test_a_click_on_a_card_returns_and_the_way_back_is_kept(view, page):
    arranged(view)
    note = view.annotate("the mover moves", layer=3, head=2, query=9, key=4)
    before = state(view)
    scattered(view)
    other = state(view)
    assert page.ask("return", note=note.id, prompt=False)["left"] == []
    page.settled()
    assert state(view) == before
    page.ask("return", note=None)
    page.settled()
    assert state(view) == other
    assert page.ask("return", note=None)["left"] == [], "there is no further back"


def test_the_readers_own_theme_and_palette_stay(view):
    snapshot = view.snapshot()
    view.set(theme="dark", palette="viridis", notes_panel="folded")
    view.restore(snapshot)
    assert (view.settings["theme"], view.settings["palette"], view.settings["notesPanel"]) == ("dark", "viridis", "folded")


def test_a_snapshot_of_another_prompt_runs_it_again(view, demo):
    arranged(view)
    before, snapshot = state(view), view.snapshot()
    view.show_capture(demo.again(OTHER))
    drain(view)
    assert view.capture.prompt == OTHER
    assert view.restore(snapshot) == []
    drain(view)
    assert view.capture.prompt == demo.prompt and view.capture.prompt_fingerprint == demo.prompt_fingerprint
    assert state(view) == before


def test_a_second_prompt_comes_back_and_goes(view):
    plain = view.snapshot()
    view.compare(OTHER)
    view.align([(0, 0), (13, 13)])
    view.shown = "prompts"
    drain(view)
    two = view.snapshot()
    view.restore(plain)
    drain(view)
    assert view.second is None and view.shown == "clean"
    assert view.restore(two) == []
    drain(view)
    assert (
        view.second.prompt == OTHER
        and view.shown == "prompts"
        and view.compared["pairs"] == [[0, 0], [13, 13]]
        and view.compared["how"] == "hand"
    )


def test_a_card_of_another_prompt_points_at_its_quote_and_says_what_stays_away(view, page, demo):
    view.metric = METRIC
    view.interventions = [lw.Intervention("z", layer=3, head=2), lw.Intervention("scores", layer=1, position=5, key=3)]
    drain(view)
    note = view.annotate("looks at Mary", layer=3, head=1, query=12, key=1)
    scattered(view)
    view.show_capture(demo.again("Yesterday, when Mary and John went to the store, John gave a drink to"))
    drain(view)
    texts = view.capture.tokens
    left = page.ask("return", note=note.id)["left"]
    page.settled()
    assert len(left) == 2 and "another prompt" in left[0] and "another prompt" in left[1]
    assert [one["words"] for one in view.changes] == ["z of head 3.2 set to zero"]
    assert texts[view.cursor["key"]] == " Mary" and view.cursor["key"] != 1 and (view.cursor["layer"], view.cursor["head"]) == (3, 1)
    page.ask("return", note=note.id, prompt=True)
    page.settled()
    assert view.capture.prompt == demo.prompt and view.cursor["key"] == 1 and len(view.changes) == 2


def test_a_note_carried_to_another_model_brings_no_interventions(view, tiny_run, file):
    view.interventions = lw.Intervention("z", layer=3, head=2)
    drain(view)
    note = view.annotate("x", layer=3, head=2)
    elsewhere = lw.Inspector(tiny_run, notes=file)
    left = elsewhere.return_to(note)
    assert elsewhere.changes == [] and any("another model" in one for one in left) and elsewhere.selection.head == 2
    elsewhere.close()


@pytest.fixture
def tiny_run():
    from tests.unit.widgets.tiny import prompt_of, tiny_gpt2, word_tokenizer

    return lw.capture((tiny_gpt2(), word_tokenizer()), prompt_of(14))


@pytest.mark.parametrize("wrong", [None, 3, {}, {"v": 99}, {"v": 1, "cursor": []}, {"v": 1, "changes": "all"}])
def test_what_is_no_snapshot_is_refused(view, wrong):
    with pytest.raises(ValueError, match="snapshot"):
        view.restore(wrong)


def test_a_snapshot_with_what_this_run_has_not_brings_back_the_rest(view):
    snapshot = view.snapshot()
    snapshot["changes"] = [
        {"change": {"site": "z", "layer": 99}, "on": True, "run": "first"},
        {"change": {"site": "nose"}, "on": True, "run": "first"},
        3,
    ]
    snapshot["metric"] = {"target": " Mary", "foil": " John", "position": 400, "quantity": "logit_difference"}
    snapshot["cursor"] = {**snapshot["cursor"], "layer": 77, "query": 3}
    snapshot["settings"] = {"headField": "no such field", "patternView": "cube"}
    snapshot["framing"] = {"zoom": "near"}
    left = view.restore(snapshot)
    assert len(left) == 6 and view.changes == [] and view.cursor["query"] == 3 and view.cursor["layer"] is not None


def test_a_deleted_or_unknown_note_cannot_be_returned_to(view, page):
    reply = page.refused("return", note="0123456789abcdef")
    assert not reply.ok and reply.error["type"] == "BadRequest"
    with pytest.raises(KeyError, match="no note"):
        view.return_to("0123456789abcdef")


def test_a_long_prompt_is_not_kept_with_the_note(view, tiny_run):
    from tests.unit.widgets.tiny import prompt_of

    view.show_capture(tiny_run.again(prompt_of(4000)))
    snapshot = view.snapshot()
    assert "text" not in snapshot["prompt"] and len(json.dumps(snapshot)) < 3_000
    view.show_capture(tiny_run)
    assert view.restore(snapshot) == ["its prompt was too long to be kept with the note"]


def test_the_page_is_at_the_note_before_the_kernel_hears_of_the_click_and_back_leads_before_it(view, page):
    note = view.annotate("x", layer=3, head=2, query=9, key=4)
    view.selection.move(layer=1, head=0, query=4, key=2)
    stood = dict(view.cursor)
    view.selection.move(layer=3, head=2, query=9, key=4)  # as the page pins it
    page.ask("return", note=note.id, prompt=False, cursor=stood)
    assert view.cursor["key"] == 4
    page.ask("return", note=None)
    assert view.cursor == stood


@pytest.mark.parametrize(
    "places", [{}, {"layer": -1}, {"layer": 1}, {"layer": 1, "head": 1, "key": 2}, {"layer": 2, "head": 0, "query": 4, "key": 1}]
)
def test_a_selection_that_was_empty_in_part_comes_back_so_with_the_changed_run(view, places):
    view.interventions = lw.Intervention("z", layer=3, head=2)
    drain(view)
    view.selection.move(**{"layer": None, "head": None, "query": None, "key": None, **places})
    stood, snapshot = dict(view.cursor), view.snapshot()
    scattered(view)
    assert view.restore(snapshot) == []
    drain(view)
    assert view.shown == "changed" and view.cursor == stood


def test_a_change_that_was_off_for_want_of_its_prompt_comes_back_off(view, demo):
    view.interventions = lw.Intervention("scores", layer=1, position=13, key=3)
    drain(view)
    view.show_capture(demo.again("The keys to"))
    drain(view)
    snapshot = view.snapshot()
    assert [one["on"] for one in view.changes] == [False]
    view.interventions = []
    assert view.restore(snapshot) == []
    assert [one["on"] for one in view.changes] == [False]


def test_back_needs_no_run_of_the_prompt_that_was_there(view, page, tiny_run):
    """Not even where it was too long to be kept with a moment."""
    from tests.unit.widgets.tiny import prompt_of

    note = view.annotate("x", layer=0)
    long = tiny_run.again(prompt_of(4000))
    view.show_capture(long)
    drain(view)
    view.show_capture(view.capture)
    page.ask("return", note=note.id, prompt=False)
    assert page.ask("return", note=None)["left"] == [] and view.capture is long


def test_back_leads_to_the_very_run_that_was_there(view, page, demo):
    note = view.annotate("x", layer=0)
    other = demo.again(OTHER)
    view.show_capture(other)
    drain(view)
    page.ask("return", note=note.id, prompt=True)
    page.settled()
    assert view.capture.prompt == demo.prompt
    page.ask("return", note=None)
    page.settled()
    assert view.capture is other


def test_a_card_clicked_while_a_prompt_is_on_its_way_does_not_throw_the_run_away(view, page, demo, monkeypatch):
    """What was asked for comes, with what the card brought back as far as it means no place of a prompt."""
    view.interventions = lw.Intervention("z", layer=3, head=2)
    drain(view)
    note = view.annotate("x", layer=3, head=2)
    view.interventions = []
    drain(view)
    held, begun = threading.Event(), threading.Event()
    again = type(demo).again

    def slow(run, prompt, **more):
        begun.set()
        assert held.wait(30)
        return again(run, prompt, **more)

    monkeypatch.setattr(type(demo), "again", slow)
    page.asks({"id": 900, "method": "run", "params": {"prompt": OTHER}})
    assert begun.wait(30)
    page.asks({"id": 901, "method": "return", "params": {"note": note.id, "prompt": False}})
    held.set()
    replies = page.settled()
    assert replies[901].ok and view.capture.prompt == OTHER and view.shown == "changed"
    assert view.run["prompt"] == OTHER and view.status["state"] == "ready"


def test_a_second_prompt_that_cannot_be_run_any_more_keeps_nothing_else_away(view, page, monkeypatch, demo):
    view.compare(OTHER)
    view.selection.move(layer=2, head=1, query=4, key=2)
    drain(view)
    note = view.annotate("x", layer=2, head=1, query=4, key=2)
    view.compare(None)
    scattered(view)

    def changed(run, prompt, **more):
        raise RuntimeError("the model has changed since this capture")

    monkeypatch.setattr(type(demo), "again", changed)
    page.ask("return", note=note.id)
    page.settled()
    assert (view.cursor["layer"], view.cursor["head"], view.cursor["key"]) == (2, 1, 2) and view.second is None
    assert "its second prompt could not be run: the model has changed" in view.problems[0]["message"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": []},
        {"prompt": {"text": "x"}},
        {"second": {"digest": 3}},
        {"prompt": {"digest": "a", "ids": "12"}},
        {"pairs": [1, 2]},
        {"cursor": {"layer": "x"}},
        {"cursor": {"heads": 3}},
        {"cursor": {"layer": [1]}},
    ],
)
def test_a_moment_that_somebody_wrote_by_hand_is_refused_before_anything_of_it_is_brought_back(view, page, wrong):
    before, moment = state(view), {**view.snapshot(), "settings": {"patternView": "arcs"}, **wrong}
    with pytest.raises(ValueError, match="snapshot"):
        view.restore(moment)
    note = view.board.notes.add("x", moment=moment)
    reply = page.refused("return", note=note.id)
    assert not reply.ok and reply.error["type"] == "BadRequest"
    assert state(view) == before


def test_back_leads_to_where_one_had_moved_on_to_and_not_further(view, page):
    first, second = view.annotate("A", layer=2, head=1, query=9, key=1), view.annotate("B", layer=1, head=0, query=5, key=2)
    view.selection.move(layer=0, head=0, query=3, key=None)
    start = dict(view.cursor)
    page.ask("return", note=first.id)
    page.ask("return", note=second.id)
    page.ask("return", note=None)
    assert view.cursor == start, "from card to card, back leads to before the first"
    page.ask("return", note=first.id)
    view.selection.move(layer=3, head=3)
    view.interventions = lw.Intervention("z", layer=3, head=3)
    drain(view)
    moved = dict(view.cursor)
    page.ask("return", note=second.id)
    page.settled()
    assert view.changes == []
    page.ask("return", note=None)
    page.settled()
    assert view.cursor == moved and len(view.changes) == 1 and view.shown == "changed"


def test_an_answer_is_of_no_evidence_until_its_writer_says_so(view, page):
    note = view.annotate("x", layer=2, head=1)
    assert note.evidence == "observed" and view.annotate("I doubt it", reply_to=note).evidence == "unstated"
    page.ask("note", op="add", text="so do I", reply=note.id)
    assert view.notes[-1].evidence == "unstated"


def test_a_note_of_the_second_prompt_returns_to_it_without_a_word_of_doubt(view, page):
    view.compare(OTHER)
    view.shown = "second"
    drain(view)
    note = view.annotate("of the second", layer=1, head=3, query=13, key=3)
    view.compare(None)
    drain(view)
    assert page.items()[0]["standing"] != "here"
    assert page.ask("return", note=note.id)["left"] == []
    page.settled()
    assert view.shown == "second" and page.items()[0]["standing"] == "here" and (view.cursor["query"], view.cursor["key"]) == (13, 3)


def test_a_card_in_a_view_of_its_own_returns_the_views_that_share_its_selection_and_file(view, demo, file):
    view.interventions = lw.Intervention("z", layer=3, head=2)
    drain(view)
    note = view.annotate("x", layer=3, head=2, query=9, key=1)
    view.interventions = []
    view.selection.move(layer=0, head=0)
    drain(view)
    cards = lw.NotesView(demo, selection=view.selection, notes=file)
    apart = lw.Inspector(demo, notes=file)
    assert cards.return_to(note) == []
    drain(view)
    assert view.shown == "changed" and view.selection.head == 2 and cards.changes == apart.changes == []
    cards.return_to(None)
    drain(view)
    assert view.changes == [] and view.selection.head == 0
    for one in (cards, apart):
        one.close()
