"""What a caller names becomes a place on the run, or an error that says what there is; and a place is put into words."""

from __future__ import annotations

import pytest

from llmwidgets.experiments.intervention import Intervention
from llmwidgets.fields import Place, Span
from llmwidgets.notes.ground import Ground
from llmwidgets.notes.note import Note
from llmwidgets.notes.placing import change_on, place_on
from llmwidgets.notes.words import place_words, quoted

TOKENS = ("<s>", "When", " Mary", " and", " John", " saw", " Mary", "<0xE2><0x80>", "<0x99>", "s")
GROUND = Ground("demo", "m", "p", "r", TOKENS, ("special", *["text"] * 6, "byte", "byte", "text"), (4, 4, 0, 2))


def on(**coordinates) -> Place:
    return place_on(GROUND, **coordinates)


def ends(place: Place, coordinate: str) -> tuple[int, int]:
    span = place.span(coordinate)
    assert span is not None
    return span.start, span.stop


def test_a_place_knows_its_run_and_quotes_its_tokens():
    place = on(layer=3, head=1, query=-1, key=(2, 4), field="attention")
    assert (place.field, dict(place.cursor), place.model_name) == ("attention", {"layer": 3, "head": 1}, "demo")
    assert (place.model, place.prompt, place.run) == ("m", "p", "r")
    assert place.spans == (
        Span("query", 9, 10, "s", "When Mary and John saw Mary’", "", 28),
        Span("key", 2, 4, " Mary and", "When", " John saw Mary’s", 4),
    )
    assert Place.from_json(place.to_json()) == place


@pytest.mark.parametrize(
    ("given", "expected"),
    [(0, (0, 1)), (-1, (9, 10)), ((1, 3), (1, 3)), ([1, 3], (1, 3)), ((-3, 10), (7, 10)), ((-3, -1), (7, 9)), (slice(8, None), (8, 10)),
     (range(2, 5), (2, 5)), (" John", (4, 5)), ("and John", (3, 5)), ("Jo", (4, 5)), ("’", (7, 9)), ("<s>", (0, 1))],
)  # fmt: skip
@pytest.mark.parametrize("name", ["query", "key", "tokens"])
def test_tokens_are_named_by_position_by_span_or_by_text(name, given, expected):
    assert ends(on(**{name: given}), "key" if name == "key" else "query") == expected


def test_a_head_that_is_named_twice_is_one():
    assert on(heads=[(3, 1), (0, 2), (3, 1)] * 10_000).heads == ((3, 1), (0, 2))


def test_a_special_token_is_quoted_as_it_is_written_and_stands_nowhere_in_the_text():
    (span,) = on(query=0).spans
    assert (span.quote, span.at) == ("<s>", -1)


def test_nothing_named_is_the_whole_run():
    assert on() == Place(model_name="demo", model="m", prompt="p", run="r")


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [({"layer": 9}, IndexError, "layer=9 came; demo has 4 layers, 0 to 3"), ({"layer": -2}, IndexError, "4 layers"),
     ({"layer": -1, "head": 0}, IndexError, "4 layers"), ({"layer": 3, "head": 2}, IndexError, "layer 3 of demo has 2 heads, 0 to 1"),
     ({"layer": 2, "head": 0}, IndexError, "layer 2 of demo has no attention heads"), ({"head": 1}, ValueError, "give layer= too"),
     ({"layer": "3"}, TypeError, "whole number"), ({"layer": True}, TypeError, "whole number"), ({"layer": 1.0}, TypeError, "whole number"),
     ({"heads": [(3, 1), (9, 0)]}, IndexError, "4 layers"), ({"heads": [3]}, TypeError, "pairs"),
     ({"query": 10}, IndexError, "the prompt has 10 tokens, 0 to 9"), ({"key": -11}, IndexError, "10 tokens"),
     ({"query": (3, 11)}, IndexError, "10 tokens"), ({"query": (3, 3)}, ValueError, "no token"),
     ({"query": (5, 2)}, ValueError, "no token"),
     ({"query": (1, 2, 3)}, ValueError, r"\(start, stop\)"), ({"query": slice(0, 4, 2)}, ValueError, "no steps"),
     ({"query": 1.5}, TypeError, "whole number or"), ({"tokens": 1, "query": 2}, ValueError, "one of them"),
     ({"tokens": "Peter"}, ValueError, "not in the prompt, which reads 'When Mary and"), ({"tokens": ""}, ValueError, "expected a text"),
     ({"tokens": " Mary"}, ValueError, r"2 times; give one of the spans \(2, 3\), \(6, 7\)"),
     ({"change": "zero"}, TypeError, "Intervention"), ({"change": {"site": "z", "position": 12}}, IndexError, "position 12"),
     ({"field": 3}, TypeError, "name of a field")],
)  # fmt: skip
def test_an_error_says_what_came_and_what_there_is(given, error, says):
    with pytest.raises(error, match=says):
        on(**given)


def test_the_row_of_the_embedding_is_a_layer_without_heads():
    assert on(layer=-1, query=2).cursor == {"layer": -1}


def test_an_intervention_gives_the_place_its_layer_head_positions_and_keys():
    place = on(change=Intervention("scores", layer=3, head=1, position=-1, key=[2, 3]))
    assert place.cursor == {"layer": 3, "head": 1}
    assert ends(place, "query") == (9, 10) and ends(place, "key") == (2, 4)
    assert place.change == {"site": "scores", "layer": 3, "head": 1, "position": 9, "key": [2, 3], "replacement": {"how": "cut"}}


def test_the_shared_heads_of_keys_and_values_are_no_heads_of_the_place():
    assert on(change=Intervention("v", layer=3, head=1)).cursor == {"layer": 3}


def test_an_intervention_of_several_heads_or_of_every_layer_names_none():
    assert on(change=Intervention("z", layer=0, head=[0, 1])).cursor == {"layer": 0}
    assert on(change=Intervention("z", head=1)).cursor == {}


def test_an_intervention_moves_with_its_tokens():
    place = on(change=Intervention("scores", layer=3, position=5, key=[2, 4]))
    moved = change_on(place, {"query": (7, 8), "key": (0, 3)})
    assert moved == {"site": "scores", "layer": 3, "position": 7, "key": [0, 2], "replacement": {"how": "cut"}}
    assert change_on(on(), {}) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [({"layer": 3, "head": 1, "query": 3, "key": 2}, "L3H1 · “ and” → “ Mary”"), ({"layer": 2, "query": 2}, "layer 2 · “ Mary”"),
     ({"tokens": (2, 4)}, "“ Mary and”"), ({"heads": [(3, 1), (1, 0)]}, "heads 3.1, 1.0"), ({"heads": [(3, 1)]}, "head 3.1"),
     ({"change": Intervention("z", layer=3, head=1)}, "z of head 3.1 set to zero"), ({}, "the whole run"), ({"layer": 3}, "layer 3"),
     ({"layer": -1}, "embedding"), ({"layer": 3, "head": 0}, "L3H0"), ({"key": 2}, "→ “ Mary”"), ({"query": (7, 10)}, "“’s”"),
     ({"change": Intervention("scores", layer=3, position=9, key=2)}, "looks from position 9 to position 2 cut in layer 3"),
     ({"query": 0}, "“<s>”"), ({"heads": [(i // 4, i % 4) for i in range(8)]}, "heads 0.0, 0.1, 0.2, 0.3, 1.0, 1.1 and 2 more")],
)  # fmt: skip
def test_a_place_is_said_in_words(given, words):
    place = on(**given)
    spans = {span.coordinate: (span.start, span.stop) for span in place.spans}
    assert place_words(place, spans, GROUND.tokens, GROUND.kinds) == words
    assert place_words(Note("a", "text", place)) == words, "a detached note is said in the words that it keeps"


def test_choices_of_the_same_words_are_told_apart_by_their_positions():
    place = on(layer=3, head=1, query=9, key=2)
    assert (
        place_words(place, {"query": (9, 10), "key": (6, 7)}, TOKENS, numbered=True) == "L3H1 · “s” at position 9 → “ Mary” at position 6"
    )


def test_a_place_with_the_numbers_of_another_run_is_said_without_its_tokens():
    assert place_words(Place(spans=(Span("query", 40, 42),)), {"query": (40, 42)}, TOKENS) == "positions 40 to 41"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "“a⏎b⇥c”"),
        ("\u202eevil\x00", "“U+202EevilU+0000”"),
        ("x" * 24, f"“{'x' * 24}”"),
        ("a" * 20 + "b" * 20, f"“{'a' * 12}…{'b' * 11}”"),
    ],
)
def test_a_quote_shows_what_is_unseen_and_loses_its_middle_where_it_is_long(text, shown):
    assert quoted(text) == shown


@pytest.mark.parametrize(
    ("change", "words"),
    [({"site": "z", "layer": 0, "head": 0}, "z of head 0.0 changed"),
     ({"site": "z", "layer": 0, "head": 0, "replacement": {"how": "own"}}, "z of head 0.0 held as in the clean run"),
     ({"site": "z", "layer": 0, "head": 0, "replacement": {"how": "mean"}}, "z of head 0.0 set to a mean"),
     ({"site": "mlp_out", "layer": 0, "position": 2, "replacement": {"how": "other"}},
      "mlp_out in layer 0 taken from another prompt at position 2"),
     ({"site": "z", "layer": 0, "replacement": {"how": "steered"}}, "z of every head in layer 0 changed"),
     ({"site": "z", "layer": 0, "replacement": 3}, "z of every head in layer 0 changed"),
     ({"site": "z", "layer": 0, "replacement": {"how": []}}, "z of every head in layer 0 changed"),
     ({"site": "z", "layer": 0, "replacement": {"how": "mean", "prompts": [[1], [2]]}},
      "z of every head in layer 0 set to its mean over 2 prompts"),
     ({"site": "scores", "layer": 0, "position": 2, "key": 1}, "looks from position 2 to position 1 cut in layer 0")],
)  # fmt: skip
def test_of_what_took_the_place_of_something_no_more_is_said_than_is_known(change, words):
    assert place_words(Place(change=change)) == words


def test_a_prediction_is_one_after_a_token():
    place = on(query=2, field="next_token")
    assert place_words(place) == place_words(place, {"query": (2, 3)}, TOKENS, GROUND.kinds) == "after “ Mary”"
    assert place_words(on(query=3, key=2, field="next_token")) == "“ and” → “ Mary”"
    assert place_words(on(field="next_token")) == "the whole run"


def test_a_change_of_a_later_version_is_said_as_far_as_it_is_known():
    assert place_words(Place(change={"site": "router", "expert": 3})) == "a change of router"
    assert place_words(Place(change={"layer": {"odd": 1}})) == "a change of something"
