"""What of the notes travels: bounded, those that stand here first, and no single one keeps the others away."""

from __future__ import annotations

import json

from llmwidgets.fields import Place
from llmwidgets.notes.note import LONGEST_TEXT, Note
from llmwidgets.widgets.noting import items as of_trait
from llmwidgets.widgets.noting.items import Items


def notes(count: int, **more) -> list[Note]:
    return [Note(f"n{i}", f"note {i}", Place(), **more) for i in range(count)]


def test_all_of_a_few_notes_travel_in_their_order():
    found, more = Items().of(notes(5), None, True)
    assert [item["id"] for item in found] == [f"n{i}" for i in range(5)] and more == 0


def test_the_oldest_are_left_out_where_they_are_too_many(monkeypatch):
    one = len(json.dumps(Items().of(notes(1), None, True)[0][0]))
    monkeypatch.setattr(of_trait, "MOST_BYTES", 3 * one + 3)
    found, more = Items().of(notes(7), None, True)
    assert [item["id"] for item in found] == ["n4", "n5", "n6"] and more == 4


def test_one_that_is_too_large_keeps_no_other_away(monkeypatch):
    monkeypatch.setattr(of_trait, "MOST_BYTES", LONGEST_TEXT)
    found, more = Items().of([*notes(3), Note("large", "x" * 2 * LONGEST_TEXT)], None, True)
    assert [item["id"] for item in found] == ["n0", "n1", "n2"] and more == 1


def test_an_item_is_worked_out_again_only_where_its_note_has_changed(monkeypatch):
    made, items = [], Items()
    item_of = of_trait.item_of
    monkeypatch.setattr(of_trait, "item_of", lambda note, *rest: made.append(note.id) or item_of(note, *rest))
    several = notes(4)
    items.of(several, None, True)
    items.of([*several[:3], Note("n3", "another text")], None, True)
    assert made == ["n0", "n1", "n2", "n3", "n3"]
