"""What travels in a view's state: enough for a picture, and small for any prompt."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

import llmwidgets as lw
from llmwidgets.fields import decode
from llmwidgets.widgets.traits import bounded
from tests.unit.widgets.tiny import drain, prompt_of, tiny_gpt2, word_tokenizer

MOST_IN_A_NOTEBOOK = 300_000


def bytes_in_a_notebook(view) -> int:
    """What nbformat writes for a view's state: JSON with one entry a line, buffers in base64; without the front end's code."""
    state, buffers = {}, []

    def without_bytes(value, path):
        if isinstance(value, (bytes, memoryview)):
            buffers.append({"encoding": "base64", "path": path, "data": base64.b64encode(value).decode()})
            return None
        if isinstance(value, dict):
            return {key: without_bytes(item, [*path, key]) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [without_bytes(item, [*path, at]) for at, item in enumerate(value)]
        return value

    for name, value in view.get_state().items():
        if name != "_esm":
            state[name] = without_bytes(value, [name])
    widget = {"model_module": "anywidget", "model_name": "AnyModel", "state": state, "buffers": buffers}
    document = {"metadata": {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {view.model_id: widget}}}}}
    return len(json.dumps(document, indent=1, ensure_ascii=False).encode())


def bytes_in_first(view) -> int:
    return sum(len(block["data"]) for block in view.first["blocks"])


@pytest.mark.parametrize("tokens", [14, 1024, 4096])
def test_the_saved_state_stays_small(tokens):
    view = lw.Inspector(lw.capture((tiny_gpt2(4, 4), word_tokenizer()), prompt_of(tokens)))
    for moment in ("at once", "later"):
        assert bytes_in_a_notebook(view) < MOST_IN_A_NOTEBOOK, moment
        assert bytes_in_first(view) <= 160_000, moment
        drain(view)
    view.close()


def test_it_stays_small_with_as_many_heads_as_thumbnails_allow():
    view = lw.Inspector(lw.capture((tiny_gpt2(24, 8), word_tokenizer()), prompt_of(400)))
    drain(view)
    assert 100_000 < bytes_in_a_notebook(view) < MOST_IN_A_NOTEBOOK
    assert any(block["header"]["dims"] == ["head", "query", "key"] for block in view.first["blocks"])
    view.close()


@pytest.mark.parametrize("letter", ["x", "\u4e2d", "\U0001f600", '"', "\x01"])
def test_it_stays_small_with_tokens_of_hostile_length(letter):
    words = ["<unk>", *(f"{i}{letter * 300}" for i in range(60))]
    prompt = " ".join(words[1 + i % 60] for i in range(600))
    view = lw.Inspector(lw.capture((tiny_gpt2(12, 2), word_tokenizer(words)), prompt))
    drain(view)
    assert bytes_in_a_notebook(view) < MOST_IN_A_NOTEBOOK
    assert view.run["tokens"]["total"] == 600 and len(view.run["tokens"]["texts"]) < 600
    assert view.run["tokens"]["texts"] == view.capture.tokens[: len(view.run["tokens"]["texts"])]
    assert view.run["prompt"] is None, "a prompt of 180 kB is not saved in a trait"
    view.close()


def test_a_long_error_is_cut(view):
    view._tell({"state": "failed", "what": None, "done": 0, "total": 0, "prompt": "p" * 100_000, "message": "m" * 100_000, "hint": None})
    assert len(view.status["message"]) < 2_100 and view.status["prompt"] is None


def test_bounded_texts_are_a_prefix():
    assert bounded(["aa", "bb"], most=10_000) == ["aa", "bb"]
    assert bounded(["a" * 50_000, "b"]) == []
    assert bounded([]) == []


def test_the_first_picture_shows_the_models_own_pattern(view, run):
    block = view.first["blocks"][0]
    values, state = decode(block["data"], block["header"]["exponent"])
    wanted = run.pattern(view.cursor["layer"], view.cursor["head"]).numpy()
    allowed = np.tril(np.ones((14, 14), bool))
    np.testing.assert_allclose(values.reshape(14, 14)[allowed], wanted[allowed], rtol=2**-11, atol=1e-6)
    np.testing.assert_array_equal(state.reshape(14, 14) == 0, allowed)


def test_what_takes_long_comes_later_and_holds_the_former_blocks(monkeypatch, tiny):
    monkeypatch.setattr("llmwidgets.widgets.first_picture.CELLS_PER_SECOND", 14 * 14 * 16 / 2.0)  # all thumbnails: two seconds
    view = lw.Inspector(lw.capture(tiny, prompt_of(14)))
    early = [block["request"] for block in view.first["blocks"]]
    drain(view)
    late = [block["request"] for block in view.first["blocks"]]
    thumbnails = [request for request in late if isinstance(request["index"].get("head"), list)]
    assert len(thumbnails) == 4 and not any(request in early for request in thumbnails)
    assert all(request in late for request in early) and early
    view.close()


def test_references_come_with_the_fields_or_a_little_later(monkeypatch, tiny):
    monkeypatch.setattr("llmwidgets.widgets.first_picture.MASK_CELLS_PER_SECOND", 14 * 14 * 16 / 2.0)
    view = lw.Inspector(lw.capture(tiny, prompt_of(14)))

    def reference():
        return next(field["reference"] for field in view.fields if field["name"] == "attention_to_first")

    view.add(np.zeros((4, 4)), name="mine")
    drain(view)
    assert reference()["value"] == pytest.approx(np.mean([1 / n for n in range(2, 15)]), rel=0.2)
    assert view.fields[-1]["name"] == "mine"
    view.close()


def test_nothing_is_computed_for_a_run_that_is_over(monkeypatch, tiny):
    monkeypatch.setattr("llmwidgets.widgets.first_picture.CELLS_PER_SECOND", 14 * 14 * 16 / 2.0)
    view = lw.Inspector(lw.capture(tiny, prompt_of(14)))
    view.show_capture(lw.capture(tiny, prompt_of(13)))
    drain(view)
    assert view.first["epoch"] == 2 and {block["request"]["epoch"] for block in view.first["blocks"]} == {2}
    view.close()
