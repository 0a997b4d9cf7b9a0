"""A tour in a real view: the page and Python are two hands on it, and the view goes where the notes were made."""

from __future__ import annotations

import pytest

import llmwidgets as lw
from tests.unit.widgets.inquiry.asked import OTHER
from tests.unit.widgets.tiny import drain


@pytest.fixture
def steps(view):
    """Two moments that differ in all that a note keeps, the second of which asks first."""
    first = view.annotate("looks back at **Mary**", layer=3, head=1, query=-1, key=1)
    view.interventions = [lw.Intervention("z", layer=3, head=2)]
    view.set(pattern_view="arcs")
    drain(view)
    second = view.annotate("without it the other name wins", layer=3, head=2, ask="What does head 2 do?")
    view.interventions = []
    view.set(pattern_view="matrix")
    view.selection.move(layer=0, head=0, query=0, key=None)
    drain(view)
    return [first, second]


def test_each_step_brings_back_selection_fields_and_interventions(view, steps):
    playing = lw.tour(view, steps)
    assert (view.selection.layer, view.selection.head, view.selection.key) == (3, 1, 1)
    assert view.tour["words"] == "L3H1 · “ to” → “ Mary”"
    assert (view.tour["why"], view.tour["tree"][0]["kids"][1]) == ("", {"tag": "strong", "kids": ["Mary"]})
    playing.next()
    drain(view)
    assert (view.changes, view.settings["patternView"], view.selection.head) == ([], "matrix", 1)
    playing.reveal()
    drain(view)
    assert [change["words"] for change in view.changes] == ["z of head 3.2 set to zero"]
    assert (view.settings["patternView"], view.selection.head) == ("arcs", 2)
    playing.previous()
    drain(view)
    assert (view.changes, view.settings["patternView"]) == ([], "matrix")


def test_the_page_plays_it_with_the_method_of_the_protocol(view, page, steps):
    assert "lw.tour" in page.refused("tour", op="go", at=0).error["hint"]
    playing = lw.tour(view, steps, title="Two heads")
    assert page.ask("tour", op="go", at=1) == {"accepted": True}
    assert (playing.at, view.tour["ask"], view.tour["text"]) == (1, "What does head 2 do?", "")
    assert steps[1].id in view.tour["hidden"]
    page.ask("tour", op="guess", text="it moves the name")
    [reply] = [item for item in page.items() if item["reply"] == steps[1].id]
    assert (reply["text"], reply["tags"], reply["evidence"]) == ("it moves the name", ["guess"], "unstated")
    assert reply["id"] in view.tour["hidden"]
    page.ask("tour", op="reveal")
    assert (view.tour["text"], view.tour["guess"], view.tour["hidden"]) == ("without it the other name wins", "it moves the name", [])
    refused = page.refused("tour", op="guess", text="late")
    assert not refused.ok and "a guess comes before its answer" in refused.error["message"]
    assert not page.refused("tour", op="go", at=2).ok
    page.ask("tour", op="end")
    assert view.tour is None and view.touring is None


def test_on_another_prompt_it_says_where_its_notes_stand(view, steps):
    playing = lw.tour(view, steps)
    view.show_capture(view.capture.again("Mary went to the store"))
    drain(view)
    assert playing.at == 0 and view.tour["why"] != ""
    assert view.tour["why"] == next(item["why"] for item in view.noted["items"] if item["id"] == steps[0].id)


def test_an_edit_by_another_view_of_the_file_shows(view, file, demo, steps):
    lw.tour(view, steps)
    with_it = lw.Inspector(demo, notes=file)
    try:
        with_it.notes.edit(steps[0], text="looks at the name")
        assert view.tour["text"] == "looks at the name"
        with_it.notes.remove(steps[0])
        assert view.tour["why"] == "this note was deleted"
    finally:
        with_it.close()


def test_closing_the_view_ends_it(view, steps):
    playing = lw.tour(view, steps)
    view.close()
    assert view.touring is None
    assert repr(playing) == "Tour('', over, “looks back at **Mary**”)"
    with pytest.raises(RuntimeError, match="this tour is over"):
        playing.next()
    with pytest.raises(RuntimeError, match="this view is closed"):
        lw.tour(view, steps)


def test_notes_of_another_file_are_refused_with_the_way_to_bring_them_in(view, demo, tmp_path):
    other = lw.Notes(tmp_path / "others.jsonl")
    note = other.add("elsewhere", run=demo, layer=1, head=1)
    with pytest.raises(ValueError, match=r"is not in .*findings.jsonl; view.notes.load"):
        lw.tour(view, other)
    view.notes.load(other.path)
    assert lw.tour(view, other).note.id == note.id
    other.close()


def test_a_tour_goes_through_moments_of_two_prompts(view, demo, page):
    first = view.annotate("here first", layer=3, head=1, query=13, key=1)
    view.show_capture(demo.again(OTHER))
    view.interventions.add(lw.Intervention("z", layer=3, head=2))
    drain(view)
    second = view.annotate("and here then", layer=3, head=2, query=13, ask="Which head?")
    drain(view)
    tour = lw.tour(view, [first, second], title="Two prompts")
    drain(view)
    assert view.capture.prompt == demo.prompt and view.changes == [] and (view.selection.layer, view.selection.head) == (3, 1)
    page.ask("tour", op="go", at=1)
    assert view.capture.prompt == demo.prompt and view.tour["ask"] == "Which head?" and view.tour["text"] == "", "it asks first"
    page.ask("tour", op="guess", text="head 3.2")
    page.ask("tour", op="reveal")
    page.settled()
    assert view.capture.prompt == OTHER and view.shown == "changed" and (view.selection.layer, view.selection.head) == (3, 2)
    assert view.tour["text"] == "and here then" and view.tour["guess"] == "head 3.2" and view.tour["why"] == ""
    (guess,) = view.notes.filter(tag="guess")
    assert guess.text == "head 3.2" and guess.reply_to == second.id and tour.guesses[0].guess == "head 3.2"
    page.ask("tour", op="end")
    assert view.tour is None and not page.refused("tour", op="go", at=0).ok
