"""show(): one live Inspector in the cell, errors before anything is displayed."""

from __future__ import annotations

import gc

import pytest
from ipywidgets.widgets.widget import _instances as alive

import llmwidgets as lw
from llmwidgets.models.errors import CaptureStopped, ModelError, NotATransformerError, PromptError
from llmwidgets.widgets import in_cell
from tests.unit.widgets.tiny import prompt_of, tiny_gpt2

WIDGET = "application/vnd.jupyter.widget-view+json"


class Notebook:
    """As much of IPython as an output takes: what is published, by display id."""

    def __init__(self) -> None:
        self.execution_count = 1
        self.cell = "cell-1"
        self.published: list[tuple[dict, bool]] = []
        self.display_pub = self

    def publish(self, data, metadata=None, transient=None, update=False) -> None:
        self.published.append((data, update))

    def get_parent(self):
        return {"metadata": {"cellId": self.cell}}

    def next_cell(self, cell: str) -> None:
        self.execution_count += 1
        self.cell = cell

    @property
    def widgets(self) -> list[str]:
        return [data[WIDGET]["model_id"] for data, update in self.published if WIDGET in data and not update]


@pytest.fixture
def notebook(monkeypatch) -> Notebook:
    notebook = Notebook()
    monkeypatch.setattr(in_cell, "shell", lambda: notebook)
    monkeypatch.setattr(in_cell, "_shown_by", {})
    return notebook


def test_outside_ipython_it_just_returns_the_inspector(tiny):
    view = lw.show(tiny, prompt_of(5))
    assert isinstance(view, lw.Inspector) and view.capture.n_tokens == 5 and view.status["state"] == "ready"
    view.close()


def test_a_capture_is_shown_as_it_is(run):
    view = lw.show(run)
    assert view.capture is run
    view.close()
    with pytest.raises(TypeError, match="again"):
        lw.show(run, "another prompt")


def test_it_stands_once_in_the_cell_also_as_its_last_line(notebook, tiny):
    view = lw.show(tiny, prompt_of(5))
    view._ipython_display_()
    assert notebook.widgets == [view.model_id]
    notebook.next_cell("cell-2")
    view._ipython_display_()
    assert notebook.widgets == [view.model_id] * 2
    view.close()


def test_the_output_holds_the_widget_a_picture_and_a_line(notebook, tiny):
    view = lw.show(tiny, prompt_of(5))
    ((data, _),) = notebook.published
    assert set(data) == {WIDGET, "image/png", "text/plain"}
    assert data["text/plain"] == repr(view) and "5 tokens" in repr(view)
    assert data["image/png"].startswith(b"\x89PNG") and len(data["image/png"]) <= 60_000
    view.close()


def test_a_slow_capture_is_seen_at_work_and_gets_its_picture_at_the_end(notebook, tiny, monkeypatch):
    monkeypatch.setattr(in_cell, "SOON", -1.0)
    states = []
    publish = notebook.publish

    def watched(data, *args, **more):
        newest = [widget for widget in alive.values() if isinstance(widget, lw.Inspector)][-1]
        states.append(newest.status["state"])
        publish(data, *args, **more)

    notebook.publish = watched
    view = lw.show(tiny, prompt_of(5))
    assert states[0] == "running" and states[-1] == "ready"
    (first, update), *_, (last, last_update) = notebook.published
    assert WIDGET in first and "image/png" not in first and not update
    assert WIDGET in last and "image/png" in last and last_update
    assert notebook.widgets == [view.model_id]
    view.close()


def test_running_a_cell_again_closes_what_it_showed_before(notebook, tiny):
    first = lw.show(tiny, prompt_of(4))
    second = lw.show(tiny, prompt_of(5))
    assert first.comm is not None, "two views of one execution stand side by side"
    notebook.next_cell("cell-1")
    third = lw.show(tiny, prompt_of(6))
    assert first.comm is None and second.comm is None and third.comm is not None
    notebook.next_cell("cell-2")
    third._ipython_display_()
    notebook.next_cell("cell-1")
    fourth = lw.show(tiny, prompt_of(7))
    assert third.comm is not None, "what was also displayed from another cell stays"
    third.close()
    fourth.close()


@pytest.mark.parametrize(
    ("model", "prompt", "error", "words"),
    [
        ("given", "", PromptError, "empty"),
        ("given", prompt_of(4097), PromptError, "4096"),
        ("given", ["one", "two"], PromptError, "one prompt"),
        ("untokenized", "text", PromptError, "tokenizer"),
        ("no/such-model-anywhere", "text", ModelError, "no/such-model-anywhere"),
        (object(), "text", NotATransformerError, "object"),
        ("given", None, TypeError, "prompt"),
    ],
)
def test_bad_input_is_raised_and_leaves_no_widget(notebook, tiny, monkeypatch, model, prompt, error, words):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    gc.collect()
    before = set(alive)
    given = {"given": tiny, "untokenized": tiny_gpt2()}.get(model, model) if isinstance(model, str) else model
    with pytest.raises(error, match=words):
        lw.show(given, prompt)
    assert notebook.published == [] and set(alive) <= before


def test_an_unknown_keyword_is_refused_before_anything_is_captured(tiny):
    with pytest.raises(TypeError, match="layer_field"):
        lw.show(tiny, prompt_of(3), layerfield="logit_lens")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, CaptureStopped])
def test_an_interrupt_stops_the_capture_and_leaves_no_dead_widget(notebook, tiny, monkeypatch, stop):
    monkeypatch.setattr(in_cell, "SOON", -1.0)
    before = set(alive)
    publish = notebook.publish

    def interrupted(data, *args, **more):
        publish(data, *args, **more)
        raise stop("stopped")

    notebook.publish = interrupted
    with pytest.raises(stop):
        lw.show(tiny, prompt_of(5))
    assert len(notebook.published) == 1 and set(alive) <= before


def test_a_selection_and_settings_are_handed_on(tiny):
    selection = lw.Selection(layer=1, head=2)
    view = lw.show(tiny, prompt_of(5), selection=selection, theme="dark", layer_field="residual_norm")
    assert view.selection is selection and (view.cursor["layer"], view.cursor["head"]) == (1, 2)
    assert view.settings["theme"] == "dark" and view.settings["layerField"] == "residual_norm"
    view.close()


def test_what_a_capture_does_not_need_is_refused_with_it(run, tiny):
    with pytest.raises(TypeError, match="tokenizer"):
        lw.show(run, tokenizer=tiny[1])
    with pytest.raises(TypeError, match="max_bytes"):
        lw.show(run, max_bytes=1_000_000)


def test_a_view_in_place_of_a_model_is_refused_with_what_to_write(run):
    view = lw.show(run)
    with pytest.raises(TypeError, match=r"lw\.show\(view\.capture\)"):
        lw.show(view)
    view.close()


def test_a_field_that_the_run_does_not_have_is_refused_and_leaves_no_widget(notebook, tiny):
    before = set(alive)
    with pytest.raises(ValueError, match="no such field"):
        lw.show(tiny, prompt_of(5), head_field="no_such")
    assert notebook.published == [] and set(alive) <= before
