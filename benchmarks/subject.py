"""What all measurements look at: a model of GPT-2 small's shape with random weights, and prompts of a given length.

12 blocks of 12 heads, width 768, positions up to 4,096. The vocabulary is 8,192 instead of 50,257, which makes the plain forward
pass cheaper, and so the relative cost of a capture no smaller, than with the full one; where many passes are compared, each of which
gives logits, it is the full one. Tokens show as their ids, on both sides.
"""

from __future__ import annotations

import torch
from transformers import GPT2Config, GPT2LMHeadModel

LAYERS = HEADS = 12
WIDTH = 768
VOCABULARY = 8_192
FULL_VOCABULARY = 50_257
POSITIONS = 4_096


def gpt2_small_shape(attention: str | None = None, vocabulary: int = VOCABULARY) -> GPT2LMHeadModel:
    """The model, in evaluation mode; `attention` is transformers' attn_implementation, None for its default."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=POSITIONS,
        n_layer=LAYERS,
        n_head=HEADS,
        n_embd=WIDTH,
        initializer_range=0.1,  # at the usual 0.02 every pattern of an untrained model is near to uniform
        bos_token_id=0,
        eos_token_id=0,
    )
    if attention is not None:
        config._attn_implementation = attention
    return GPT2LMHeadModel(config).eval()


def prompt(tokens: int) -> torch.Tensor:
    """The ids of a random prompt. (position,)"""
    return torch.randint(VOCABULARY, (tokens,), generator=torch.Generator().manual_seed(tokens))
