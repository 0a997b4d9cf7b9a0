"""From what a user gives as `model` to a Subject: the model, its tokenizer (or none), and a name.

What always holds: a Subject's model is a `PreTrainedModel` that takes token ids; nothing about a model
that was handed in is changed. A name is loaded in float32. What the model is made of is left to
`anatomy`, how a prompt is encoded to `prompt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from llmwidgets.models.demo import DEMO_NAME, demo_tokenizer
from llmwidgets.models.errors import ModelError, NotATransformerError


@dataclass(frozen=True, eq=False)
class Subject:
    """The model under study."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase | None
    name: str

    @property
    def config(self) -> Any:
        """The configuration that speaks of the text model (of a multimodal model, its text part)."""
        return self.model.config.get_text_config(decoder=True)


def resolve(model: Any, tokenizer: Any = None) -> Subject:
    """Return the Subject for a hub name or local folder, a PreTrainedModel, or a (model, tokenizer) pair.

    Raises `ModelError` when a name cannot be loaded, the model is an encoder-decoder or has no weights, and
    `NotATransformerError` when `model` is something else altogether.
    """
    if isinstance(model, Subject):
        return model if tokenizer is None else Subject(model.model, tokenizer, model.name)
    if isinstance(model, (tuple, list)) and len(model) == 2:
        model, paired = model
        tokenizer = paired if tokenizer is None else tokenizer
    name = None
    if isinstance(model, (str, Path)):
        name = str(model)
        model = _load_model(name)
    if isinstance(model, nn.Module) and isinstance(getattr(model, "_orig_mod", None), nn.Module):
        model = model._orig_mod  # torch.compile's wrapper: hooks need the plain modules, the weights are the same
    if not isinstance(model, PreTrainedModel):
        raise NotATransformerError(
            f"got {type(model).__name__} as the model; expected a transformers model (PreTrainedModel), a "
            "(model, tokenizer) pair, or the name of one on the hub or in a local folder"
        )
    if getattr(model.config, "is_encoder_decoder", False):
        raise ModelError(
            f"{type(model).__name__} is an encoder-decoder; only models with one stack of blocks over one "
            "text can be captured so far. Use a decoder-only model"
        )
    if getattr(model, "main_input_name", "input_ids") != "input_ids":
        raise ModelError(f"{type(model).__name__} takes no token ids; only models of text can be captured so far")
    if any(p.device.type == "meta" for p in model.parameters()) and not any(hasattr(m, "_hf_hook") for m in model.modules()):
        raise ModelError(f"{type(model).__name__} has parameters on the meta device, which hold no numbers; load its weights first")
    given_name = name or getattr(model, "name_or_path", "") or ""
    if tokenizer is None and given_name:
        tokenizer = _find_tokenizer(given_name)
    if isinstance(tokenizer, (str, Path)):
        tokenizer = _load_tokenizer(str(tokenizer))
    if tokenizer is not None and not callable(tokenizer):
        raise TypeError(f"got {type(tokenizer).__name__} as the tokenizer; expected a transformers tokenizer")
    return Subject(model, tokenizer, _short_name(given_name) or type(model).__name__)


def _load_model(name: str) -> PreTrainedModel:
    try:
        return AutoModelForCausalLM.from_pretrained(name, dtype="float32")
    except (OSError, ValueError) as error:
        advice = "Give the path of a folder that holds a model's config.json and weights, or a model that is already in memory"
        raise _not_loaded("model", name, advice, error) from error


def _load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, ImportError) as error:
        advice = "Give the path of a folder that holds a tokenizer, a tokenizer that is already in memory, or token ids as the prompt"
        raise _not_loaded("tokenizer", name, advice, error) from error


def _not_loaded(what: str, name: str, advice: str, error: Exception) -> ModelError:
    where = "the local folder" if Path(name).is_dir() else "the hub, the cache or a local folder"
    offline = " (the hub is switched off: HF_HUB_OFFLINE is set)" if constants.HF_HUB_OFFLINE else ""
    return ModelError(f"could not load the {what} {name!r} from {where}{offline}. {advice}. transformers says: {error}")


def _find_tokenizer(name: str) -> PreTrainedTokenizerBase | None:
    """The tokenizer saved under the model's own name, or None: ids can be captured without one."""
    if name == DEMO_NAME:
        return demo_tokenizer()
    for only_local in (True, False):
        if not only_local and (constants.HF_HUB_OFFLINE or Path(name).is_dir()):
            break
        try:
            return AutoTokenizer.from_pretrained(name, local_files_only=only_local)
        except Exception:  # any failure means the same here: there is no tokenizer to be had
            continue
    return None


def _short_name(name: str) -> str:
    """A local folder is called by its own name, so that no path of a machine is shown or saved."""
    return Path(name).resolve().name if name and Path(name).is_dir() else name
