"""A small training twin of GPT-2: the same function as the library model, cut to what training needs.

Query, key and value are matrices of their own here, because the optimizer treats each matrix as a whole;
`to_library` joins them into the library model's one. A test of the twin against the library model is in
`train.py`: it refuses to save when their logits differ.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel


class Block(nn.Module):
    """Attention and MLP of one layer, pre-norm."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, length, width = x.shape
        h = self.ln_1(x)
        q, k, v = (f(h).view(rows, length, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // self.heads) + mask  # (row, head, query, key)
        z = (scores.softmax(-1).to(v.dtype) @ v).transpose(1, 2).reshape(rows, length, width)
        x = x + self.out(z)
        return x + self.down(functional.gelu(self.up(self.ln_2(x)), approximate="tanh"))


class Twin(nn.Module):
    """Token ids and positions (row, position) to logits (row, position, vocabulary)."""

    def __init__(self, config: GPT2Config, token_scale: float = 0.05, position_scale: float = 0.15) -> None:
        super().__init__()
        self.config = config
        width = config.n_embd
        self.wte, self.wpe = nn.Embedding(config.vocab_size, width), nn.Embedding(config.n_positions, width)
        self.blocks = nn.ModuleList(Block(width, config.n_head, config.n_inner) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                small = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / (math.sqrt(2 * config.n_layer) if small else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        nn.init.normal_(self.wte.weight, std=token_scale)
        self._start_looking_back(position_scale)

    @torch.no_grad()
    def _start_looking_back(self, amplitude: float, back: tuple[int, ...] = (1, 2), scale: float = 2.5) -> None:
        """Positions start as sines and cosines, and the first heads of layer 0 start by looking `back` so many positions.

        Left to itself the small budget of steps found no such head, and without one nothing that copies is learned; what
        needs a match of two tokens ("the cup is") wants the second. Only queries and keys of these heads are set; nothing
        holds them there while training.
        """
        width, d_head = self.config.n_embd, self.config.n_embd // self.config.n_head
        half = width // 2
        speed = 2 * math.pi / torch.logspace(math.log10(2.5), math.log10(256), half)  # radians a position
        angle = torch.arange(self.config.n_positions)[:, None] * speed  # (position, wave)
        self.wpe.weight.copy_(amplitude * torch.cat([angle.sin(), angle.cos()], 1))
        waves = torch.linspace(0, half * 0.7, d_head // 2).long()
        block = self.blocks[0]
        for head, steps in enumerate(back):
            begin = head * d_head
            block.query.weight[begin : begin + d_head] = 0
            block.key.weight[begin : begin + d_head] = 0
            for i, wave in enumerate(waves.tolist()):
                turn = speed[wave] * steps
                sine, cosine = begin + 2 * i, begin + 2 * i + 1
                block.key.weight[sine, wave] = block.key.weight[cosine, half + wave] = scale
                # The query is the wave turned back by so many positions, so that it meets the key that stands there.
                block.query.weight[sine, wave], block.query.weight[sine, half + wave] = scale * turn.cos(), -scale * turn.sin()
                block.query.weight[cosine, half + wave], block.query.weight[cosine, wave] = scale * turn.cos(), scale * turn.sin()

    def forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self.read_out(self.hidden(ids, positions))

    def read_out(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (..., vocabulary) of what `hidden` gave, by the tied embedding."""
        return hidden @ self.wte.weight.T

    def hidden(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """The final residual stream after its norm, (row, position, width)."""
        mask = torch.full((ids.shape[1], ids.shape[1]), -1e4).triu(1)  # (query, key)
        x = self.wte(ids) + self.wpe(positions)
        for block in self.blocks:
            x = block(x, mask)
        return self.ln_f(x)

    def to_library(self) -> GPT2LMHeadModel:
        """The library model with these weights, float32, in eval mode."""
        model = GPT2LMHeadModel(self.config).eval()
        body = model.transformer
        with torch.no_grad():
            body.wte.weight.copy_(self.wte.weight)
            body.wpe.weight.copy_(self.wpe.weight)
            body.ln_f.load_state_dict(self.ln_f.state_dict())
            for ours, theirs in zip(self.blocks, body.h, strict=True):
                theirs.ln_1.load_state_dict(ours.ln_1.state_dict())
                theirs.ln_2.load_state_dict(ours.ln_2.state_dict())
                joined = (ours.query, ours.key, ours.value)
                # The library keeps weights as (in, out), nn.Linear as (out, in).
                theirs.attn.c_attn.weight.copy_(torch.cat([f.weight for f in joined]).T)
                theirs.attn.c_attn.bias.copy_(torch.cat([f.bias for f in joined]))
                for library, linear in ((theirs.attn.c_proj, ours.out), (theirs.mlp.c_fc, ours.up), (theirs.mlp.c_proj, ours.down)):
                    library.weight.copy_(linear.weight.T)
                    library.bias.copy_(linear.bias)
        return model
