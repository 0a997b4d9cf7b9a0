"""Fields that grow fill in as the passes find their numbers, stop and go on, and keep nobody waiting; the others are computed when read."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import llmwidgets as lw
from llmwidgets.fields import PENDING, BlockRequest
from llmwidgets.models.errors import CaptureStopped
from llmwidgets.widgets.causes import growth, makers, sweeps
from llmwidgets.widgets.causes.growth import Growth
from tests.unit.widgets.causes.heard import Heard, exact

METRIC = lw.Metric(5, 6)
NAME = "ablation_effect"


def pending(heard: Heard, name: str = NAME) -> int:
    field = heard.causes.fields[name]
    state = field.block(BlockRequest(name, {axis.coordinate: axis.range for axis in field.axes})).state
    return 0 if state is None else int((state == PENDING).sum())


@pytest.fixture
def every_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "BETWEEN", -1.0)


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many places each sweep was asked for; each pass carries a few."""
    asked: list[int] = []
    real = sweeps.sweep

    def sweep(run, changes, *args, **given):
        asked.append(len(changes))
        return real(run, changes, *args, **given, tokens_at_once=2 * run.n_tokens)

    monkeypatch.setattr(sweeps, "sweep", sweep)
    return asked


def test_pending_cells_only_grow_fewer_and_versions_rise_with_them(run: lw.Capture, every_number_is_told: None):
    heard, seen = Heard(run, METRIC), []
    heard.on_word = lambda: seen.append(pending(heard))
    assert heard.causes.progress()[NAME]["state"] == "idle" and pending(heard) == 16, "nothing is swept by itself"
    heard.causes.fill(NAME)
    assert seen == [16, *reversed(range(16)), 0]
    told = heard.told(NAME)
    assert [one["state"] for one in told] == ["running"] * 17 + ["ready"]
    assert [one["done"] for one in told] == [*range(17), 16] and all(one["total"] == 16 for one in told)
    versions = [one["version"] for one in told]
    assert versions == sorted(versions) and len(set(versions[:17])) == 17
    np.testing.assert_array_equal(heard.causes.fields[NAME].read().values, exact(lw.ablate(run, METRIC).effect))


def test_a_number_that_was_told_of_is_there_under_its_version(run: lw.Capture, every_number_is_told: None):
    heard = Heard(run, METRIC)
    heard.on_word = lambda: seen.append((heard.causes.progress()[NAME]["done"], 16 - pending(heard)))
    seen: list[tuple[int, int]] = []
    heard.causes.fill(NAME)
    assert seen and all(there >= done for done, there in seen)


def test_progress_is_told_at_most_five_times_a_second_and_at_the_end():
    now, told = [0.0], []
    numbers = [({"layer": 0, "head": head}, 1.0) for head in range(40)]

    def effects(places, cancelled):
        for number in numbers:
            now[0] += 0.05
            yield number

    axes = (lw.Axis("layer", 1), lw.Axis("head", 40))
    plan = sweeps.Plan(sweeps.Growing(axes), effects)
    growth = Growth(plan, iter(range(1, 100)), lambda: told.append(growth.told()), clock=lambda: now[0])
    growth.begin()()
    assert now[0] == pytest.approx(2.0) and 9 <= len(told) <= 11
    assert told[-1]["state"] == "ready" and told[-1]["done"] == 40


def test_stopped_it_keeps_what_it_found_and_goes_on_with_the_missing_only(run: lw.Capture, every_number_is_told: None, swept: list[int]):
    heard = Heard(run, METRIC)
    heard.on_word = lambda: heard.causes.progress()[NAME]["done"] >= 6 and heard.causes.halt(NAME)
    heard.causes.fill(NAME)
    stopped = heard.causes.progress()[NAME]
    assert stopped["state"] == "stopped" and 6 <= stopped["done"] <= 8 and stopped["message"] is None
    found = heard.causes.fields[NAME].read().values
    assert np.isfinite(found).sum() == stopped["done"]
    assert heard.causes.halt(NAME) is False, "nothing runs"
    heard.on_word = lambda: None
    heard.causes.fill(NAME)
    assert swept == [16, 16 - stopped["done"]]
    after = heard.causes.progress()[NAME]
    assert after["state"] == "ready" and after["version"] > stopped["version"]
    whole = heard.causes.fields[NAME].read().values
    assert np.array_equal(whole[np.isfinite(found)], found[np.isfinite(found)])
    np.testing.assert_allclose(whole, lw.ablate(run, METRIC).effect.values, atol=1e-5)
    heard.causes.fill(NAME)
    assert len(swept) == 2, "nothing is missing"


def test_a_failure_is_told_with_its_words_and_can_be_gone_on_from(run: lw.Capture, monkeypatch: pytest.MonkeyPatch):
    real = sweeps.sweep

    def breaks(*args, **given):
        yield from list(real(*args, **given))[:5]
        raise RuntimeError("the machine ran out of memory")

    monkeypatch.setattr(sweeps, "sweep", breaks)
    heard = Heard(run, METRIC)
    heard.causes.fill(NAME)
    told = heard.causes.progress()[NAME]
    assert (told["state"], told["done"], told["message"]) == ("failed", 5, "the machine ran out of memory") and told["hint"]
    monkeypatch.setattr(sweeps, "sweep", real)
    heard.causes.fill(NAME)
    told = heard.causes.progress()[NAME]
    assert (told["state"], told["message"], told["hint"], pending(heard)) == ("ready", None, None, 0)


def test_only_fields_that_grow_can_be_filled(run: lw.Capture):
    heard = Heard(run, METRIC)
    for ask in (heard.causes.fill, heard.causes.halt):
        with pytest.raises(ValueError, match="computed at once when it is read"):
            ask("direct_contribution")
        with pytest.raises(KeyError, match="there is no field 'ablation'"):
            ask("ablation")


def test_making_them_computes_nothing(run: lw.Capture, monkeypatch: pytest.MonkeyPatch):
    called = []
    for name in ("direct_logit_attribution", "edge_contribution", "estimate_ablation", "direct_effect", "attribution_patching"):
        monkeypatch.setattr(makers, name, lambda *args, name=name, **given: called.append(name))
    monkeypatch.setattr(sweeps, "sweep", lambda *args, **given: called.append("sweep"))
    heard = Heard(run, METRIC, second=run.again(run.token_ids[::-1]))
    assert all(field.meta() for field in heard.causes.fields.values()) and heard.causes.progress()
    assert called == [] and heard.said == []


def test_what_fails_when_read_is_tried_again_at_the_next_read(run: lw.Capture, monkeypatch: pytest.MonkeyPatch):
    real, asked = makers.direct_logit_attribution, []

    def breaks_once(*args, **given):
        asked.append(1)
        if len(asked) == 1:
            raise ValueError("the parts do not add up")
        return real(*args, **given)

    monkeypatch.setattr(makers, "direct_logit_attribution", breaks_once)
    field = Heard(run, METRIC).causes.fields["direct_contribution"]
    with pytest.raises(ValueError, match="do not add up"):
        field.read()
    assert np.isfinite(field.read().values).all() and np.isfinite(field.read(layer=0).values).all()
    assert len(asked) == 2, "computed once"


def test_on_a_thread_of_its_own_it_returns_at_once_and_ends_with_close(run: lw.Capture, swept: list[int]):
    heard = Heard(run, METRIC, threads=True)
    before = {thread.ident for thread in threading.enumerate()}
    heard.causes.fill(NAME)
    assert heard.until(NAME, "ready")["done"] == 16
    own = [thread for thread in threading.enumerate() if thread.ident not in before]
    assert len(own) == 1 and "causes" in own[0].name
    heard.causes.close()
    own[0].join(30)
    assert not own[0].is_alive()
    said = len(heard.said)
    heard.causes.fill(NAME)
    heard.causes.close()
    assert len(heard.said) == said


def test_closed_in_the_middle_it_stops_and_says_no_more(run: lw.Capture, monkeypatch: pytest.MonkeyPatch):
    begun, ended = threading.Event(), threading.Event()

    def endless(run, changes, metric, *, cancelled, **given):
        begun.set()
        while not cancelled():
            ended.wait(0.001)
        ended.set()
        raise CaptureStopped("stopped")
        yield

    monkeypatch.setattr(sweeps, "sweep", endless)
    heard = Heard(run, METRIC, threads=True)
    heard.causes.fill(NAME)
    assert begun.wait(30)
    threads = [thread for thread in threading.enumerate() if "causes" in thread.name]
    said = len(heard.said)
    heard.causes.close()
    assert ended.wait(30)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert len(heard.said) == said == 1


def test_sweeps_follow_each_other_on_one_thread_and_one_that_waits_can_be_stopped(run: lw.Capture):
    heard = Heard(run, METRIC, threads=True, second=run.again(run.token_ids[::-1]))
    for name in (NAME, "patching_noise", "patching_heads_noise"):
        heard.causes.fill(name)
    heard.causes.halt("patching_heads_noise")
    assert heard.until(NAME, "ready") and heard.until("patching_noise", "ready")
    assert heard.causes.progress()["patching_heads_noise"]["state"] == "stopped"
    heard.causes.fill("patching_heads_noise")
    assert heard.until("patching_heads_noise", "ready")["done"] == 16
    heard.causes.close()


def test_a_sweep_goes_on_while_another_holds_the_runs_model(run: lw.Capture):
    heard = Heard(run, METRIC, threads=True)
    with run.bench("a reading").twin.ready():
        heard.causes.fill(NAME)
        heard.until(NAME, "ready")
    heard.causes.close()


def test_who_reads_the_run_never_waits_for_a_sweep(run: lw.Capture, monkeypatch: pytest.MonkeyPatch):
    """Held in the middle of a pass, with the sweep's twin in its hands."""
    in_pass, go_on = threading.Event(), threading.Event()
    real = sweeps.sweep

    def held(own, changes, metric, **given):
        with own.bench("a pass").twin.ready():
            in_pass.set()
            assert go_on.wait(60)
        return real(own, changes, metric, **given)

    monkeypatch.setattr(sweeps, "sweep", held)
    heard = Heard(run, METRIC, threads=True)
    heard.causes.fill(NAME)
    assert in_pass.wait(30)
    assert run.field("logit_lens").read(layer=2).shape == (14,)
    assert lw.intervene(run, lw.Intervention("z", 0, 0)).change and run.again("w1 w2 w3").n_tokens == 3
    assert np.isfinite(heard.causes.fields["direct_contribution"].read().values).all()
    assert heard.causes.progress()[NAME]["state"] == "running"
    go_on.set()
    heard.until(NAME, "ready")
    heard.causes.close()
