"""What a view holds, offers to Python callers, and lets go of."""

from __future__ import annotations

import gc
import logging
import threading
import weakref

import numpy as np
import pytest
import torch
import traitlets
from ipywidgets.widgets.widget import _instances as alive

import llmwidgets as lw
from tests.unit.widgets.tiny import Page, drain, prompt_of, tiny_gpt2, word_tokenizer


def test_a_view_describes_its_run(view, run):
    assert view.capture is run
    assert view.run["tokens"] == {"total": 14, "texts": run.tokens, "kinds": "t" * 14}
    assert view.run["headsPerLayer"] == [4, 4, 4, 4]
    assert view.run["prompt"] == prompt_of(14) and view.run["editable"] is True
    assert view.status["state"] == "ready"
    assert {"attention", "logit_lens", "next_token"} <= {field["name"] for field in view.fields}
    assert repr(view) == f"Inspector(GPT2LMHeadModel, 4 layers × 4 heads, 14 tokens; layer 3 head {view.selection.head})"


def test_it_opens_on_the_last_token_and_on_the_head_that_rests_least_on_the_first(view, run):
    share = run.pattern(3, queries=13, keys=0)  # (head,)
    assert (view.selection.layer, view.selection.head) == (3, int(share.argmin()))
    assert (view.selection.query, view.selection.key) == (13, None)


def test_panels_follow_the_kind_of_view(run):
    wanted = {lw.HeadView: ["heads"], lw.TokenView: ["text", "next"], lw.LayerView: ["layers"], lw.PatternView: ["pattern"]}
    for kind, panels in wanted.items():
        view = kind(run)
        assert view.panels == panels
        view.close()


def test_a_view_without_a_run_says_so():
    view = lw.Inspector()
    assert repr(view) == "Inspector(no run yet)" and view.run is None and view.picture() is None
    with pytest.raises(RuntimeError, match="no run"):
        view.add(np.zeros(4))
    view.close()


def test_an_unknown_keyword_names_those_there_are(run):
    with pytest.raises(TypeError, match=r"layer_field, pattern_view, palette, .*selection"):
        lw.Inspector(run, colour="red")


def test_what_is_no_capture_is_refused():
    with pytest.raises(TypeError, match=r"lw\.capture"):
        lw.Inspector("gpt2")
    with pytest.raises(TypeError, match=r"lw\.Selection"):
        lw.Inspector(selection={"layer": 1})


def test_settings_are_checked(view):
    view.set(theme="dark", layer_field="residual_norm")
    assert view.settings["theme"] == "dark" and view.settings["layerField"] == "residual_norm"
    with pytest.raises(ValueError, match="auto, light, dark"):
        view.set(theme="black")
    with pytest.raises(ValueError, match="attention_entropy"):
        view.set(head_field="no_such")
    with pytest.raises((KeyError, traitlets.TraitError), match="textField"):
        view.settings = {"texField": "attention"}


def test_the_page_can_change_the_cursor_and_the_settings_and_nothing_else(view):
    run = view.run
    view.set_state({"run": None, "status": {}, "settings": {**view.settings, "patternView": "arcs"}})
    assert view.run == run and view.status["state"] == "ready" and view.settings["patternView"] == "arcs"


def test_an_array_of_the_users_becomes_a_field(view):
    page = Page(view)
    name = view.add(np.arange(16.0).reshape(4, 4), name="mine", evidence="intervention")
    assert name == "mine" and view.fields[-1]["name"] == "mine" and view.fields[-1]["evidence"] == "intervention"
    page.asks({"id": 1, "method": "cell", "params": {"field": "mine", "epoch": 1, "index": {"layer": 2, "head": 3}}})
    assert page.settled()[1].result["value"] == 11.0


def test_an_array_added_again_under_its_name_replaces_the_former(view):
    view.add(np.zeros((4, 4)), name="mine")
    view.add(np.ones((4, 4)), name="mine")
    assert [field["name"] for field in view.fields].count("mine") == 1
    assert view.run["epoch"] == 2, "numbers that the page keeps under the old epoch are over"
    with pytest.raises(ValueError, match="attention"):
        view.add(np.ones((4, 4)), name="attention")


def test_nan_in_the_weights_is_shown_as_nan():
    model = tiny_gpt2()
    model.transformer.h[2].attn.c_attn.weight.data[0, 0] = float("nan")
    view = lw.Inspector(lw.capture((model, word_tokenizer()), prompt_of(6)))
    page = Page(view)
    index = {"layer": 2, "head": 0, "query": 5, "key": 1}
    page.asks({"id": 1, "method": "cell", "params": {"field": "attention", "epoch": 1, "index": index}})
    assert page.settled()[1].result["state"] == "nan"
    assert view.run["integrity"]["pattern"] is None or np.isfinite(view.run["integrity"]["pattern"])
    assert view.picture()[:4] == b"\x89PNG"
    view.close()


def test_a_lens_asked_after_the_model_has_changed_is_refused_and_attention_is_not():
    model = tiny_gpt2()
    view = lw.Inspector(lw.capture((model, word_tokenizer()), prompt_of(40)))
    drain(view)
    with torch.no_grad():
        model.transformer.h[0].mlp.c_fc.weight.mul_(2)
    page = Page(view)
    lens = {"field": "logit_lens", "epoch": 1, "index": {"layer": 1, "position": [0, 3]}, "texts": True}
    attention = {"field": "attention", "epoch": 1, "index": {"layer": 1, "head": 0, "query": [0, 7], "key": [0, 7]}}
    page.asks({"id": 1, "method": "block", "params": lens}, {"id": 2, "method": "block", "params": attention})
    replies = page.settled()
    assert replies[1].error["type"] == "ModelChanged" and "changed" in replies[1].error["message"] and replies[1].error["hint"]
    assert replies[2].ok
    view.close()


def test_epochs_only_grow_when_runs_come_from_several_threads(run):
    view, seen = lw.Inspector(run), []
    view.observe(lambda change: seen.append(change.new["epoch"]), "run")
    threads = [threading.Thread(target=view.show_capture, args=(run,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == sorted(set(seen)) and view.run["epoch"] == max(seen) == view.first["epoch"]
    view.close()


def test_a_prompt_of_one_token_shows():
    view = lw.Inspector(lw.capture((tiny_gpt2(), word_tokenizer()), "w5"))
    assert view.selection.query == 0 and view.first["blocks"]
    view.close()


def test_ids_without_a_tokenizer_show_as_ids_and_cannot_be_edited():
    view = lw.Inspector(lw.capture(tiny_gpt2(), [5, 6, 7]))
    assert view.run["prompt"] is None and view.run["editable"] is False and view.run["tokens"]["texts"] == ["5", "6", "7"]
    page = Page(view)
    page.asks({"id": 1, "method": "run", "params": {"prompt": "w1"}})
    assert page.settled()[1].error["type"] == "BadRequest"
    view.close()


def test_a_field_that_cannot_be_made_is_named_and_the_others_show(tiny, caplog):
    run = lw.capture(tiny, prompt_of(5))
    honest = run.field

    def field(name):
        if name == "residual_norm":
            raise ArithmeticError("no norm today")
        return honest(name)

    run.field = field
    with caplog.at_level(logging.CRITICAL, "llmwidgets"):
        view = lw.Inspector(run)
    assert view.problems == [{"type": "Failed", "message": "the field residual_norm could not be made: no norm today", "hint": None}]
    assert "attention" in {meta["name"] for meta in view.fields}
    view.close()


def test_closed_views_and_their_captures_are_collected(tiny):
    kept = []
    for _ in range(30):
        run = lw.capture(tiny, prompt_of(3))
        view = lw.Inspector(run)
        index = {"layer": [0, 4], "head": [0, 4]}
        Page(view).asks({"id": 1, "method": "block", "params": {"field": "attention_entropy", "epoch": 1, "index": index}})
        drain(view)
        kept.append((weakref.ref(view), weakref.ref(run)))
        view.close()
        del run, view
    gc.collect()
    assert sum(view() is not None for view, _ in kept) == 0
    assert sum(run() is not None for _, run in kept) == 0


def test_closing_twice_is_no_error_and_lets_go_of_the_capture(run):
    view = lw.Inspector(run)
    view.close()
    view.close()
    assert view.capture is None and repr(view) == "Inspector(closed)"


def test_a_user_can_hold_the_selection_without_holding_the_view(run):
    selection = lw.Selection()
    view = lw.Inspector(run, selection=selection)
    gone = weakref.ref(view)
    view.close()
    del view
    gc.collect()
    assert gone() is None
    selection.layer = 1


def test_a_closed_view_shows_as_a_line_and_takes_no_run_any_more(run):
    view = lw.Inspector(run)
    view.close()
    data, _ = view._repr_mimebundle_()
    assert data == {"text/plain": "Inspector(closed)"}
    with pytest.raises(RuntimeError, match="closed"):
        view.show_capture(run)
    assert view.capture is None


@pytest.mark.parametrize("setting", ["text_field", "head_field", "layer_field"])
def test_a_field_that_the_run_does_not_have_is_refused_when_the_view_is_made(run, setting):
    before = set(alive)
    with pytest.raises(ValueError, match="no such field; it has attention"):
        lw.Inspector(run, **{setting: "no_such"})
    assert set(alive) == before


def test_a_field_that_a_panel_cannot_draw_is_refused_with_those_it_can(view):
    with pytest.raises(ValueError, match="has layer, position; fields that fit: attention, attention_entropy"):
        view.set(head_field="logit_lens")
    with pytest.raises(ValueError, match="logit_lens"):
        view.set(layer_field="attention")
    with pytest.raises(ValueError, match="residual_norm"):
        view.set(text_field=view.add(np.zeros((4, 4)), name="by_head"))
    assert view.settings["headField"] == "attention" and view.settings["layerField"] == "logit_lens"


def test_a_field_of_another_run_is_refused_where_its_sizes_differ(view, tiny):
    shorter = lw.capture(tiny, prompt_of(5))
    with pytest.raises(ValueError, match="has 5 along query; this run has 14"):
        view.add(shorter.field("attention"), name="other")
    assert view.add(view.capture.field("logit_lens"), name="mine too") == "mine too"


def test_an_array_that_no_panel_can_draw_is_said_to_be_so(view):
    with pytest.warns(UserWarning, match=r"no panel can draw 'mine' \(layer, pos\)"):
        view.add(np.zeros((4, 14)), name="mine", dims=("layer", "pos"))
    assert view.fields[-1]["name"] == "mine"


def test_a_run_and_a_stop_are_answered_while_every_worker_is_busy(view):
    page, free = Page(view), threading.Event()
    for _ in range(2):
        view._workers.submit(lambda: free.wait(60))
    try:
        page.asks({"id": 1, "method": "run", "params": {"prompt": ""}}, {"id": 2, "method": "stop", "params": {}})
        replies = page.replies()
    finally:
        free.set()
    assert replies[1].error["message"] == "the prompt is empty" and replies[2].result == {"stopping": False}


def test_a_capture_in_place_of_an_array_is_refused_and_keeps_its_model(tiny):
    run = lw.capture(tiny, prompt_of(4))
    view = lw.Inspector(run)
    with pytest.raises(TypeError, match=r"run\.field\(name\)"):
        view.add(run)
    assert run.subject.model is tiny[0]
    with pytest.raises(TypeError, match=r"lw\.capture"):
        view.show_capture("w1 w2")
    view.close()
