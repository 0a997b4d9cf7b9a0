"""Answers to prompts: how often the likeliest next token of the whole vocabulary is a right one."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import torch

from .corpus.example import Example
from .corpus.words import NAMES


def encode(tokenizer, examples: Sequence[Example], start: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """(ids, last): ids (prompt, position) padded on the right, and the position of each prompt's last token."""
    prompts = [([tokenizer.bos_token_id] if start else []) + tokenizer(e.prompt).input_ids for e in examples]
    longest = max(map(len, prompts))
    ids = torch.tensor([p + [tokenizer.pad_token_id] * (longest - len(p)) for p in prompts])
    return ids, torch.tensor([len(p) - 1 for p in prompts])


@torch.no_grad()
def last_logits(model, tokenizer, examples: Sequence[Example], start: bool = False) -> torch.Tensor:
    """Logits after each prompt (prompt, vocabulary). Padding stands after the prompt, where it changes nothing."""
    ids, last = encode(tokenizer, examples, start)
    mask = (torch.arange(ids.shape[1]) <= last[:, None]).long()  # (prompt, position)
    return model(ids, attention_mask=mask).logits[torch.arange(len(ids)), last]


def answer_ids(tokenizer, example: Example) -> list[int]:
    """The first token of each right answer."""
    return [tokenizer(answer).input_ids[0] for answer in example.answers]


def accuracy(model, tokenizer, examples: Sequence[Example], start: bool = False) -> float:
    said = last_logits(model, tokenizer, examples, start).argmax(-1).tolist()
    return sum(token in answer_ids(tokenizer, e) for token, e in zip(said, examples, strict=True)) / len(examples)


def giver_of(example: Example) -> str:
    """The name that an indirect-object prompt says twice."""
    words = re.findall("[A-Za-z]+", example.prompt)
    return next(word for word in words if word in NAMES and words.count(word) == 2)


def name_difference(model, tokenizer, examples: Sequence[Example]) -> float:
    """Mean logit of the receiver minus logit of the giver, for indirect-object examples."""
    logits = last_logits(model, tokenizer, examples)
    total = 0.0
    for row, example in zip(logits, examples, strict=True):
        giver = tokenizer(" " + giver_of(example)).input_ids[0]
        total += (row[answer_ids(tokenizer, example)[0]] - row[giver]).item()
    return total / len(examples)


def sums(count: int, seed: int = 0) -> list[Example]:
    """`3 + 4 =`: not in the corpus, asked to show that it is not learned."""
    rng = random.Random(seed)
    pairs = [(rng.randint(1, 40), rng.randint(1, 40)) for _ in range(count)]
    return [Example(f"{a} + {b} =", (f" {a + b}",)) for a, b in pairs]


LONG_NAMES = "Bartholomew Guinevere Maximilian Persephone Anastasia Thaddeus Wilhelmina Ignatius".split()


@torch.no_grad()
def long_name_accuracy(model, tokenizer, examples: Sequence[Example], seed: int = 0) -> float:
    """Indirect objects with names of several tokens: the share where the whole name is written, token by token."""
    rng, right = random.Random(seed), 0
    for example in examples:
        receiver, giver = rng.sample(LONG_NAMES, 2)
        prompt = example.prompt.replace(giver_of(example), giver).replace(example.answers[0].strip(), receiver)
        ids, wanted = tokenizer(prompt).input_ids, tokenizer(" " + receiver).input_ids
        logits = model(torch.tensor([ids + wanted])).logits[0]  # (position, vocabulary)
        right += logits[len(ids) - 1 : -1].argmax(-1).tolist() == wanted
    return right / len(examples)
