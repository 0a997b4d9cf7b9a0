"""A small GPT-2 with random weights, a tokenizer of words, and the page's end of a view: what widget tests stand on.

Quick and offline; every number of the model can be computed again.
"""

from __future__ import annotations

import threading
from functools import partial
from types import SimpleNamespace

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

torch.set_num_threads(1)  # small tensors: more threads only wait for each other

WORDS = ["<unk>", *(f"w{i}" for i in range(60))]


def tiny_gpt2(layers: int = 4, heads: int = 4, width: int = 16, context: int = 4096, vocabulary: int = len(WORDS)) -> GPT2LMHeadModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        config = GPT2Config(
            n_layer=layers, n_head=heads, n_embd=width, n_positions=context, vocab_size=vocabulary, bos_token_id=0, eos_token_id=0,
            initializer_range=0.4,
        )  # fmt: skip
        return GPT2LMHeadModel(config).eval()


def word_tokenizer(words: list[str] = WORDS) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def prompt_of(n: int) -> str:
    """n tokens."""
    return " ".join(WORDS[1 + (7 * i) % 60] for i in range(n))


class Page:
    """The page's end of a view: what it sends, and the replies that came."""

    def __init__(self, view) -> None:
        self.view, self.messages = view, []
        view.send = lambda content, buffers=None: self.messages.append((content, [bytes(b) for b in buffers or []]))

    def says(self, content) -> None:
        self.view._handle_custom_msg(content, [])

    def asks(self, *items, transport: str = "binary") -> None:
        self.says({"v": 1, "kind": "requests", "transport": transport, "items": list(items)})

    def replies(self) -> dict[int, SimpleNamespace]:
        """Every reply so far by id, with the bytes that came with it; fails when an id was answered twice."""
        found: dict[int, SimpleNamespace] = {}
        for content, buffers in list(self.messages):
            for item in content["items"]:
                assert item["id"] not in found, f"request {item['id']} was answered twice"
                data = buffers[item["buffer"]] if "buffer" in item else None
                found[item["id"]] = SimpleNamespace(ok=item["ok"], result=item.get("result"), error=item.get("error"), data=data, item=item)
        return found

    def settled(self) -> dict[int, SimpleNamespace]:
        """Every reply, once nothing is being worked out any more."""
        drain(self.view)
        return self.replies()


def drain(view) -> None:
    """Return when the view's workers have done all that was given to them, and what that gave them in turn."""
    for workers, count in ((view._workers, 2), (view._run_worker, 1), (view._workers, 2)):
        barrier = threading.Barrier(count + 1)
        for _ in range(count):
            workers.submit(partial(barrier.wait, 60))
        barrier.wait(60)


def fill(causes, *names: str) -> None:
    """Sweep these fields of causes (all that grow, without names), and return when that is done."""
    for name, told in causes.progress().items():
        if told["total"] and (not names or name in names):
            causes.fill(name)
    for one in getattr(causes, "_both", (causes,)):
        if one._workers is not None:
            barrier = threading.Barrier(2)
            one._workers.submit(partial(barrier.wait, 60))
            barrier.wait(60)
