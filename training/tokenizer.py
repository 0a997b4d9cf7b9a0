"""Makes the tokenizer of the built-in model: byte-level BPE in which each word of the corpus is one token.

Merges are learned on the bare words until none is left to learn; then one merge a word puts its leading
space before it. So " word" and "word" share their way, and the vocabulary holds few half-words. Text is cut
as GPT-2 cuts it, except that runs of digits are cut in twos from the left ("1732" is "17", "32"): a year is a
century and a year in it. Any input round-trips, since every byte is a token.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.pre_tokenizers import ByteLevel

from .corpus import mixer, words
from .corpus.pairs import RELATIONS
from .corpus.structure import COUNT, DAYS, LETTERS, MONTHS

END = "<|endoftext|>"
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}{1,2}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPACE = "\u0120"  # how byte-level BPE writes a space
MARKS = ["->", ";", "|", "(", ")", "[", "]", "{", "}", ".", ",", "+", "=", "?", "!", ":"]


def corpus_words(per_task: int = 3000) -> list[str]:
    """Every word that the corpus or a held-out task can hold, sorted."""
    found: set[str] = set(LETTERS + DAYS + MONTHS + COUNT)
    for value in vars(words).values():
        if isinstance(value, list):
            found.update(word for item in value for word in ([item] if isinstance(item, str) else item))
    for pairs in RELATIONS.values():
        found.update(word for pair in pairs for word in pair if word.isalpha())
    for task in (*mixer.TASKS, *mixer.HELD_OUT):
        for example in mixer.examples(task, per_task, seed=-1):
            found.update(re.findall("[A-Za-z]+", example.text))
    return sorted(found)


def _learned_merges(bare: list[str]) -> list[tuple[str, str]]:
    """BPE merges on the words without spaces, learned until each is one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\n"), "removed")
    trainer = trainers.BpeTrainer(vocab_size=100_000, min_frequency=1, show_progress=False)
    tokenizer.train_from_iterator(bare, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in merges]


def make_tokenizer() -> Tokenizer:
    """The tokenizer, the same on every run. Raises AssertionError when a corpus word is not one token."""
    bare = corpus_words()
    merges = _learned_merges(bare)
    digits = "0123456789"
    merges += [(a, b) for a in digits for b in digits]
    merges += [(SPACE, a + b) for a in digits for b in digits] + [(SPACE, a) for a in digits]
    merges += [("-", ">")] + [(SPACE, mark) for mark in MARKS] + [(SPACE, word) for word in bare]

    tokens = [END, *sorted(ByteLevel.alphabet())]
    known = set(tokens)
    for left, right in merges:
        if left + right not in known:
            known.add(left + right)
            tokens.append(left + right)

    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PATTERN), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    for word in bare:
        for text in (word, " " + word):
            assert len(tokenizer.encode(text).ids) == 1, f"{text!r} is not one token: {tokenizer.encode(text).tokens}"
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes tokenizer.json and what transformers wants beside it."""
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 128,
        "bos_token": END,
        "eos_token": END,
        "pad_token": END,
        "unk_token": END,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
