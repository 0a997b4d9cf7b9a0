"""A Selection moves as one, takes only whole numbers, and is mirrored by every view that has it."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
import traitlets

import llmwidgets as lw


def test_several_coordinates_move_as_one():
    selection = lw.Selection(layer=0, head=0)
    seen = []
    selection.observe(lambda change: seen.append((selection.layer, selection.head)), ["layer", "head"])
    selection.move(layer=2, head=3)
    assert seen == [(2, 3), (2, 3)]


@pytest.mark.parametrize("value", [1.5, "1", True, [1]])
def test_a_coordinate_refuses_what_is_no_whole_number(value):
    with pytest.raises(traitlets.TraitError, match="whole number"):
        lw.Selection().layer = value


def test_numpy_integers_count_as_whole_numbers():
    selection = lw.Selection(layer=np.int64(3))
    assert selection.layer == 3 and type(selection.layer) is int


def test_an_unknown_coordinate_is_refused_with_those_there_are():
    with pytest.raises(TypeError, match="layer, head, query, key"):
        lw.Selection(neuron=3)


def test_pinned_heads_are_pairs_each_once():
    selection = lw.Selection(heads=[[3, 1], (3, 1), (0, 2)])
    assert selection.heads == [(3, 1), (0, 2)]
    with pytest.raises(traitlets.TraitError, match="pairs"):
        selection.heads = [3, 1]


def test_moving_the_selection_moves_the_cursor_that_the_page_sees(view):
    view.selection.layer = 2
    assert view.cursor["layer"] == 2


def test_a_click_in_the_page_is_seen_by_observers(view):
    seen = []
    view.selection.observe(lambda change: seen.append(change.new), "head")
    view.set_state({"cursor": {**view.cursor, "layer": 1, "head": 0, "heads": [[2, 2]]}})
    assert seen == [0]
    assert (view.selection.layer, view.selection.heads) == (1, [(2, 2)])


def test_two_views_with_one_selection_move_together(run):
    selection = lw.Selection()
    first, second = lw.HeadView(run, selection=selection), lw.LayerView(run, selection=selection)
    first.set_state({"cursor": {**first.cursor, "layer": 1, "query": 4}})
    assert (second.cursor["layer"], second.cursor["query"]) == (1, 4)
    assert first.cursor == second.cursor
    second.close()
    selection.layer = 0
    assert first.cursor["layer"] == 0
    first.close()


def test_a_second_view_does_not_move_the_selection_that_it_is_given(run):
    selection = lw.Selection(layer=0, head=2, query=5, key=3)
    view = lw.PatternView(run, selection=selection)
    assert (selection.layer, selection.head, selection.query, selection.key) == (0, 2, 5, 3)
    view.close()


def test_cursor_and_selection_agree_after_moves_from_many_threads(run):
    selection = lw.Selection()
    views = [lw.HeadView(run, selection=selection) for _ in range(2)]
    start = threading.Barrier(6)

    def from_python(seed: int) -> None:
        start.wait()
        for i in range(40):
            selection.layer = (seed + i) % 4

    def from_page(view, seed: int) -> None:
        start.wait()
        for i in range(40):
            view.set_state({"cursor": {**view.cursor, "layer": (seed + i) % 4, "head": i % 4}})

    threads = [threading.Thread(target=from_python, args=(seed,)) for seed in range(2)]
    threads += [threading.Thread(target=from_page, args=(view, seed)) for view in views for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for view in views:
        assert view.cursor == selection.to_cursor()
        view.close()


def test_a_cursor_of_the_wrong_form_changes_nothing(view):
    before = view.cursor
    with pytest.raises(traitlets.TraitError):
        view.cursor = {**before, "layer": "two"}
    assert view.cursor == before and view.selection.to_cursor() == before


@pytest.mark.parametrize("twice", [copy.copy, copy.deepcopy, lambda selection: pickle.loads(pickle.dumps(selection))])
def test_a_copy_of_a_selection_is_one_of_its_own(run, twice):
    view = lw.HeadView(run)
    other = twice(view.selection)
    assert other.to_cursor() == {**view.cursor, "id": other.id} and other.id != view.selection.id
    other.layer = 0
    assert view.selection.layer == 3
    view.close()


def test_a_misspelt_coordinate_is_refused():
    with pytest.raises(AttributeError, match="layer, head, query, key"):
        lw.Selection().lyer = 3


@pytest.mark.parametrize("places", [{"layer": -2}, {"head": -1}, {"query": -1}, {"key": -3}, {"heads": [(0, -1)]}])
def test_places_do_not_count_from_the_end_for_the_page_would_show_another(places):
    with pytest.raises(traitlets.TraitError, match=r"from (0|-1) on"):
        lw.Selection(**places)


def test_layer_minus_one_is_the_row_of_the_embedding():
    assert lw.Selection(layer=-1).layer == -1
