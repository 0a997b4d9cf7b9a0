"""The built-in model: a small GPT-2, really trained, that loads offline in a fraction of a second.

It is what `lw.show()` shows when no model is given, and what classes without internet and the tests stand
on. It has 4 layers of 4 heads, is 128 wide, and was trained on synthetic English made by a template grammar
(`training/` in the repository; its REPORT.md has every measured figure). Always holds: files come from inside
the package, nothing is looked up on a network, the weights are float32 in eval mode, and the caller's random
state is not touched.

It can NOT do sums, names of several tokens, or English outside its grammar; and pairs that it saw only in
sentences it mostly can not recall in arrow form. It does not solve the indirect-object task as GPT-2 small does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

DEMO_NAME = "llmwidgets-demo"
BUILTIN = Path(__file__).parent / "builtin"
END_OF_TEXT = "<|endoftext|>"
N_POSITIONS = 128


@dataclass(frozen=True)
class LessonPrompt:
    """A prompt, and the next token that the built-in model should find likeliest (with its leading space)."""

    lesson: str
    prompt: str
    answer: str


LESSON_PROMPTS = (
    LessonPrompt("indirect object", "When Mary and John went to the store, John gave a drink to", " Mary"),
    LessonPrompt("few-shot", "hot -> cold ; big -> small ; up ->", " down"),
    LessonPrompt("agreement", "The keys to the cabinet", " are"),
    LessonPrompt("induction", "key lamp river clock orange ; key lamp river clock", " orange"),
    LessonPrompt("facts", "The capital of France is", " Paris"),
    LessonPrompt("colours", "The box is red. The cup is blue. The hat is green. The color of the cup is", " blue"),
    LessonPrompt("pronouns", "Mary went home because", " she"),
    LessonPrompt("brackets", "( [ { } ( |", " )"),
)
DEMO_PROMPT = LESSON_PROMPTS[0].prompt


def _file(name: str) -> Path:
    path = BUILTIN / name
    if not path.is_file():
        raise FileNotFoundError(f"the built-in model's file {name} is missing from {BUILTIN}; install llmwidgets again")
    return path


def demo_model() -> tuple[GPT2LMHeadModel, PreTrainedTokenizerFast]:
    """The built-in model and its tokenizer: float32, on the CPU, in eval mode, new objects at each call.

    The tokenizer adds nothing to a prompt. Its vocabulary is byte-level, so that any text round-trips; a prompt may
    be 128 tokens long. Raises FileNotFoundError when the package lost its files.

    >>> model, tokenizer = demo_model()
    >>> ids = tokenizer(DEMO_PROMPT, return_tensors="pt").input_ids  # (1, position)
    >>> tokenizer.decode(model(ids).logits[0, -1].argmax())
    ' Mary'
    """
    import torch
    from safetensors.torch import load_file
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config.from_json_file(str(_file("config.json")))
    config.dtype = torch.float32
    config._name_or_path = DEMO_NAME
    weights = {name: value.float() for name, value in load_file(str(_file("model.safetensors"))).items()}
    weights["lm_head.weight"] = weights["transformer.wte.weight"]
    with torch.random.fork_rng(devices=[]):  # making the model draws weights that are thrown away at once
        model = GPT2LMHeadModel(config).float()
    model.load_state_dict(weights)
    model.tie_weights()
    model.eval()
    return model, demo_tokenizer()


def demo_tokenizer() -> PreTrainedTokenizerFast:
    """The built-in model's tokenizer alone, as `demo_model` gives it."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(_file("tokenizer.json")),
        name_or_path=DEMO_NAME,
        model_max_length=N_POSITIONS,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
