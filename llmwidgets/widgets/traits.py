"""The JSON that a view's traits hold for a run: pure functions from a capture and its fields.

Always true: what they give is bounded for any prompt, since it is saved with a notebook: token texts and the prompt take at most
24 kB each, counted as a notebook file writes them (one list entry a line). The rest of the tokens comes by the method `tokens`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..fields import Field
from ..models.errors import DetachedError
from .answers import kind_letters
from .failures import sentence

if TYPE_CHECKING:
    from ..capture import Capture

MOST_TEXT = 24_000  # bytes
LINE = 16  # bytes that a notebook file adds to each entry of a list: indentation, comma, end of line


def run_trait(capture: Capture, epoch: int) -> dict[str, Any]:
    """The `run` trait."""
    integrity = capture.integrity
    texts = bounded(capture.tokens)
    return {
        "epoch": epoch,
        "model": capture.model_name,
        "fingerprint": capture.fingerprint,
        "layers": capture.n_layers,
        "heads": capture.n_heads,
        "headsPerLayer": list(capture.heads_per_layer),
        "prompt": prompt_trait(capture.prompt),
        "editable": is_editable(capture),
        "tokens": {"total": capture.n_tokens, "texts": texts, "kinds": kind_letters(capture.token_kinds[: len(texts)])},
        "integrity": {
            "ok": bool(integrity.ok),
            "sentence": integrity.sentence,
            "pattern": finite(integrity.pattern),
            "readout": finite(integrity.readout),
        },
    }


def fields_trait(fields: Mapping[str, Field], references: bool = True) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The `fields` trait, and a problem for each field that could not describe itself. References (what uniform attention would
    give) are worked out from all masks: without `references` they are null for now."""
    described, problems = [], []
    for name, field in fields.items():
        try:
            described.append((field if references else dataclasses.replace(field, reference=None)).meta())
        except Exception as error:
            problems.append(problem_of_field(name, error))
    return described, problems


def problem_of_field(name: str, error: Exception) -> dict[str, Any]:
    """An entry of `problems` for a field that could not be made."""
    return {"type": "Failed", "message": f"the field {name} could not be made: {sentence(error)}", "hint": None}


def is_editable(capture: Capture) -> bool:
    """Whether another prompt may be typed: there is a tokenizer, and the model is still held."""
    try:
        return capture.subject.tokenizer is not None
    except DetachedError:
        return False


def prompt_trait(prompt: str | None) -> str | None:
    """The prompt as it was given; None for ids, and for one too long to be edited on a line."""
    return prompt if prompt is not None and written_bytes(prompt) <= MOST_TEXT else None


def bounded(texts: Iterable[str], most: int = MOST_TEXT) -> list[str]:
    """The first of `texts` that fit `most` bytes in a notebook file.

    >>> bounded(["a", "b", "c"], most=2 * (3 + LINE))
    ['a', 'b']
    """
    kept, used = [], 0
    for text in texts:
        used += written_bytes(text) + LINE
        if used > most:
            break
        kept.append(text)
    return kept


def written_bytes(value: Any) -> int:
    """Bytes of a value as JSON; the larger of the two ways of writing other letters than ASCII."""
    return len(json.dumps(value))


def finite(number: float | None) -> float | None:
    """JSON has no NaN."""
    return None if number is None or number != number or abs(number) == float("inf") else float(number)
