"""Trains the built-in model: ``python -m training.train --seed N --out DIR [--steps 2300]``.

Writes DIR/model.safetensors (float16), config.json, tokenizer.json, tokenizer_config.json and curve.json (loss and
induction score by step). About 9 minutes on one thread of a quiet machine. Runs are not the same bit for bit on
different processors; the shipped weights are one run, chosen by the criteria of REPORT.md.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional
from transformers import GPT2Config

from .rows import END_ID, NO_LOSS, Rows
from .tokenizer import make_tokenizer, save_tokenizer
from .twin import Twin

TOKENS_PER_STEP = 3072
SHORT_ROWS = 0.07  # of the steps


def rate(done: float) -> float:
    """The learning rate as a share of its top, after `done` of the steps: flat to 25 %, then linear to 2 %."""
    return min(1.0, done / 0.02 + 0.01) if done < 0.25 else 1.0 - 0.98 * (done - 0.25) / 0.75


def row_length(done: float) -> int:
    """Short rows first: among few keys, looking back one token and copying are found many times sooner."""
    return 20 if done < SHORT_ROWS else 64 if done < 0.9 else 128


def repeat_share(done: float) -> float:
    """The share of repeat rows: most of the short rows, then 35 %, ramped down to 10 % (an abrupt end makes a dip)."""
    return 0.75 if done < SHORT_ROWS else 0.35 - 0.25 * min(1.0, max(0.0, (done - 0.25) / 0.3))


def induction_accuracy(twin: Twin, vocabulary: int) -> float:
    """How often the next token of a random sequence of 20, said a second time, is the likeliest."""
    generator = torch.Generator().manual_seed(5)
    copy = torch.randint(1, vocabulary, (16, 20), generator=generator)
    ids = torch.cat([copy, copy], 1)  # (row, position)
    with torch.no_grad():
        said = twin(ids, torch.arange(40).expand(16, 40)).argmax(-1)
    return (said[:, 20:-1] == ids[:, 21:]).float().mean().item()


def train(
    seed: int, steps: int, muon_rate: float, scales: tuple[float, float], tokenizer, folder: Path
) -> tuple[Twin, list[dict[str, float]]]:
    """The trained twin and its curve."""
    torch.manual_seed(seed)
    vocabulary = tokenizer.get_vocab_size()
    config = GPT2Config(
        n_layer=4,
        n_head=4,
        n_embd=128,
        n_inner=512,
        n_positions=128,
        vocab_size=vocabulary,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=END_ID,
        eos_token_id=END_ID,
        pad_token_id=END_ID,
        tie_word_embeddings=True,
    )
    twin = Twin(config, *scales)
    matrices = [p for p in twin.blocks.parameters() if p.dim() == 2]
    chosen = {id(p) for p in matrices}
    optimizers = [
        torch.optim.Muon(matrices, lr=muon_rate, momentum=0.95, weight_decay=0.1),
        torch.optim.AdamW([p for p in twin.parameters() if id(p) not in chosen], lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01),
    ]
    tops = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    rows, curve, began = Rows(tokenizer, seed), [], time.time()
    for step in range(steps):
        done = step / steps
        length = row_length(done)
        ids, targets, positions = rows.batch(TOKENS_PER_STEP // length, length, repeat_share(done))
        with torch.autocast("cpu", torch.bfloat16):
            hidden = twin.hidden(ids, positions).flatten(0, 1)  # (row * position, width)
            counted = targets.flatten() != NO_LOSS
            logits = twin.read_out(hidden[counted])  # (counted, vocabulary)
        loss = functional.cross_entropy(logits.float(), targets.flatten()[counted])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
        groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        for group, top in zip(groups, tops, strict=True):
            group["lr"] = top * rate(done)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if step % 400 == 399:
            save(twin, curve, tokenizer, folder)
        if step % 50 == 0 or step == steps - 1:
            curve.append({"step": step, "loss": round(loss.item(), 4), "repeats": round(induction_accuracy(twin, vocabulary), 4)})
            print(f"step {step:5d}  loss {loss.item():.3f}  repeats {curve[-1]['repeats']:.3f}  {time.time() - began:.0f} s", flush=True)
    return twin, curve


def save(twin: Twin, curve: list[dict[str, float]], tokenizer, folder: Path) -> None:
    """Writes the library model in float16, after checking it against the twin."""
    model = twin.to_library()
    ids = torch.randint(1, twin.config.vocab_size, (2, 32))
    with torch.no_grad():
        difference = (model(ids).logits - twin(ids, torch.arange(32).expand(2, 32))).abs().max().item()
    if difference > 1e-3:
        raise RuntimeError(f"the library model's logits differ from the twin's by {difference}; nothing was saved")
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
    twin.config.architectures = ["GPT2LMHeadModel"]
    twin.config.dtype = "float16"
    (folder / "config.json").write_text(twin.config.to_json_string(use_diff=True), encoding="utf-8")
    save_tokenizer(tokenizer, folder)
    (folder / "curve.json").write_text(json.dumps(curve) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2300)
    parser.add_argument("--muon-rate", type=float, default=0.025)
    parser.add_argument("--scales", type=float, nargs=2, default=(0.05, 0.15), help="of token and position embeddings at the start")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    random.seed(options.seed)
    tokenizer = make_tokenizer()
    twin, curve = train(options.seed, options.steps, options.muon_rate, tuple(options.scales), tokenizer, options.out)
    save(twin, curve, tokenizer, options.out)


if __name__ == "__main__":
    main()
