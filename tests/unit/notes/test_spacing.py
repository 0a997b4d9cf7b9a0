"""Tokens that do not carry their white space make the same words as those that do, so notes go from one to the other."""

from __future__ import annotations

import pytest

from llmwidgets.fields import Place
from llmwidgets.notes.ground import Ground
from llmwidgets.notes.note import Note
from llmwidgets.notes.placing import place_on
from llmwidgets.notes.run_text import text_of
from llmwidgets.notes.spacing import spaced
from llmwidgets.notes.standing import standing
from llmwidgets.notes.words import place_words


def read(prompt: str | None, *tokens: str, special: str = "[CLS]") -> str:
    kinds = tuple("special" if token == special else "text" for token in tokens)
    return text_of(tokens, spaced(tokens, kinds, prompt)).text


def ground(prompt: str, tokens: list[str], model: str = "m") -> Ground:
    kinds = ["special" if token.startswith("[") else "text" for token in tokens]
    return Ground(model, model, prompt, prompt, tuple(tokens), spaced(tokens, kinds, prompt), (4,))


def words(prompt: str, model: str = "m") -> Ground:
    return ground(prompt, prompt.split(), model)


@pytest.mark.parametrize(
    ("prompt", "tokens", "text"),
    [
        ("the cat sat", "the cat sat", "the cat sat"),
        ("The Café, playing (well-known) 猫猫 at 3.", "[CLS] the cafe , play ##ing ( well - known ) 猫 猫 at 3 .",
         "the cafe, playing (well-known) 猫猫 at 3."),
        ("unaffable", "un ##aff ##able", "unaffable"),
        ("the zzz sat", "the [CLS] sat", "the sat"),
        ("don't  stop\nnow", "don ' t stop now", "don't stop now"),
        (" cats’ tails", "cats ’ tails", "cats’ tails"),
    ],
)  # fmt: skip
def test_words_stand_apart_where_they_do_in_the_prompt(prompt, tokens, text):
    assert read(prompt, *tokens.split()) == text


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("the cat , play ##ing ( well ) .", "the cat, playing (well)."),
        ("[CLS] w1 w2", "w1 w2"),
        ("猫 很 可爱", "猫很可爱"),
        ("Hello , you", None),
    ],
)
def test_without_the_text_of_the_prompt_words_are_known_by_their_letters(tokens, text):
    assert read(None, *tokens.split()) == (tokens.replace(" ", "") if text is None else text)


@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [("the cat", ("the", " cat")), ("unaffable", ("un", "aff", "able")), ("猫很可爱", ("猫", "很可", "爱")),
     ("Hello,you", ("Hello", ",", "you")), ("###title", ("###", "title")), ("a\nb", ("a", "\n", "b"))],
)  # fmt: skip
def test_tokens_that_carry_their_white_space_stay_as_they_are(prompt, tokens):
    assert spaced(tokens, ("text",) * len(tokens), prompt) == ("text",) * len(tokens)
    assert spaced(("a", "<0x0A>", "b"), ("text", "byte", "text"), "a\nb") == ("text", "byte", "text")


def test_a_note_on_a_word_is_not_put_on_another_word_that_holds_its_letters():
    note = Note("a", "", place_on(words("the cat sat"), query=1))
    asked = standing(note, words("on category mat"))
    assert (asked.kind, asked.why) == ("choose", "“cat” is found only within another word")
    for prompt, at in (("the scatter on mat cat", 4), ("category of cat", 2)):
        found = standing(note, words(prompt))
        assert (found.kind, found.spans) == ("moved", {"query": (at, at + 1)})
    number = Note("a", "", place_on(words("w1 w2 w3"), query=1))
    assert standing(number, words("w5 w20 w2")).spans == {"query": (2, 3)}
    assert standing(number, words("w5 w20 w6")).kind == "choose"


def test_notes_go_between_tokenizers_that_cut_at_white_space_and_those_that_do_not():
    gpt2 = ground("When Mary and John went", ["When", " Mary", " and", " John", " went"], "gpt2")
    bert = ground("Then Mary played, and John", ["[CLS]", "Then", "Mary", "play", "##ed", ",", "and", "John", "[SEP]"], "bert")
    assert standing(Note("a", "", place_on(gpt2, query=3, key=1)), bert).spans == {"query": (7, 8), "key": (2, 3)}
    assert standing(Note("a", "", place_on(gpt2, query=(2, 4))), bert).spans == {"query": (6, 8)}
    assert standing(Note("a", "", place_on(bert, query=(6, 8), key=2)), gpt2).spans == {"query": (2, 4), "key": (1, 2)}
    played = Note("a", "", place_on(bert, query="played, and"))
    assert place_words(played, {"query": (3, 7)}, bert.tokens, bert.kinds) == place_words(played) == "“played, and”"
    assert standing(played, ground("He played, and", ["He", " played", ",", " and"], "gpt2")).spans == {"query": (1, 4)}
    assert isinstance(played.place, Place) and played.place.spans[0].prefix == "Then Mary "


def test_a_long_prompt_of_which_no_word_is_found_is_told_in_time_that_grows_with_its_length():
    tokens = ["w"] * 20_000
    assert spaced(tokens, ["text"] * 20_000, "x " * 200_000) == ("word",) * 20_000
