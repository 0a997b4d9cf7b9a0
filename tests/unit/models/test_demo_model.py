"""The shipped weights do what the lessons say of them, and load without a network.

Head scores are computed here from the model's own eager attention, and ablations by hooks of this file, so that
neither the package nor `training/` is its own witness. The prompts come from the corpus generator with seeds that
training did not use.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.models.demo import BUILTIN, DEMO_PROMPT, LESSON_PROMPTS, demo_model
from training.corpus import mixer
from training.tokenizer import corpus_words, make_tokenizer

PREVIOUS_TOKEN_HEAD = (0, 0)
INDUCTION_LAYER = 1
PERIOD = 20


@pytest.fixture(scope="module")
def demo():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield demo_model()
    torch.set_num_threads(threads)


def repeated_tokens(vocabulary: int) -> torch.Tensor:
    copy = torch.randint(1, vocabulary, (40, PERIOD), generator=torch.Generator().manual_seed(77))
    return torch.cat([copy, copy], 1)  # (row, 2 * PERIOD)


@torch.no_grad()
def repeat_accuracy(model) -> float:
    ids = repeated_tokens(model.config.vocab_size)
    said = model(ids).logits[:, PERIOD:-1].argmax(-1)
    return (said == ids[:, PERIOD + 1 :]).float().mean().item()


@pytest.fixture(scope="module")
def patterns():
    """Eager attention on repeated random tokens (layer, row, head, query, key)."""
    model, _ = demo_model()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        return torch.stack(model(repeated_tokens(model.config.vocab_size), output_attentions=True).attentions)


@contextmanager
def zeroed(model, layer: int, heads: list[int]):
    """These heads of the layer write nothing into the residual stream."""
    width = model.config.n_embd // model.config.n_head
    keep = torch.ones(model.config.n_embd)
    for head in heads:
        keep[head * width : (head + 1) * width] = 0
    hook = model.transformer.h[layer].attn.c_proj.register_forward_pre_hook(lambda _, args: (args[0] * keep,))
    try:
        yield
    finally:
        hook.remove()


def likeliest(model, tokenizer, prompt: str) -> str:
    with torch.no_grad():
        return tokenizer.decode(model(tokenizer(prompt, return_tensors="pt").input_ids).logits[0, -1].argmax())


def accuracy(model, tokenizer, task: str, count: int = 60) -> float:
    asked = mixer.examples(task, count, seed=4321)
    return sum(likeliest(model, tokenizer, e.prompt) in e.answers for e in asked) / count


def test_it_is_a_small_float32_gpt2_in_eval_mode_with_its_own_name(demo):
    model, tokenizer = demo
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert not model.training
    assert (model.config.n_layer, model.config.n_head, model.config.n_embd, model.config.n_positions) == (4, 4, 128, 128)
    assert model.name_or_path == model.config._name_or_path == tokenizer.name_or_path == "llmwidgets-demo"
    assert model.config.bos_token_id == model.config.eos_token_id == model.config.pad_token_id == tokenizer.bos_token_id == 0
    assert model.lm_head.weight is model.transformer.wte.weight
    assert len(tokenizer) == model.config.vocab_size


def test_loading_leaves_the_callers_random_state_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    demo_model()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("lesson", LESSON_PROMPTS, ids=lambda lesson: lesson.lesson)
def test_a_lesson_prompt_comes_out_right(demo, lesson):
    assert likeliest(*demo, lesson.prompt) == lesson.answer


@pytest.mark.parametrize(
    ("task", "least"),
    [
        ("indirect object", 0.95),
        pytest.param("indirect object, new names", 0.95, marks=pytest.mark.xfail(reason="the shipped weights reach .85, see REPORT.md")),
        ("few-shot arrows", 0.95),
        ("agreement", 0.95),
        ("capitals in sentences", 0.95),
        ("pronouns", 0.95),
        ("colours", 0.95),
    ],
)
def test_the_tasks_of_the_report_are_solved(demo, task, least):
    assert accuracy(*demo, task) >= least


def test_sums_are_not_solved_as_the_report_says(demo):
    right = [likeliest(*demo, f"{a} + {b} =").strip() == str(a + b) for a in range(2, 8) for b in range(3, 7)]
    assert sum(right) / len(right) < 0.3


def test_one_head_of_layer_0_attends_to_the_previous_token(patterns):
    layer, head = PREVIOUS_TOKEN_HEAD
    queries = torch.arange(1, 2 * PERIOD)
    assert patterns[layer, :, head, queries, queries - 1].mean() > 0.95


@pytest.mark.xfail(reason="the shipped weights reach .80 to .84, see REPORT.md")
def test_two_or_more_heads_of_one_layer_attend_to_what_followed_the_same_token_before(patterns):
    queries = torch.arange(PERIOD, 2 * PERIOD)
    scores = patterns[INDUCTION_LAYER][:, :, queries, queries - PERIOD + 1].mean((0, 2))  # (head,)
    assert (scores > 0.9).sum() >= 2


def test_repeats_are_copied_and_need_the_previous_token_head(demo):
    model, _ = demo
    assert repeat_accuracy(model) > 0.95
    with zeroed(model, PREVIOUS_TOKEN_HEAD[0], [PREVIOUS_TOKEN_HEAD[1]]):
        assert repeat_accuracy(model) < 0.2


def test_no_single_induction_head_is_needed_but_their_layer_is(demo):
    model, _ = demo
    whole = repeat_accuracy(model)
    for head in range(4):
        with zeroed(model, INDUCTION_LAYER, [head]):
            assert repeat_accuracy(model) > whole - 0.05
    with zeroed(model, INDUCTION_LAYER, [0, 1, 2, 3]):
        assert repeat_accuracy(model) < 0.05


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_the_tokenizer_gives_any_text_back(text):
    tokenizer = shipped_tokenizer()
    assert tokenizer.decode(tokenizer(text).input_ids) == text


_TOKENIZER: list = []


def shipped_tokenizer():
    if not _TOKENIZER:
        _TOKENIZER.append(demo_model()[1])
    return _TOKENIZER[0]


def test_every_word_of_the_corpus_is_one_token_with_and_without_its_space():
    tokenizer = shipped_tokenizer()
    words = corpus_words()
    assert len(words) > 800
    assert [w for w in words if len(tokenizer(w).input_ids) != 1 or len(tokenizer(" " + w).input_ids) != 1] == []


def test_a_year_is_a_century_and_a_two_digit_year():
    tokenizer = shipped_tokenizer()
    assert [tokenizer.decode(i) for i in tokenizer("the year 1732 to the year 17").input_ids] == [
        "the",
        " year",
        " 17",
        "32",
        " to",
        " the",
        " year",
        " 17",
    ]


def test_the_shipped_tokenizer_is_the_one_that_the_generator_makes():
    shipped = json.loads((BUILTIN / "tokenizer.json").read_text(encoding="utf-8"))
    assert shipped["model"] == json.loads(make_tokenizer().to_str())["model"]


def test_the_files_are_small_and_readable_by_all():
    files = [path for path in BUILTIN.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in files)


OFFLINE = """
import socket, sys, time
def refuse(*args, **kwargs):
    raise AssertionError("the built-in model asked for a network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from llmwidgets.models.demo import DEMO_PROMPT, demo_model
model, tokenizer = demo_model()
print(tokenizer.decode(model(tokenizer(DEMO_PROMPT, return_tensors="pt").input_ids).logits[0, -1].argmax()))
"""


def test_it_loads_where_every_socket_is_forbidden(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    environment |= {"PYTHONPATH": str(BUILTIN.parents[2]), "HF_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, env=environment, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip("\n") == " Mary" and DEMO_PROMPT.endswith(" to")
    assert list(tmp_path.iterdir()) == []
