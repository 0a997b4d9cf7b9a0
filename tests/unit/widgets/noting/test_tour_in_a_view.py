"""A tour in a view of the built-in model: steps return to their moments, on their own prompts."""

from __future__ import annotations

import llmwidgets as lw
from tests.unit.widgets.inquiry.asked import OTHER
from tests.unit.widgets.tiny import drain


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


def test_closing_the_view_ends_its_tour(demo, file):
    view = lw.Inspector(demo, notes=file)
    tour = lw.tour(view, [view.annotate("x", layer=0)])
    view.close()
    assert "over" in repr(tour)
