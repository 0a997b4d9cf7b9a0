"""Random tokens said twice after a random prefix: sequences on which a head's habits show without help from the text.

Always true: prefix and block are drawn without replacement, so a token has an earlier copy only through the repeat; no special token is
drawn; the lengths of prefix and block are random, and the periods are as different from each other as their number allows. With one fixed
period a head that looks a fixed distance back, whatever stands there, could not be told from an induction head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llmwidgets.models.errors import ModelError
from llmwidgets.models.loading import Subject
from llmwidgets.models.prompt import context_length

SHORTEST_PERIOD = 5
FEWEST_PERIODS = 3  # fewer lengths of the block to draw from are as good as a fixed one


@dataclass(frozen=True, eq=False)
class Repeat:
    """One sequence: `start` tokens that the tokenizer puts before any text, then `prefix` random ones, then `period` of them twice."""

    ids: Tensor  # (position,) int64
    start: int
    prefix: int
    period: int

    @property
    def second_copy(self) -> range:
        """The positions of the second copy."""
        return range(len(self.ids) - self.period, len(self.ids))


def ordinary_tokens(subject: Subject) -> Tensor:
    """The ids (n,) of the vocabulary that are no special tokens, by the tokenizer and the configuration."""
    sizes = [getattr(subject.model.get_input_embeddings(), "num_embeddings", None), getattr(subject.config, "vocab_size", None)]
    if hasattr(subject.tokenizer, "__len__"):
        sizes.append(len(subject.tokenizer))  # the model's vocabulary may be padded beyond it
    size = min((size for size in sizes if size), default=0)
    special = set(getattr(subject.tokenizer, "all_special_ids", ()))
    added = getattr(subject.tokenizer, "added_tokens_decoder", {})  # marks of chat turns are often special here only
    special.update(token for token, piece in added.items() if getattr(piece, "special", False))
    for name in ("bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id"):
        given = getattr(subject.config, name, None)
        special.update(given if isinstance(given, Sequence) else () if given is None else (given,))
    keep = torch.ones(size, dtype=torch.bool)
    keep[[token for token in special if 0 <= token < size]] = False
    return keep.nonzero().flatten()


def synthetic_repeats(subject: Subject, n_samples: int, seed: int = 0, max_tokens: int = 64) -> list[Repeat]:
    """Draw `n_samples` sequences of at most `max_tokens` tokens (fewer where the model's context is shorter).

    Raises ModelError (a ValueError) where vocabulary, context or `max_tokens` leave no choice of lengths.
    """
    generator = torch.Generator().manual_seed(seed)
    tokens, start = ordinary_tokens(subject), _start(subject)
    limit = context_length(subject)
    longest = max_tokens if limit is None else min(max_tokens, limit)
    longest_prefix = max(1, (longest - len(start)) // 4)
    longest_period = min((longest - len(start) - longest_prefix) // 2, len(tokens) - 1)
    if longest_period < SHORTEST_PERIOD + FEWEST_PERIODS - 1:
        raise ModelError(_refusal(subject, len(tokens), limit, max_tokens, len(start)))
    return [
        _draw(tokens, start, period, min(longest_prefix, len(tokens) - period), generator)
        for period in _periods(n_samples, longest_period, generator)
    ]


def _periods(n_samples: int, longest: int, generator: torch.Generator) -> list[int]:
    """Every period once in random order before any comes again."""
    n = longest - SHORTEST_PERIOD + 1
    rounds = [torch.randperm(n, generator=generator) + SHORTEST_PERIOD for _ in range(-(-n_samples // n))]
    return torch.cat(rounds)[:n_samples].tolist()


def _draw(tokens: Tensor, start: list[int], period: int, longest_prefix: int, generator: torch.Generator) -> Repeat:
    prefix = int(torch.randint(1, longest_prefix + 1, (), generator=generator))
    drawn = tokens[torch.randperm(len(tokens), generator=generator)[: prefix + period]]
    block = drawn[prefix:]
    return Repeat(torch.cat([torch.tensor(start, dtype=torch.int64), drawn, block]), len(start), prefix, period)


def _start(subject: Subject) -> list[int]:
    """What the tokenizer puts before any text: a start token, or nothing."""
    if subject.tokenizer is None:
        return []
    ids = list(subject.tokenizer("")["input_ids"])
    special = {getattr(subject.tokenizer, name, None) for name in ("bos_token_id", "cls_token_id")} - {None}
    return ids[:1] if ids and ids[0] in special else []


def _refusal(subject: Subject, n_tokens: int, limit: int | None, max_tokens: int, n_start: int) -> str:
    shortest = SHORTEST_PERIOD + FEWEST_PERIODS - 1
    if n_tokens <= shortest:
        return (
            f"the vocabulary of {subject.name!r} has {n_tokens} tokens that are not special; a random prefix and a random block of them "
            f"need at least {shortest + 1}"
        )
    longest = min(max_tokens, limit or max_tokens)
    needed = next(n for n in range(1, 100) if (n - max(1, n // 4)) // 2 >= shortest) + n_start
    what = f"{subject.name!r} takes at most {limit} tokens" if limit == longest else f"max_tokens={max_tokens} came"
    return f"{what}; a random prefix and a random block said twice, of varied length, need at least {needed}"
