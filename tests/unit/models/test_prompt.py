"""A prompt is encoded exactly as the tokenizer does, and what cannot be a prompt is refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BatchEncoding, PreTrainedTokenizerFast

from llmwidgets.models.errors import PromptError
from llmwidgets.models.loading import Subject, resolve
from llmwidgets.models.prompt import encode
from tests.architectures import build

WORDS = ["<unk>", "<s>", "the", "cat", "sat", "user", "assistant"]


def word_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>")


@pytest.fixture(scope="module")
def subject() -> Subject:
    return resolve(build("gpt2"), word_tokenizer())


@pytest.fixture(scope="module")
def without_tokenizer() -> Subject:
    return resolve(build("gpt2"))


def test_text_is_encoded_as_the_tokenizer_does(subject: Subject) -> None:
    encoded = encode(subject, "the cat sat")
    assert encoded.ids.tolist() == subject.tokenizer("the cat sat")["input_ids"] == [2, 3, 4]
    assert encoded.text == "the cat sat"


@pytest.mark.parametrize(
    "prompt",
    [[2, 3, 4], (2, 3, 4), torch.tensor([2, 3, 4]), torch.tensor([[2, 3, 4]]), np.array([2, 3, 4]), [[2, 3, 4]],
     BatchEncoding({"input_ids": [[2, 3, 4]]}), {"input_ids": torch.tensor([[2, 3, 4]])}],
)  # fmt: skip
def test_ids_need_no_tokenizer(without_tokenizer: Subject, prompt: object) -> None:
    encoded = encode(without_tokenizer, prompt)
    assert encoded.ids.tolist() == [2, 3, 4]
    assert encoded.ids.dtype == torch.int64
    assert encoded.text is None


def test_the_padding_of_a_batch_encoding_is_kept(without_tokenizer: Subject) -> None:
    encoded = encode(without_tokenizer, {"input_ids": [[0, 3, 4]], "attention_mask": [[0, 1, 1]]})
    assert encoded.attention_mask.tolist() == [0, 1, 1]


def test_a_chat_goes_through_the_tokenizer_s_template(subject: Subject) -> None:
    tokenizer = word_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role + ' ' + m.content + ' ' }}{% endfor %}{% if add_generation_prompt %}assistant{% endif %}"
    )
    encoded = encode(resolve(subject.model, tokenizer), [{"role": "user", "content": "the cat"}])
    assert encoded.text == "user the cat assistant"
    assert encoded.ids.tolist() == [5, 2, 3, 6]


@pytest.mark.parametrize(
    "prompt, sentence",
    [
        ("", "the prompt is empty"),
        ([], "the prompt has no tokens"),
        (torch.zeros(1, 0, dtype=torch.long), "the prompt has no tokens"),
        (["the cat", "sat"], "got a list of 2 strings; a capture is of one prompt"),
        ([[1, 2], [3, 4]], r"got 2 prompts at once \(shape \(2, 2\)\)"),
        (torch.zeros(1, 1, 2, dtype=torch.long), r"shape \(1, 1, 2\)"),
        ([0.5, 1.0], "dtype torch.float32; expected whole numbers"),
        ([True, False], "dtype torch.bool"),
        ([1, 200], r"token ids run from 1 to 200, but the vocabulary .* holds 0 to 199"),
        ([-1, 3], "token ids run from -1 to 3"),
        (list(range(129)), r"the prompt has 129 tokens, but .* takes at most 128"),
        (None, "got NoneType as the prompt; expected a str, token ids"),
        (object(), "got object as the prompt"),
        ({"ids": [1]}, r"mapping with \['ids'\]; expected one with 'input_ids'"),
        ({"input_ids": [1, 2], "attention_mask": [1]}, "attention_mask has 1 entries for 2 tokens"),
        ([{"role": "user", "content": "the"}], "the tokenizer of .* has no chat template"),
        ([{"role": "user", "text": "the"}], "message 0 of the chat has 'role', 'text'; expected 'role' and 'content'"),
        ("the \ud800 cat", "no text that can be encoded"),
    ],
)
def test_what_cannot_be_a_prompt_is_refused_with_the_reason(subject: Subject, prompt: object, sentence: str) -> None:
    with pytest.raises(PromptError, match=sentence):
        encode(subject, prompt)


@pytest.mark.parametrize("prompt", ["the cat", [{"role": "user", "content": "the"}]])
def test_text_without_a_tokenizer_says_what_to_give(without_tokenizer: Subject, prompt: object) -> None:
    with pytest.raises(ValueError, match=r"no tokenizer was found for 'GPT2LMHeadModel'. Give one with tokenizer=, or give token ids"):
        encode(without_tokenizer, prompt)
