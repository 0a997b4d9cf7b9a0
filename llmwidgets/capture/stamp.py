"""Whether a model is still the one that a capture was made with, and the fingerprints of a run.

In-place changes of parameters count up their version; assignments through `.data` do not, so a few entries
of each parameter are compared as well. Nothing here holds the model.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llmwidgets.models.errors import ModelChangedError

_SAMPLED = 8


@dataclass(frozen=True)
class ModelStamp:
    """Identity, version and sampled entries of every parameter, at one moment."""

    parameters: tuple[tuple[str, int, int | None], ...]
    sample: bytes

    @classmethod
    def of(cls, model: nn.Module) -> ModelStamp:
        named = list(model.named_parameters())
        return cls(tuple((name, id(p), _version(p)) for name, p in named), _sample([p for _, p in named]))

    def check(self, model: nn.Module) -> None:
        """Raise `ModelChangedError` when `model` is no longer as stamped."""
        now = ModelStamp.of(model)
        if now == self:
            return
        changed = [a[0] for a, b in zip(self.parameters, now.parameters, strict=False) if a != b]
        what = f"{len(changed)} parameter(s), first {changed[0]!r}" if changed else "its parameters"
        raise ModelChangedError(
            f"the model has changed since this capture ({what}); what the capture holds can still be read, but "
            "nothing can be computed with the model any more. Capture again"
        )


@dataclass(frozen=True)
class Fingerprints:
    """Digests of 16 hex digits: of the model (its name, configuration and sampled parameters), of the prompt (ids and padding), and of the
    run, which is both and how it was changed."""

    model: str
    prompt: str
    run: str

    @classmethod
    def of(cls, name: str, model: nn.Module, stamp: ModelStamp, ids: Tensor, mask: Tensor, change: str = "") -> Fingerprints:
        config = model.config.to_dict()
        for untold in ("_name_or_path", "transformers_version", "dtype", "torch_dtype"):
            config.pop(untold, None)
        of_model = _digest(name.encode(), json.dumps(config, sort_keys=True, default=str).encode(), stamp.sample)
        padding = b"" if bool(mask.all()) else json.dumps(mask.tolist()).encode()
        of_prompt = _digest(json.dumps(ids.tolist()).encode(), padding)
        return cls(of_model, of_prompt, _digest(of_model.encode(), of_prompt.encode(), change.encode()))


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def _version(parameter: Tensor) -> int | None:
    return None if parameter.is_inference() else parameter._version


def _sample(parameters: list[nn.Parameter]) -> bytes:
    picked = []
    for parameter in parameters:
        if parameter.device.type == "meta" or parameter.numel() == 0:
            continue
        flat = parameter.detach().reshape(-1)
        picked.append(flat[:: max(1, flat.numel() // _SAMPLED)][:_SAMPLED].to("cpu", torch.float64))
    return torch.cat(picked).numpy().tobytes() if picked else b""
