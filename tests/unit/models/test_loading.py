"""What is given as a model becomes a model with a name and, where there is one, its tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from torch import nn
from transformers import BartConfig, BartForConditionalGeneration, ViTConfig, ViTModel

from llmwidgets.capture import capture
from llmwidgets.models.demo import demo_model
from llmwidgets.models.errors import ModelError, NotATransformerError
from llmwidgets.models.loading import resolve
from tests.architectures import build, prompt_ids
from tests.unit.models.test_prompt import word_tokenizer


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny-cat"
    build("gpt2", torch.bfloat16).save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


def test_a_local_folder_is_loaded_in_float32_with_its_tokenizer(folder: Path) -> None:
    run = capture(str(folder), "the cat")
    assert run.model_name == "tiny-cat"  # no path of this machine
    assert run.token_ids == [2, 3]
    assert run.subject.model.dtype == torch.float32


def test_a_model_finds_the_tokenizer_that_lies_beside_it(folder: Path) -> None:
    model = resolve(str(folder)).model
    assert resolve(model).tokenizer("the cat")["input_ids"] == [2, 3]


def test_a_pair_and_an_own_tokenizer_are_taken_as_given() -> None:
    model, tokenizer = build("gpt2"), word_tokenizer()
    assert resolve((model, tokenizer)).tokenizer is tokenizer
    assert resolve(model, tokenizer).tokenizer is tokenizer
    assert resolve(model).tokenizer is None
    assert resolve(model).name == "GPT2LMHeadModel"


def test_a_name_that_cannot_be_loaded_offline_says_so() -> None:
    with pytest.raises(ModelError, match=r"could not load the model 'no-such/model-at-all' .*HF_HUB_OFFLINE is set.*Give the path"):
        capture("no-such/model-at-all", "the cat")


def test_a_folder_that_holds_no_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="from the local folder"):
        capture(str(tmp_path), "the cat")


@pytest.mark.parametrize("thing", [nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4)), 3, None, {}])
def test_what_is_no_transformer_is_a_type_error(thing: object) -> None:
    with pytest.raises(NotATransformerError, match=f"got {type(thing).__name__} as the model; expected a transformers model"):
        capture(thing, [1, 2, 3])


def test_an_encoder_decoder_is_refused_for_now() -> None:
    config = BartConfig(vocab_size=50, d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=1, decoder_attention_heads=1)
    with pytest.raises(ModelError, match="is an encoder-decoder; only models with one stack of blocks"):
        capture(BartForConditionalGeneration(config), [1, 2, 3])


def test_a_model_of_images_is_refused_for_now() -> None:
    config = ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=32, patch_size=16)
    with pytest.raises(ModelError, match="takes no token ids"):
        capture(ViTModel(config), [1, 2, 3])


def test_something_else_as_the_tokenizer_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="got int as the tokenizer"):
        capture(build("gpt2"), prompt_ids(), tokenizer=3)


def test_a_tokenizer_s_name_that_cannot_be_loaded_says_so() -> None:
    with pytest.raises(ModelError, match=r"could not load the tokenizer 'no-such/tokenizer' .*HF_HUB_OFFLINE is set"):
        capture(build("gpt2"), "the cat", tokenizer="no-such/tokenizer")


def test_a_model_without_weights_is_refused() -> None:
    with torch.device("meta"):
        model = build("gpt2")
    with pytest.raises(ModelError, match="on the meta device"):
        capture(model, prompt_ids())


def test_an_empty_stack_of_blocks_is_no_transformer() -> None:
    with pytest.raises(TypeError, match="has no list of blocks that hold linear layers"):
        capture(build("gpt2", n_layer=0), prompt_ids())


def test_the_built_in_model_alone_finds_its_own_tokenizer_without_looking_anywhere(monkeypatch) -> None:
    def look_up(*_args, **_keywords):
        raise AssertionError("a tokenizer was looked up")

    monkeypatch.setattr("llmwidgets.models.loading.AutoTokenizer.from_pretrained", look_up)
    model, tokenizer = demo_model()
    found = resolve(model).tokenizer
    assert found("The keys").input_ids == tokenizer("The keys").input_ids
