"""A stretch of tokens is found again by its words: on its own tokens, cut by another tokenizer, in another text."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llmwidgets.fields import Span
from llmwidgets.notes.anchor import AROUND, MOST_CHOICES, Found, find, occurrences, span_of
from llmwidgets.notes.run_text import RunText, text_of

WORDS = st.sampled_from(
    [" Mary", " John", " to", "to", " a", "an", "a", ",", " é", "’", "\n", " ", "  ", "猫", "🐈", "<b>", "ab", "aba", ""]
)


def plain(*tokens: str) -> RunText:
    return text_of(tokens, ("text",) * len(tokens))


@st.composite
def cut_as_bytes(draw, text: str) -> RunText:
    """The tokens of a tokenizer that cuts `text` anywhere, also within a character, with special tokens in between."""
    raw = text.encode()
    ends = sorted(draw(st.sets(st.integers(1, max(1, len(raw) - 1)), max_size=len(raw)))) if len(raw) > 1 else []
    tokens, kinds = [], []
    for start, stop in zip([0, *ends], [*ends, len(raw)], strict=True):
        within = start < len(raw) and 0x80 <= raw[start] < 0xC0  # a special token stands between characters
        if not within and draw(st.integers(0, 9)) == 0:
            tokens.append("<|endoftext|>")
            kinds.append("special")
        part = raw[start:stop]
        try:
            tokens.append(part.decode())
            kinds.append("text")
        except UnicodeDecodeError:
            tokens.append("".join(f"<0x{byte:02X}>" for byte in part))
            kinds.append("byte")
    return text_of(tuple(tokens), tuple(kinds))


@st.composite
def runs(draw) -> RunText:
    return draw(cut_as_bytes("".join(draw(st.lists(WORDS, min_size=1, max_size=25)))))


@st.composite
def runs_with_a_span(draw) -> tuple[RunText, Span]:
    run = draw(runs())
    start = draw(st.integers(0, len(run.tokens) - 1))
    stop = draw(st.integers(start + 1, len(run.tokens)))
    return run, span_of(run, draw(st.sampled_from(["query", "key"])), start, stop)


def test_special_tokens_take_no_part_in_the_text_and_bytes_make_characters():
    run = text_of(
        ("<s>", "it", "<0xE2>", "<0x80>", "<0x99>", "s", "<0xF0><0x9F>", "</s>"),
        ("special", "text", *["byte"] * 3, "text", "byte", "special"),
    )
    assert run.text == "it’s<0xF0><0x9F>", "bytes that make no character stand as they are written"
    assert list(zip(run.starts, run.stops, strict=True)) == [(0, 0), (0, 2), (2, 3), (2, 3), (2, 3), (3, 4), (4, 16), (16, 16)]
    assert run.covering(2, 3) == (2, 5) and run.covering(0, 1) == (1, 2)


@given(st.data(), st.text(st.sampled_from("ab é猫🐈’\n"), max_size=30))
@settings(max_examples=150, deadline=None)
def test_however_a_text_is_cut_its_tokens_give_the_text_back(data, text):
    run = data.draw(cut_as_bytes(text))
    assert run.text == text
    for i in range(len(run.tokens)):
        assert run.starts[i] <= run.stops[i]
    letters = [i for i, kind in enumerate(run.kinds) if kind != "special" and run.tokens[i]]
    if letters:
        assert run.starts[letters[0]] == 0 and run.stops[letters[-1]] == len(text)
        assert all(run.starts[b] <= run.stops[a] for a, b in pairwise(letters)), "no character is left out"


def test_a_span_keeps_its_quote_what_stands_around_it_and_where_it_began():
    run = plain(*[f" word{i:02d}" for i in range(30)])  # seven characters each
    span = span_of(run, "query", 10, 12)
    assert (span.quote, span.at) == (" word10 word11", 70)
    assert (span.prefix, span.suffix) == (run.text[70 - AROUND : 70], run.text[84 : 84 + AROUND])


@given(runs_with_a_span())
@settings(max_examples=300, deadline=None)
def test_on_its_own_tokens_every_span_finds_itself(pair):
    run, span = pair
    found = find(span, run)
    assert (span.start, span.stop) in found.spans or found.total > MOST_CHOICES
    assert found.sure == (found.total == 1) and len(found.spans) <= MOST_CHOICES


@given(runs_with_a_span(), st.data())
@settings(max_examples=300, deadline=None)
def test_another_tokenization_of_the_text_finds_the_same_characters(pair, data):
    run, span = pair
    assume(span.at >= 0 and span.quote.strip())
    other = data.draw(cut_as_bytes(run.text))
    begin, end = run.characters(span.start, span.stop)
    found = find(span, other)
    assert found.total > MOST_CHOICES or (begin, end) in [covered(other, at, begin, end) for at in found.spans]


@given(runs_with_a_span(), runs())
@settings(max_examples=300, deadline=None)
def test_what_is_found_covers_the_quote_and_no_token_beyond_it(pair, other):
    _, span = pair
    found = find(span, other)
    for start, stop in found.spans:
        begin, end = other.characters(start, stop)
        assert 0 <= start < stop <= len(other.tokens)
        if span.at < 0:
            assert "".join(other.tokens[start:stop]) == span.quote
        else:
            assert span.quote in other.text[begin:end] or span.quote.strip() in other.text[begin:end]


def covered(run: RunText, tokens: tuple[int, int], begin: int, end: int) -> tuple[int, int]:
    """The characters begin to end, if these are just the tokens that lie in them."""
    first, last = run.characters(*tokens)
    inner = [i for i in range(*tokens) if run.kinds[i] != "special"]
    fits = first <= begin < max(run.stops[inner[0]], begin + 1) and run.starts[inner[-1]] < end <= last
    return (begin, end) if fits else (first, last)


def test_a_quote_that_is_there_once_is_found_there():
    span = span_of(plain("When", " Mary", " went"), "query", 1, 2)
    assert find(span, plain("So", " then", " Mary", " came")) == Found(((2, 3),), 1, True)


def test_of_several_the_one_with_all_its_surroundings_is_meant():
    span = span_of(plain(" x", " Mary", " gave", " y"), "query", 1, 2)
    found = find(span, plain(" z", " Mary", " took", " x", " Mary", " gave", " y", " Mary"))
    assert found.sure and found.spans == ((4, 5),)


def test_where_surroundings_agree_with_none_in_full_all_are_offered_likeliest_first():
    span = span_of(plain("When", " Mary", " gave", " a", " book"), "query", 1, 2)
    found = find(span, plain(" the", " Mary", " took", " and", " Mary", " gave", " it", "When", " Mary", " gave", " b"))
    assert not found.sure and found.total == 3
    assert found.spans == ((8, 9), (4, 5), (1, 2))


def test_of_places_that_look_alike_the_nearest_to_the_old_one_comes_first():
    span = span_of(plain(*[" a", " b"] * 10), "query", 11, 12)
    found = find(span, plain(*[" b"] * 20))
    assert found.spans[0] == (11, 12) and found.total == 20


def test_a_word_is_not_taken_for_a_part_of_another_as_long_as_it_is_there_itself():
    span = span_of(plain("It", " is", " a", " cat"), "query", 2, 3)
    assert find(span, plain(" and", " an", " a", " apple")) == Found(((2, 3),), 1, True)
    assert find(span, plain(" and", " then")) == Found(((0, 1),), 1, False, within=True), "where it is nowhere a word, it is asked"


def test_in_scripts_without_spaces_words_may_begin_and_end_anywhere():
    assert find(span_of(plain("猫", "很", "可爱"), "query", 0, 1), plain("我的", "猫咪")) == Found(((1, 2),), 1, True)


def test_a_part_of_a_word_is_found_within_words():
    span = span_of(plain(" intro", "duc", "tion"), "query", 1, 2)
    assert find(span, plain(" re", "produc", "ed")).spans == ((1, 2),)


@pytest.mark.parametrize(
    ("tokens", "spans"), [(("Mary", " came"), ((0, 1),)), (("(", "Mary", ")"), ((1, 2),)), (("Maryland",), ()), (("mary",), ())]
)
def test_a_quote_without_the_spaces_around_it_is_found_as_a_whole_word(tokens, spans):
    assert find(span_of(plain("When", " Mary"), "query", 1, 2), plain(*tokens)).spans == spans


def test_several_finds_in_the_same_tokens_are_one_place():
    found = find(span_of(plain("x", "a"), "query", 1, 2), plain("b", "banana"))
    assert found.spans == ((1, 2),) and found.sure


def test_composed_and_decomposed_characters_are_told_apart():
    assert find(span_of(plain("caf\u00e9"), "query", 0, 1), plain("cafe\u0301")) == Found()


def test_a_special_token_is_found_as_it_is_written_wherever_it_stands():
    bert = text_of(("[CLS]", "the", "[MASK]", "sat", "[SEP]"), ("special", "word", "special", "word", "special"))
    longer = text_of(("[CLS]", "a", "big", "[MASK]", "[UNK]", "[SEP]"), ("special", "word", "word", "special", "special", "special"))
    for at, where in ((0, 0), (2, 3), (4, 5)):
        assert find(span_of(bert, "key", at, at + 1), longer) == Found(((where, where + 1),), 1, True)
    assert find(span_of(longer, "key", 3, 5), bert) == Found()
    assert find(span_of(longer, "key", 3, 6), text_of(("[MASK]", "[UNK]", "[SEP]"), ("special",) * 3)).spans == ((0, 3),)
    assert find(span_of(bert, "key", 2, 3), plain("[MASK]", "sat")) == Found(), "a text of these letters is none"


def test_a_special_token_that_stands_there_more_often_is_offered_the_same_number_first():
    span = span_of(text_of(("<s>", "a", "<s>"), ("special", "text", "special")), "key", 2, 3)
    often = text_of(("<s>", "b", "<s>", "<s>", "c"), ("special", "text", "special", "special", "text"))
    assert find(span, often) == Found(((2, 3), (3, 4), (0, 1)), 3, False)
    many = find(span, text_of(("<s>",) * 5000, ("special",) * 5000))
    assert many.total == 5000 and len(many.spans) == MOST_CHOICES and many.spans[0] == (2, 3)


LINES = ("x", " =", " 1", "\n", "y", " =", " 2", "\n", "z", " =", " 3", "\n")


def test_white_space_is_found_by_what_stands_around_it():
    span = span_of(plain(*LINES), "key", 3, 4)
    assert find(span, plain("w", " =", " 0", "\n", *LINES)) == Found(((7, 8),), 1, True), "not the one with its old number"
    found = find(span, plain("x", "y", *LINES[1:]))
    assert (found.total, found.sure, found.spans[0]) == (3, False, (4, 5))
    assert find(span, plain("a", "\n", "b")) == Found(((1, 2),), 1, True)
    assert find(span, plain("a", " b")) == Found()


def test_white_space_is_found_as_tokens_of_its_own():
    newline, space = (span_of(plain("a", quote, "b"), "key", 1, 2) for quote in ("\n", " "))
    assert find(newline, plain("a", "\n", "b", "\n\n", "c.\n")).spans == ((1, 2),)
    assert find(newline, plain("a", "\n\n", "b.\n")).spans == ((1, 2),)
    assert find(newline, plain("a", "b.\n")).spans == ((1, 2),), "where it is only within a token, there"
    assert find(space, plain("a", " b")) == Found(), "that of a word is not a token"
    assert find(space, text_of(("a", "b"), ("word", "word"))) == Found(), "nor is that between words"
    assert find(newline, text_of(("\n",), ("special",))) == Found()


def test_tokens_without_a_character_are_found_by_number_alone():
    span = span_of(plain("a", "", "b"), "key", 1, 2)
    assert find(span, plain("c", "", "d")) == Found(((1, 2),), 1, True)
    assert find(span, plain("c", "d")) == find(span, plain("c")) == Found()


def test_finds_that_overlap_are_all_found_also_in_long_texts_that_repeat_themselves():
    rng = random.Random(5)
    for _ in range(50):
        text, quote = ("".join(rng.choices("ab", k=size)) for size in (60, rng.randint(1, 6)))
        assert list(occurrences(text, quote)) == [i for i in range(60) if text.startswith(quote, i)]
    long = "ab" * 20_000
    assert list(occurrences(long, "ab" * 10_000)) == list(range(0, 20_001, 2))


def test_a_very_frequent_token_of_a_long_text_is_found_in_time_that_grows_with_its_length():
    def seconds(length: int) -> float:
        run = plain(*[" the"] * length)
        other = plain("So", *[" the"] * length)
        spans = [span_of(run, "query", length // 2, length // 2 + 1), span_of(run, "query", 0, length // 2)]
        begun = time.process_time()
        found = [find(span, other) for span in spans]
        assert [one.total for one in found] == [length, length - length // 2 + 1] and all(len(one.spans) == MOST_CHOICES for one in found)
        return time.process_time() - begun

    seconds(1_000)
    assert seconds(100_000) < 3


def test_bare_ids_are_told_apart():
    """Of a run without a tokenizer: 12 and 57 are no 1257, and no 2 5."""
    told = text_of(("12", "57", "1257", "2", "5"), ("id",) * 5)
    assert told.text == "12 57 1257 2 5"
    span = span_of(told, "query", 0, 2)
    assert (span.quote, span.at) == ("12 57", 0)
    assert find(span, text_of(("7", "12", "57"), ("id",) * 3)).spans == ((1, 3),)
    assert find(span, text_of(("1257", "12"), ("id",) * 2)).spans == ()
