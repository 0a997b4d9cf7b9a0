"""Synthetic sequences repeat a random block after a random prefix, with nothing else in them to go by."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

import llmwidgets as lw
from llmwidgets.analysis.synthetic_repeats import ordinary_tokens, synthetic_repeats
from llmwidgets.models.loading import Subject, resolve
from tests.architectures import build
from tests.circuit import BOS, circuit


def test_sequences_have_random_prefixes_different_periods_and_no_other_copies():
    subject = resolve(build("gpt2"))
    for seed in range(5):
        repeats = synthetic_repeats(subject, 10, seed)
        assert len({repeat.period for repeat in repeats}) == 10
        assert len({repeat.prefix for repeat in repeats}) > 3
        for repeat in repeats:
            ids = repeat.ids.tolist()
            assert len(ids) == repeat.prefix + 2 * repeat.period <= 64
            assert ids[repeat.prefix :] == ids[repeat.prefix : repeat.prefix + repeat.period] * 2
            assert len(set(ids)) == repeat.prefix + repeat.period
            assert [ids[t] for t in repeat.second_copy] == ids[-repeat.period :]


def test_more_samples_than_periods_use_each_period_as_often():
    periods = [repeat.period for repeat in synthetic_repeats(resolve(build("gpt2")), 25, max_tokens=32)]
    counts = np.unique(periods, return_counts=True)[1]
    assert counts.max() - counts.min() <= 1


def test_no_special_token_is_drawn():
    subject = resolve(circuit())
    assert BOS not in ordinary_tokens(subject).tolist()
    assert all(BOS not in repeat.ids for repeat in synthetic_repeats(subject, 20))
    model, tokenizer = lw.demo_model()
    assert not set(tokenizer.all_special_ids) & set(ordinary_tokens(resolve((model, tokenizer))).tolist())


class StartingTokenizer:
    """Puts token 1 before every text and token 2 after it."""

    bos_token_id, cls_token_id, all_special_ids = 1, None, (1, 2, 9)
    added_tokens_decoder = {10: SimpleNamespace(special=True), 11: SimpleNamespace(special=False)}

    def __call__(self, text: str) -> dict:
        return {"input_ids": [1, 2]}

    def __len__(self) -> int:
        return 150


def test_sequences_begin_as_the_tokenizer_begins_every_text_and_keep_to_its_vocabulary():
    subject = Subject(build("llama"), StartingTokenizer(), "llama")
    assert 10 not in ordinary_tokens(subject) and 11 in ordinary_tokens(subject)
    for repeat in synthetic_repeats(subject, 5):
        assert repeat.start == 1 and repeat.ids[0] == 1
        assert not set(repeat.ids[1:].tolist()) & {1, 2, 9, 10} and int(repeat.ids.max()) < 150
