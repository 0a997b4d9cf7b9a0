"""From what a user gives as `prompt` to token ids.

What always holds: text is encoded exactly as `tokenizer(prompt)` does, nothing added; the ids fit the
model's vocabulary and its context; there is exactly one sequence. Names of tokens are left to `tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmwidgets.models.errors import PromptError
from llmwidgets.models.loading import Subject


@dataclass(frozen=True, eq=False)
class Encoded:
    """One prompt as the model gets it."""

    ids: Tensor  # (position,) int64
    text: str | None  # as given; None when ids were given
    attention_mask: Tensor  # (position,) int64, 0 where a given BatchEncoding says padding


def encode(subject: Subject, prompt: Any) -> Encoded:
    """Return the prompt's ids: a str, ids (list, 1-D or 1 x T tensor), a chat, or a BatchEncoding.

    Raises `PromptError` (a ValueError) for an empty prompt, one longer than the context, text for a model
    without a tokenizer, several prompts at once, and ids outside the vocabulary.
    """
    text, mask = None, None
    if isinstance(prompt, Encoded):
        return prompt
    if isinstance(prompt, str):
        if not prompt:
            raise PromptError("the prompt is empty; give a text with at least one token")
        text, ids = prompt, _ids_of(_need_tokenizer(subject)(_encodable(prompt))["input_ids"])
    elif isinstance(prompt, Mapping):
        if "input_ids" not in prompt:
            raise PromptError(f"the prompt is a mapping with {sorted(prompt)}; expected one with 'input_ids'")
        ids = _ids_of(prompt["input_ids"])
        mask = _ids_of(prompt["attention_mask"]) if prompt.get("attention_mask") is not None else None
    elif _is_list_of(prompt, Mapping):
        text, ids = _encode_chat(subject, prompt)
    elif _is_list_of(prompt, str):
        raise PromptError(
            f'got a list of {len(prompt)} strings; a capture is of one prompt. Give one string (" ".join(...)), or capture each in turn'
        )
    else:
        ids = _ids_of(prompt)
    _check(subject, ids)
    if mask is None:
        mask = torch.ones_like(ids)
    if mask.shape != ids.shape:
        raise PromptError(f"attention_mask has {mask.numel()} entries for {ids.numel()} tokens; expected as many")
    return Encoded(ids, text, mask)


def context_length(subject: Subject) -> int | None:
    """How many tokens the model takes, or None where its configuration sets no limit."""
    limit = getattr(subject.config, "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else None


def _encodable(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PromptError(
            f"the prompt is no text that can be encoded: half of a surrogate pair stands at character {error.start}; remove it"
        ) from error
    return text


def _need_tokenizer(subject: Subject) -> Any:
    if subject.tokenizer is None:
        raise PromptError(
            f"the prompt is text, but no tokenizer was found for {subject.name!r}. Give one with tokenizer=, or give token ids"
        )
    return subject.tokenizer


def _encode_chat(subject: Subject, messages: Sequence[Mapping[str, Any]]) -> tuple[str, Tensor]:
    tokenizer = _need_tokenizer(subject)
    for at, message in enumerate(messages):
        if "role" not in message or not {"content", "tool_calls"} & set(message):
            keys = ", ".join(repr(key) for key in message) or "no keys"
            raise PromptError(f"message {at} of the chat has {keys}; expected 'role' and 'content'")
    if getattr(tokenizer, "chat_template", None) is None:
        raise PromptError(f"the prompt is a chat, but the tokenizer of {subject.name!r} has no chat template; give text")
    answer_next = messages[-1].get("role") != "assistant"
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=answer_next)
    return text, _ids_of(tokenizer(text, add_special_tokens=False)["input_ids"])  # the template wrote them


def _is_list_of(prompt: Any, kind: type) -> bool:
    return isinstance(prompt, (list, tuple)) and len(prompt) > 0 and all(isinstance(item, kind) for item in prompt)


def _ids_of(values: Any) -> Tensor:
    try:
        ids = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PromptError(
            f"got {type(values).__name__} as the prompt; expected a str, token ids (a list, or a 1-D or 1 x T "
            "tensor), a chat (a list of messages) or a BatchEncoding"
        ) from error
    if ids.ndim == 2 and ids.shape[0] == 1:
        ids = ids[0]
    if ids.ndim == 2:
        raise PromptError(f"got {ids.shape[0]} prompts at once (shape {tuple(ids.shape)}); a capture is of one")
    if ids.ndim != 1:
        raise PromptError(f"got token ids of shape {tuple(ids.shape)}; expected (tokens,) or (1, tokens)")
    if ids.numel() and (ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool):
        raise PromptError(f"got token ids of dtype {ids.dtype}; expected whole numbers")
    return ids.detach().to("cpu", torch.int64)  # (position,)


def _check(subject: Subject, ids: Tensor) -> None:
    if ids.numel() == 0:
        raise PromptError("the prompt has no tokens; give at least one (for a bare start, the id of the start token)")
    limit = context_length(subject)
    if limit is not None and ids.numel() > limit:
        raise PromptError(
            f"the prompt has {ids.numel()} tokens, but {subject.name!r} takes at most {limit} (max_position_embeddings); shorten it"
        )
    embeddings = subject.model.get_input_embeddings()
    vocabulary = getattr(embeddings, "num_embeddings", None) or getattr(subject.config, "vocab_size", None)
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or (vocabulary is not None and high >= vocabulary):
        raise PromptError(
            f"token ids run from {low} to {high}, but the vocabulary of {subject.name!r} holds 0 to "
            f"{(vocabulary or 0) - 1}; was the prompt encoded by another model's tokenizer?"
        )
