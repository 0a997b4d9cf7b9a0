"""How notes stand on other prompts, tokenizers and models: never dropped, never put where they may not belong without being asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.experiments.intervention import Intervention
from llmwidgets.fields import Place, Span
from llmwidgets.notes.anchor import MOST_CHOICES
from llmwidgets.notes.ground import Ground
from llmwidgets.notes.note import Note
from llmwidgets.notes.placing import place_on
from llmwidgets.notes.standing import Standing, standing

CARRIED = "carried over from gpt2: made there, not tested on this model"


def ground(
    prompt: str, *tokens: str, model: str = "m1", name: str = "gpt2", heads: tuple[int, ...] = (4, 4, 4, 4), run: str = ""
) -> Ground:
    return Ground(name, model, prompt, run or prompt, tokens, ("text",) * len(tokens), heads)


OWN = ground("p1", "When", " Mary", " and", " John", " went", ",", " he", " gave", " it", " to")
OTHER_PROMPT = ground("p2", "So", " John", " met", " Mary", " and", " then", " gave", " it", " to")
OTHER_MODEL = replace(
    OWN, model_name="demo", model="m2", prompt="p3", tokens=("When Mary", " and J", "ohn went", ", he gave it to"), kinds=("text",) * 4
)


def note(on: Ground = OWN, **coordinates) -> Note:
    return Note("a", "a finding", place_on(on, **coordinates))


def test_on_its_own_prompt_and_model_a_note_stands_by_the_numbers_of_its_tokens():
    assert standing(note(layer=3, head=1, query=-1, key=1), OWN) == Standing("here", {"query": (9, 10), "key": (1, 2)})
    assert standing(note(layer=3, head=1), OWN) == Standing("here")
    changed = replace(OWN, run="p1 with head 3.1 set to zero")
    assert standing(note(layer=3, query=1), changed).kind == "here"


def test_on_another_prompt_it_moves_with_its_quote():
    found = standing(note(layer=3, head=1, query=-1, key=1), OTHER_PROMPT)
    assert found == Standing("moved", {"query": (8, 9), "key": (3, 4)}, "made on another prompt")


def test_what_is_about_no_token_moves_to_any_prompt_and_says_so():
    for coordinates in ({"layer": 3, "head": 1}, {"layer": 3}, {"heads": [(0, 1), (3, 2)]}, {}):
        assert standing(note(**coordinates), OTHER_PROMPT) == Standing("moved", why="made on another prompt")


def test_a_quote_that_is_not_there_is_named_and_the_note_kept():
    found = standing(note(layer=3, head=1, query=-1, key=4), OTHER_PROMPT)
    assert found == Standing("detached", why="“ went” is not found on this prompt")


def test_a_quote_that_is_there_more_often_gives_whole_choices():
    twice = ground("p4", " Mary", " saw", " Mary", " go", " to")
    found = standing(note(layer=3, head=1, query=-1, key=1), twice)
    assert (found.kind, found.spans, found.why) == ("choose", {}, "“ Mary” is found at 2 places")
    assert [dict(choice) for choice in found.choices] == [{"query": (4, 5), "key": (0, 1)}, {"query": (4, 5), "key": (2, 3)}]


def test_a_word_that_is_only_within_another_is_asked_about():
    found = standing(note(layer=3, head=1, query=-1, key=1), ground("p6", " Maryland", " goes", " to"))
    assert (found.kind, found.why) == ("choose", "“ Mary” is found only within another word")
    assert [dict(choice) for choice in found.choices] == [{"query": (2, 3), "key": (0, 1)}]
    both = standing(note(layer=3, head=1, query=-1, key=1), ground("p7", " Maryland", " Marys", " to", " to"))
    assert both.why == "“ to” is found at 2 places and “ Mary” only within other words, at 2 places"


def test_choices_of_query_and_key_are_combined_and_bounded():
    often = ground("p5", *[" Mary", " to"] * 30)
    found = standing(note(layer=3, head=1, query=-1, key=1), often)
    assert len(found.choices) == MOST_CHOICES and len({tuple(choice.items()) for choice in found.choices}) == MOST_CHOICES
    assert found.why == "“ to” is found at 30 places and “ Mary” at 30 places; the likeliest 20 are offered"


def test_a_token_that_looks_at_itself_does_so_in_every_choice():
    found = standing(note(layer=3, head=1, query=1, key=1), ground("p4", " Mary", " saw", " Mary"))
    assert [dict(choice) for choice in found.choices] == [{"query": at, "key": at} for at in ((0, 1), (2, 3))]


def test_what_a_reader_said_of_a_prompt_comes_first():
    chosen = replace(note(layer=3, query=4), attached={"p2": {"query": (2, 3)}, "p9": {"query": (0, 1)}})
    assert standing(chosen, OTHER_PROMPT) == Standing("moved", {"query": (2, 3)}, "put here by hand")
    past = replace(note(layer=3, query=4), attached={"p2": {"query": (20, 30)}})
    assert standing(past, OTHER_PROMPT).kind == "detached", "numbers past the prompt are not believed"


def test_on_another_model_a_note_is_carried_and_says_from_where():
    found = standing(note(layer=3, head=1, query=-1, key=1), OTHER_MODEL)
    assert found == Standing("carried", {"query": (3, 4), "key": (0, 1)}, CARRIED)
    assert standing(note(layer=3, head=1), OTHER_MODEL) == Standing("carried", {}, CARRIED)


def test_the_same_name_with_other_weights_is_another_model():
    found = standing(note(layer=3), replace(OWN, model="m9"))
    assert (found.kind, found.why) == ("carried", CARRIED.replace("gpt2:", "gpt2 with other weights:"))


def test_the_same_ids_under_another_vocabulary_are_found_by_their_words():
    words = replace(OWN, model="m2", model_name="demo", tokens=(" Mary", *OWN.tokens[2:], "x"))
    assert standing(note(layer=3, query=1), words).spans == {"query": (0, 1)}
    assert standing(note(layer=3, query=1), replace(OWN, model="m2")).spans == {"query": (1, 2)}


@pytest.mark.parametrize(
    ("coordinates", "says"),
    [({"layer": 3, "head": 1}, "demo has no layer 3: its 2 layers are 0 to 1"),
     ({"layer": 1, "head": 3}, "demo has no head 3 in layer 1: it has 2 there"),
     ({"layer": 0, "head": 0}, "demo has no head 0 in layer 0: it has none there"), ({"heads": [(1, 1), (2, 0)]}, "demo has no layer 2"),
     ({"change": Intervention("z", layer=3, head=1)}, "demo has no layer 3"), ({"layer": 3, "query": 1}, "demo has no layer 3")],
)  # fmt: skip
def test_layers_and_heads_that_another_model_lacks_are_named(coordinates, says):
    small = replace(OWN, model_name="demo", model="m2", heads_per_layer=(0, 2))
    found = standing(note(**coordinates), small)
    assert found.kind == "detached" and found.why.startswith(says)


def test_of_very_many_layers_and_heads_the_first_that_is_missing_is_named():
    many = Note("a", "", Place(change={"site": "z", "layer": list(range(20_000)), "head": list(range(20_000))}))
    assert standing(many, OWN).why.startswith("gpt2 has no head 4 in layer 0")


def test_an_ambiguous_note_from_another_model_is_chosen_and_says_both():
    found = standing(note(layer=3, query=1), replace(OTHER_MODEL, tokens=(" Mary", " Mary"), kinds=("text",) * 2))
    assert found.kind == "choose" and found.why == f"“ Mary” is found at 2 places; {CARRIED}"


def test_the_row_of_the_embedding_is_on_every_model():
    assert standing(note(layer=-1), OTHER_MODEL).kind == "carried"


def test_an_intervention_everywhere_goes_with_the_note_one_at_tokens_with_their_quotes():
    assert standing(note(change=Intervention("z", layer=3, head=1)), OTHER_PROMPT).kind == "moved"
    cut = note(change=Intervention("scores", layer=3, head=1, position=9, key=1))
    assert standing(cut, OWN).kind == "here"
    assert standing(cut, OTHER_PROMPT).spans == {"query": (8, 9), "key": (3, 4)}
    unquoted = Note("a", "", replace(cut.place, spans=()))
    assert standing(unquoted, OWN).kind == "here"
    assert standing(unquoted, OTHER_PROMPT) == Standing("detached", why="made on another prompt, at position 9")


def test_a_note_without_a_run_stands_by_its_numbers_as_far_as_they_exist():
    loose = Note("a", "", Place("", {"layer": 3}, (Span("query", 2, 4),)))
    found = standing(loose, OWN)
    assert found == Standing("moved", {"query": (2, 4)}, "the run on which it was made is not known")
    assert standing(loose, ground("p8", "one", " two")) == Standing("detached", why="its tokens are past the 2 tokens of this prompt")
    assert standing(Note("a", "", Place("", {"layer": 9})), OWN).kind == "detached"
    quoted = Note("a", "", Place("", {"layer": 3}, (Span("query", 0, 1, " Mary"),)))
    assert standing(quoted, OWN).spans == {"query": (1, 2)}


def test_numbers_past_the_end_of_its_own_prompt_fall_back_to_the_quote():
    wrong = Note("a", "", replace(note(layer=3, query=1).place, spans=(Span("query", 70, 71, " Mary"),)))
    assert standing(wrong, OWN) == Standing("moved", {"query": (1, 2)})


TOKENS = st.lists(st.sampled_from([" Mary", " John", " to", "a", " a", "\n", "", "猫"]), min_size=1, max_size=12)
PLACES = st.integers(-3, 14)


@given(
    TOKENS,
    st.builds(
        Place,
        st.sampled_from(["", "attention"]),
        st.dictionaries(st.sampled_from(["layer", "head", "neuron"]), PLACES),
        st.lists(
            st.builds(
                Span,
                st.sampled_from(["query", "key"]),
                PLACES,
                PLACES,
                st.sampled_from(["", " Mary", "a", " ", "x"]),
                at=st.integers(-1, 9),
            ),
            max_size=2,
            unique_by=lambda s: s.coordinate,
        ).map(tuple),
        st.lists(st.tuples(PLACES, PLACES), max_size=2).map(tuple),
        st.one_of(
            st.none(),
            st.dictionaries(
                st.sampled_from(["site", "layer", "head", "position", "key"]), st.one_of(PLACES, st.lists(PLACES), st.text(max_size=3))
            ),
        ),
        st.sampled_from(["", "gpt2"]),
        st.sampled_from(["", "m1", "m2"]),
        st.sampled_from(["", "p1", "p2"]),
    ),
    st.dictionaries(st.just("p1"), st.dictionaries(st.sampled_from(["query", "key"]), st.tuples(PLACES, PLACES))),
)
@settings(max_examples=400, deadline=None)
def test_any_note_whatever_its_place_holds_gets_a_standing_that_can_be_drawn(tokens, place, attached):
    on = ground("p1", *tokens, heads=(2, 0, 4))
    found = standing(Note("a", "", place, attached=attached), on)
    assert found.kind in ("here", "moved", "choose", "carried", "detached")
    assert bool(found.why) or found.kind in ("here", "moved")
    assert bool(found.choices) == (found.kind == "choose") and len(found.choices) <= MOST_CHOICES
    for spans in (found.spans, *found.choices):
        assert all(0 <= start < stop <= len(tokens) for start, stop in spans.values())


def test_no_choice_turns_a_look_back_into_one_ahead_where_there_is_another():
    """The key stood before its query; of the places offered none has it after, while one has it before."""
    look = note(layer=3, head=1, query=-1, key=1)  # " to" looks back at " Mary"
    twice = ground("p4", "To", " Mary", " said", " to", " Mary", " so", " to")
    found = standing(look, twice)
    assert found.kind == "choose" and {"query": (3, 4), "key": (1, 2)} in found.choices
    assert all(one["key"][0] < one["query"][0] for one in found.choices) and len(found.choices) == 3
    only_ahead = ground("p5", " to", " to", " Mary", " Mary")
    assert len(standing(look, only_ahead).choices) == 4
