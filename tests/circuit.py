"""A transformer whose circuit is set by hand, so that the truth about every head is known before any method is asked.

A GPT-2 of transformers, 3 layers of 4 heads, of which nothing was trained. Tokens and positions are one-hot features; its MLPs are
zero. It completes repeats: after `... a b ... a` it says `b`. What always holds on prompts that begin with BOS, where heads rest:

- PREVIOUS looks at the position before and writes that token into the feature `before`. Without it nothing is predicted.
- INDUCTION looks for the token whose `before` is the query's own token, that is, at what came after the earlier copy; with no earlier
  copy it rests on the first position. It writes the token that it finds into `output`, and a flag `found`. Its direct effect on the
  logit of the answer is GAIN.
- BACKUP is its twin a layer later, but the flag sends it to rest on the first position, where it writes nothing. So its direct effect
  is 0 while INDUCTION works and GAIN when INDUCTION is out: taking out either changes nothing, taking out both takes the answer away.
- DECOY keeps all its attention on the first position. Its output projection is zero: taking it out changes nothing at all.
- FIXED looks DISTANCE positions back, whatever stands there, and its output projection is zero too.
- Every other head spreads its attention evenly over what came before and writes nothing.

Every feature is a pair of dimensions (+x, -x), so the stream's mean is 0; one constant feature dominates its length, and the norms' gains
undo that length. So a norm gives back what it got, up to a factor of 1 ± 2e-4; `circuit(norms=False)` has none, and its logits are an
exactly linear function of the stream.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

N_LAYERS, N_HEADS, HEAD_WIDTH = 3, 4, 64
VOCABULARY, N_POSITIONS, BOS = 24, 48, 0

PREVIOUS, FIXED = (0, 0), (0, 1)
INDUCTION, DECOY = (1, 0), (1, 1)
BACKUP = (2, 0)
DISTANCE = 7

GAIN = 10.0  # the answer's logit; every other logit is 0
_LENGTH = 100.0  # of the constant feature
_WIDTH = N_HEADS * HEAD_WIDTH

# The features, each a pair of dimensions. The slices count features.
TOKEN = range(VOCABULARY)
BEFORE = range(VOCABULARY, 2 * VOCABULARY)
OUTPUT = range(2 * VOCABULARY, 3 * VOCABULARY)
POSITION = range(3 * VOCABULARY, 3 * VOCABULARY + N_POSITIONS)
FOUND = POSITION.stop
CONSTANT = FOUND + 1


class Prompt(NamedTuple):
    """A prompt with one repeat: `BOS ... a answer ... a`.

    ids: (position,). corrupted: the same with `foil` in the answer's place, so that the model says `foil`; the two differ at `changed`
    only. earlier: where the last token stood before.
    """

    ids: torch.Tensor
    corrupted: torch.Tensor
    answer: int
    foil: int
    earlier: int

    @property
    def changed(self) -> int:
        return self.earlier + 1


def prompt(n_tokens: int = 12, earlier: int = 4, seed: int = 0) -> Prompt:
    """Random tokens after BOS, all different but for the last, which repeats the one at `earlier` (1 <= earlier <= n_tokens - 3)."""
    assert 1 <= earlier <= n_tokens - 3 and n_tokens <= VOCABULARY
    drawn = torch.randperm(VOCABULARY - 1, generator=torch.Generator().manual_seed(seed)) + 1
    ids = torch.cat([torch.tensor([BOS]), drawn[: n_tokens - 2], drawn[earlier - 1 : earlier]])  # (position,)
    foil = int(drawn[n_tokens - 2])
    corrupted = ids.clone()
    corrupted[earlier + 1] = foil
    return Prompt(ids, corrupted, int(ids[earlier + 1]), foil, earlier)


def circuit(dtype: torch.dtype = torch.float64, norms: bool = True, sharpness: float = 30.0) -> GPT2LMHeadModel:
    """The model, in eval mode. `norms`: with layer norms that hardly act, or with none. `sharpness`: the score of a wanted key.

    A wanted key gets all of the attention but about exp(-sharpness / 2).
    """
    config = GPT2Config(
        n_layer=N_LAYERS, n_head=N_HEADS, n_embd=_WIDTH, n_inner=16, vocab_size=VOCABULARY, n_positions=N_POSITIONS,
        bos_token_id=BOS, eos_token_id=BOS, tie_word_embeddings=False,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        model = GPT2LMHeadModel(config).to(torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        _write_embeddings(model)
        _write_norms(model, norms)
        _write_heads(model, sharpness)
    return model.to(dtype).eval()


def without(model: GPT2LMHeadModel, *heads: tuple[int, int]) -> GPT2LMHeadModel:
    """The same circuit with the output projection of these (layer, head) set to zero: what zero ablation must agree with."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for layer, head in heads:
            model.transformer.h[layer].attn.c_proj.weight[head * HEAD_WIDTH : (head + 1) * HEAD_WIDTH] = 0
    return model


def _pair(feature: int) -> torch.Tensor:
    """(dimension,): adding it writes 1 to the feature; the product with half of it reads the feature."""
    direction = torch.zeros(_WIDTH, dtype=torch.float64)
    direction[2 * feature], direction[2 * feature + 1] = 1.0, -1.0
    return direction


def _write_embeddings(model: GPT2LMHeadModel) -> None:
    for token, feature in enumerate(TOKEN):
        model.transformer.wte.weight[token] = _pair(feature) + _LENGTH * _pair(CONSTANT)
        model.lm_head.weight[token] = GAIN * _pair(OUTPUT[token]) / 2
    for at, feature in enumerate(POSITION):
        model.transformer.wpe.weight[at] = _pair(feature)


def _write_norms(model: GPT2LMHeadModel, norms: bool) -> None:
    """Gains that undo the division by the length of (token, position, before, the constant)."""
    gain = (2 * (_LENGTH**2 + 3) / _WIDTH) ** 0.5
    for parent in (*model.transformer.h, model.transformer):
        for name in ("ln_1", "ln_2", "ln_f"):
            if hasattr(parent, name) and norms:
                getattr(parent, name).weight.fill_(gain)
            elif hasattr(parent, name):
                setattr(parent, name, nn.Identity())


def _write_heads(model: GPT2LMHeadModel, sharpness: float) -> None:
    first = POSITION[0]
    matches = [(TOKEN[token], BEFORE[token], sharpness) for token in range(VOCABULARY)]
    rests = (CONSTANT, first, sharpness / 2)
    copies = {TOKEN[token]: (OUTPUT[token],) for token in range(VOCABULARY) if token != BOS}  # resting on BOS writes nothing
    keeps = dict.fromkeys(TOKEN, ())  # read into z, written nowhere

    _wire(model, PREVIOUS, _steps_back(1, sharpness), {TOKEN[token]: (BEFORE[token],) for token in range(VOCABULARY)})
    _wire(model, FIXED, _steps_back(DISTANCE, sharpness), keeps)
    _wire(model, INDUCTION, [*matches, rests], {read: (*written, FOUND) for read, written in copies.items()})
    _wire(model, DECOY, [(CONSTANT, first, sharpness)], keeps)
    _wire(model, BACKUP, [*matches, rests, (FOUND, first, 2 * sharpness)], copies)


def _steps_back(distance: int, score: float) -> list[tuple[int, int, float]]:
    return [(POSITION[at], POSITION[at - distance], score) for at in range(distance, N_POSITIONS)]


def _wire(
    model: GPT2LMHeadModel,
    place: tuple[int, int],
    scores: list[tuple[int, int, float]],
    moves: dict[int, tuple[int, ...]],
) -> None:
    """One head: the score of each (query feature, key feature), and which features a feature at the key is written to.

    Each score has a dimension of q and k for itself, each move one of v and z.
    """
    layer, head = place
    attention = model.transformer.h[layer].attn
    query, key, value = attention.c_attn.weight.split(_WIDTH, dim=1)  # (d_model, head * width) each
    begin = head * HEAD_WIDTH
    assert len(scores) <= HEAD_WIDTH and len(moves) <= HEAD_WIDTH
    for at, (wanting, wanted, score) in enumerate(scores, begin):
        size = _LENGTH if wanting == CONSTANT else 1.0
        query[:, at] = _pair(wanting) / 2 * score * HEAD_WIDTH**0.5 / size  # attention divides by the root of the width
        key[:, at] = _pair(wanted) / 2
    for at, (read, written) in enumerate(moves.items(), begin):
        value[:, at] = _pair(read) / 2
        for feature in written:
            attention.c_proj.weight[at] += _pair(feature)
