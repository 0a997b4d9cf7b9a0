# ruff: noqa: C408 - keyword arguments, as a configuration takes them
"""Small random models made from configurations, for the tests of every part.

What always holds: the same name gives the same weights; weights are scaled up so that attention is far
from uniform. Nothing is loaded from anywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedModel

torch.set_num_threads(1)  # the models are so small that more threads only wait for each other

VOCABULARY = 200
_COMMON: dict[str, Any] = dict(
    vocab_size=VOCABULARY, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128,
    max_position_embeddings=128, pad_token_id=0, bos_token_id=1, eos_token_id=2,
)  # fmt: skip
_GROUPED = dict(_COMMON, num_key_value_heads=2)
_GPT = dict(n_layer=3, n_head=4, n_embd=64, vocab_size=VOCABULARY, n_positions=128, pad_token_id=0)
_MIXED = ["sliding_attention", "full_attention", "sliding_attention"]

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "gpt2": _GPT,
    "llama": _GROUPED,
    "qwen3": dict(_GROUPED, head_dim=16),
    "gemma2": dict(_GROUPED, head_dim=16, sliding_window=8, attn_logit_softcapping=5.0, query_pre_attn_scalar=16),
    "gpt_neox": _COMMON,
    "gptj": dict(_GPT, rotary_dim=8),
    "bloom": dict(vocab_size=VOCABULARY, hidden_size=64, n_layer=3, n_head=4),
    "falcon": dict(
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        alibi=False,
        multi_query=True,
        parallel_attn=True,
        new_decoder_architecture=False,
    ),
    "mistral": dict(_GROUPED, sliding_window=8, head_dim=16),
    "mixtral": dict(_GROUPED, num_local_experts=4, num_experts_per_tok=2),
    "gemma3_text": dict(_GROUPED, head_dim=16, sliding_window=8, layer_types=_MIXED),
    "granite": dict(_GROUPED, residual_multiplier=0.22, attention_multiplier=0.1, embedding_multiplier=12.0),
    "olmo2": _GROUPED,
    "cohere": _GROUPED,
    "phi": dict(_COMMON, partial_rotary_factor=0.5),
    "opt": dict(
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        ffn_dim=128,
        max_position_embeddings=128,
        word_embed_proj_dim=64,
        dropout=0.0,
    ),
    "gpt_bigcode": dict(_GPT, multi_query=True),
    "gpt_oss": dict(_GROUPED, head_dim=16, num_local_experts=4, num_experts_per_tok=2, sliding_window=8, layer_types=_MIXED),
    "gpt_neo": dict(
        hidden_size=64,
        num_layers=4,
        num_heads=4,
        attention_types=[[["global", "local"], 2]],
        vocab_size=VOCABULARY,
        max_position_embeddings=128,
        window_size=8,
        intermediate_size=128,
    ),
    "mamba": dict(vocab_size=VOCABULARY, hidden_size=64, num_hidden_layers=3, state_size=8),
    "lfm2": dict(_GROUPED, layer_types=["conv", "full_attention", "conv"]),
    "openai-gpt": _GPT,
}

#: Models of masked words: post-norm encoders, in which every position sees every other.
MASKED: dict[str, dict[str, Any]] = {"bert": {k: v for k, v in _COMMON.items() if k not in ("bos_token_id", "eos_token_id")}}

#: Those that methods of cause are held to: plain, grouped heads, norms of q and k, post-norms with soft caps, multipliers, parallel
#: blocks, and an encoder.
CAUSES = ("gpt2", "llama", "qwen3", "gemma2", "granite", "gpt_neox", "bert")
#: Those that the first issue names, and one that does not use the attention interface.
CORE = ("gpt2", "llama", "qwen3", "gemma2", "gpt_neox", "gptj")
#: Every one of the above that has attention in every block and a stream that attention and MLP are added to.
WITH_ATTENTION = tuple(name for name in CONFIGURATIONS if name not in ("mamba", "lfm2", "openai-gpt"))
#: Those whose attention modules are run again.
REPLAYED = ("gptj", "bloom", "falcon", "gpt_neo")
PARALLEL = ("gpt_neox", "gptj", "falcon", "phi", "cohere")


def build(name: str, dtype: torch.dtype = torch.float32, attention: str | None = None, **changes: Any) -> PreTrainedModel:
    """Return the model `name` of CONFIGURATIONS or MASKED; `attention` forces an implementation ("eager", "sdpa")."""
    kind = AutoModelForMaskedLM if name in MASKED else AutoModelForCausalLM
    config = AutoConfig.for_model(name, **{**{**CONFIGURATIONS, **MASKED}[name], **changes})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        options = {} if attention is None else {"attn_implementation": attention}
        model = kind.from_config(config, **options)
        if dtype == torch.float64 and hasattr(config, "num_experts_per_tok"):
            model.set_experts_implementation("eager")  # the grouped matrix product takes no float64
        with torch.no_grad():
            for path, parameter in model.named_parameters():
                if parameter.ndim >= 2 and "norm" not in path.lower():
                    parameter.mul_(4.0)
                elif parameter.ndim == 1:
                    parameter.add_(0.1 * torch.randn_like(parameter))
    return model.to(dtype).eval()


def prompt_ids(n_tokens: int = 24, seed: int = 1) -> torch.Tensor:
    """Return `n_tokens` random token ids, (position,), none of them special."""
    return torch.randint(5, VOCABULARY, (n_tokens,), generator=torch.Generator().manual_seed(seed))


class FloatsStayDouble(TorchFunctionMode):
    """Modeling files cast to float32 inside (softmax, RMS norms), also in a float64 model, where it caps every comparison at
    1e-8. In this context such casts of float64 tensors are left out, so that two ways of computing can be told apart at 1e-10."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        is_double = bool(args) and isinstance(args[0], torch.Tensor) and args[0].dtype == torch.float64
        if is_double and (function is torch.Tensor.float or (function is torch.Tensor.to and args[1:] == (torch.float32,))):
            return args[0]
        if is_double and kwargs.get("dtype") == torch.float32:
            kwargs["dtype"] = torch.float64
        if function in (torch.Tensor.__matmul__, torch.matmul) and args[0].dtype != args[1].dtype:
            args = (args[0].double(), args[1].double())
        return function(*args, **kwargs)
