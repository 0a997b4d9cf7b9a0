"""Tokens show as text with their real spaces, and what is no text by itself says so."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE, Unigram
from tokenizers.pre_tokenizers import ByteLevel, Metaspace
from transformers import PreTrainedTokenizerFast

from llmwidgets.models.tokens import token_kinds, token_names


def byte_level() -> PreTrainedTokenizerFast:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate([*letters, "Ġt", "Ġth", "<|end|>"])}
    tokenizer = Tokenizer(BPE(vocabulary, merges=[("Ġ", "t"), ("Ġt", "h")]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")


def sentence_piece() -> PreTrainedTokenizerFast:
    pieces = ["<unk>", "</s>", "▁the", "▁", "cat", "<0xE2>", "\n"]
    tokenizer = Tokenizer(Unigram([(piece, -1.0) for piece in pieces], unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.Metaspace(), decoders.ByteFallback()])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")


def test_byte_level_tokens_have_their_spaces_newlines_and_letters() -> None:
    tokenizer = byte_level()
    ids = tokenizer("a th\né<|end|>")["input_ids"]
    assert token_names(tokenizer, ids) == ["a", " th", "\n", "<0xC3>", "<0xA9>", "<|end|>"]
    assert token_kinds(tokenizer, ids) == ["text", "text", "text", "byte", "byte", "special"]


def test_sentence_pieces_have_their_spaces_and_bytes() -> None:
    tokenizer = sentence_piece()
    assert token_names(tokenizer, [2, 3, 4, 5, 6, 1]) == [" the", " ", "cat", "<0xE2>", "\n", "</s>"]
    assert token_kinds(tokenizer, [2, 3, 4, 5, 6, 1]) == ["text", "text", "text", "byte", "text", "special"]


def test_without_a_tokenizer_a_token_is_its_id() -> None:
    assert token_names(None, [3, 14]) == ["3", "14"]
    assert token_kinds(None, [3, 14]) == ["text", "text"]


def test_an_id_beyond_the_tokenizer_s_vocabulary_is_shown_as_such() -> None:
    assert token_names(byte_level(), [100_000]) == ["<100000>"]
    assert token_kinds(byte_level(), [100_000]) == ["special"]
