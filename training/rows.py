"""Rows of token ids to train on: documents put end to end, and random tokens repeated.

A text row starts at a document and is filled with further documents, an end token before each; the first
end token is left out in 40 % of rows, so that the model works on prompts with and without one. A repeat row
is one random sequence again and again, and its first copy has no loss, for nothing in it can be known.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import torch
from tokenizers import Tokenizer

from .corpus import mixer

END_ID = 0
NO_LOSS = -100
WITHOUT_START = 0.4


def repeat_period(rng: random.Random) -> int:
    """Half of the periods short, so that looking back is learned early; half long."""
    return rng.randint(3, 9) if rng.random() < 0.5 else rng.randint(4, 27)


def repeat_row(rng: random.Random, vocabulary: int, length: int, start: bool) -> tuple[list[int], list[int]]:
    """(ids, targets), each `length` long; `targets[i]` is what should follow `ids[i]`."""
    period = repeat_period(rng) if length >= 40 else rng.randint(3, length // 2 - 1)
    copy = [rng.randrange(1, vocabulary) for _ in range(period)]
    ids = ([END_ID] if start else []) + copy * (length // period + 2)
    first_loss = period + (1 if start else 0) - 1
    targets = [NO_LOSS if i < first_loss else ids[i + 1] for i in range(length)]
    return ids[:length], targets


class Rows:
    """Batches of rows from a seed. `batch` returns ids, targets and positions, each (row, position), int64."""

    def __init__(self, tokenizer: Tokenizer, seed: int, n_positions: int = 128) -> None:
        self._tokenizer = tokenizer
        self._rng = random.Random(seed)
        self._vocabulary = tokenizer.get_vocab_size()
        self._n_positions = n_positions
        self._encoded = self._encode()

    def _encode(self) -> Iterator[list[int]]:
        documents = mixer.documents(self._rng)
        while True:
            texts = list(itertools.islice(documents, 512))
            yield from (encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts))

    def _text_row(self, length: int, start: bool) -> tuple[list[int], list[int]]:
        ids = [END_ID] if start else []
        while len(ids) < length + 1:
            ids += [*next(self._encoded), END_ID]
        return ids[:length], ids[1 : length + 1]

    def batch(self, rows: int, length: int, repeats: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """`repeats` is the share of rows that are random tokens repeated."""
        ids, targets, positions = [], [], []
        for _ in range(rows):
            start = self._rng.random() >= WITHOUT_START
            if self._rng.random() < repeats:
                row = repeat_row(self._rng, self._vocabulary, length, start)
            else:
                row = self._text_row(length, start)
            offset = self._rng.randint(0, self._n_positions - length) if self._rng.random() < 0.5 else 0
            ids.append(row[0])
            targets.append(row[1])
            positions.append(range(offset, offset + length))
        return torch.tensor(ids), torch.tensor(targets), torch.tensor([list(p) for p in positions])
