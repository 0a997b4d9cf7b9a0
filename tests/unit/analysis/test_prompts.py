"""An analysis over several prompts gives the mean, its interval and the single points, and refuses what is no mean of one thing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.analysis import attention_shares, logit_lens
from llmwidgets.analysis.bootstrap import interval
from llmwidgets.analysis.effects.ablation import effect_of
from llmwidgets.analysis.prompts import PromptsError, over_prompts
from llmwidgets.capture import capture
from llmwidgets.experiments.intervention import Intervention
from llmwidgets.experiments.metric import Metric
from llmwidgets.fields import Axis, Field
from llmwidgets.models.errors import CaptureStopped
from tests.architectures import build, prompt_ids

MODEL = object()
EFFECTS = st.lists(st.lists(st.floats(-50, 50), min_size=4, max_size=4), min_size=2, max_size=6)


@dataclass(frozen=True, eq=False)
class Run:
    """What `over_prompts` reads of a Capture, and the effects (layer * head,) that the stand-in analyses give for it."""

    effects: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0)
    n_tokens: int = 5
    prompt: str | None = "a prompt"
    model: object = MODEL
    model_name: str = "stand-in"
    heads_per_layer: tuple[int, ...] = (2, 2)
    fingerprint: str = field(default="f0")

    @property
    def subject(self) -> SimpleNamespace:
        return SimpleNamespace(model=self.model)

    @property
    def token_ids(self) -> list[int]:
        return list(range(self.n_tokens))


@over_prompts
def ablate(run: Any, metric: Any, *, scale: float = 1.0, progress: Any = None, cancelled: Any = None) -> xarray.Dataset:
    """The effect of every head."""
    if progress is not None:
        progress(1, 2, "layer 0")
        progress(2, 2, "layer 1")
    effect = np.array(run.effects, np.float32).reshape(2, 2) * scale
    return xarray.Dataset(
        {"effect": (("layer", "head"), effect, {"unit": "logits", "title": "effect"}), "top_id": ("layer", [3, 4])},
        coords={"layer": range(2), "head": range(2)},
        attrs={
            "method": "ablation",
            "metric": metric.name,
            "quantity": metric.quantity,
            "before": {"logit_difference": 2.0 * run.n_tokens},
            "closing_error": run.effects[0] / 100,
            "n_prompts": 1,
        },
    )


@over_prompts
def by_position(run: Any) -> xarray.DataArray:
    values = np.arange(run.n_tokens, dtype=float) + run.effects[0]
    return xarray.DataArray(
        values, dims="position", coords={"position": range(run.n_tokens), "token": ("position", list(run.prompt)[: len(values)])}
    )


@over_prompts
def patch(clean: Any, corrupted: Any, metric: Any) -> xarray.DataArray:
    return xarray.DataArray(clean.effects[1] - corrupted.effects[1], name="recovery")


def asked(quantity: str = "logit_difference", name: str = "logit(' A') - logit(' B') at position 4") -> SimpleNamespace:
    return SimpleNamespace(quantity=quantity, name=name)


def runs_of(effects: list[list[float]]) -> list[Run]:
    return [Run(tuple(values)) for values in effects]


def test_one_run_goes_straight_through():
    found = ablate(Run(), asked(), scale=2.0)
    assert list(found.data_vars) == ["effect", "top_id"]
    assert found.effect.values.tolist() == [[0.0, 2.0], [4.0, 6.0]]


def test_the_function_keeps_its_name_docstring_and_signature():
    import inspect

    assert (ablate.__name__, ablate.__doc__) == ("ablate", "The effect of every head.")
    assert list(inspect.signature(ablate).parameters) == ["run", "metric", "scale", "progress", "cancelled"]


@settings(max_examples=25, deadline=None)
@given(EFFECTS)
def test_mean_interval_and_points_are_those_of_the_prompts(effects):
    found = ablate(runs_of(effects), asked())
    points = np.array(effects, np.float32).reshape(-1, 2, 2)
    low, high = interval(points)
    assert np.allclose(found.effect, points.mean(0, dtype=np.float64), atol=1e-5)
    assert np.allclose(found.effect_low, low, atol=1e-5)
    assert np.allclose(found.effect_high, high, atol=1e-5)
    assert found.effect_each.dims == ("prompt", "layer", "head")
    assert np.array_equal(found.effect_each, points)
    assert found.effect.dtype == found.effect_low.dtype == np.float32
    assert (found.n_prompts, found.confidence) == (len(effects), 0.95)


@settings(max_examples=25, deadline=None)
@given(EFFECTS, st.randoms(use_true_random=False))
def test_the_order_of_prompts_changes_only_the_order_of_points(effects, random):
    order = list(range(len(effects)))
    random.shuffle(order)
    plain, shuffled = ablate(runs_of(effects), asked()), ablate(runs_of([effects[i] for i in order]), asked())
    for name in ("effect", "effect_low", "effect_high"):
        assert np.array_equal(plain[name], shuffled[name])
    assert np.array_equal(plain.effect_each[order], shuffled.effect_each)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=4, max_size=4), st.integers(2, 5))
def test_one_prompt_many_times_is_that_prompt_with_an_interval_of_no_width(effects, n):
    found, single = ablate(runs_of([effects] * n), asked()), ablate(Run(tuple(effects)), asked())
    for name in ("effect", "effect_low", "effect_high"):
        assert np.array_equal(found[name], single.effect)


def test_a_list_of_one_run_has_its_value_and_no_interval():
    found = ablate([Run()], asked())
    assert np.array_equal(found.effect, ablate(Run(), asked()).effect)
    assert np.isnan(found.effect_low).all() and np.isnan(found.effect_high).all()
    assert (found.n_prompts, found.attrs["interval"]) == (1, "none: one prompt gives no interval")


def test_a_place_that_is_nan_in_one_prompt_has_the_mean_of_the_others():
    found = ablate(runs_of([[1, 2, 3, 4], [np.nan, 4, 5, 6], [3, 6, 7, 8]]), asked())
    assert found.effect.values.tolist() == [[2, 4], [5, 6]]


def test_attributes_are_kept_where_alike_and_listed_where_not():
    runs = [Run((-1.0, 0, 0, 0), n_tokens=3), replace(Run((0.5, 0, 0, 0)), prompt=None, fingerprint="f1")]
    found = ablate(runs, asked())
    assert found.attrs["method"] == "ablation"
    assert found.attrs["before"] == {"logit_difference": 8.0}
    assert found.attrs["before_each"] == [{"logit_difference": 6.0}, {"logit_difference": 10.0}]
    assert found.attrs["closing_error"] == 0.01
    assert found.attrs["prompts"] == ["a prompt", [0, 1, 2, 3, 4]]
    assert found.attrs["fingerprints"] == ["f0", "f1"]
    assert found.effect.attrs["unit"] == found.effect_low.attrs["unit"] == "logits"
    assert found.effect_low.attrs["title"] == "effect, lower end of the 95% interval"


def test_each_prompt_may_have_its_own_metric():
    names = ["logit(' A') - logit(' B') at position 4", "logit(' C') - logit(' B') at position 4"]
    found = ablate([Run(), Run()], [asked(name=name) for name in names])
    assert found.attrs["metric_each"] == names
    assert found.attrs["metric"] == "logit difference of target and foil (each prompt's own tokens and position)"
    assert ablate([Run(), Run()], asked()).attrs["metric"] == names[0]

    @over_prompts
    def titled(run: Any, metric: Any) -> xarray.DataArray:
        return xarray.DataArray(1.0, attrs={"unit": "logits", "metric": metric.name, "title": f"share of {metric.name}"})

    assert titled([Run(), Run()], [asked(name=name) for name in names]).attrs["title"] == f"share of {found.attrs['metric']}"


def test_ids_and_texts_are_not_averaged():
    assert ablate([Run(), Run()], asked()).top_id.values.tolist() == [3, 4]
    one, other = over_prompts(lambda run: xarray.Dataset({"top": ("layer", [len(run.prompt)])})), [Run(), Run(prompt="?")]
    assert one(other).top_each.values.tolist() == [[8], [1]]
    assert "top" not in one(other)


def test_an_array_without_a_name_becomes_value_and_tokens_that_differ_go():
    found = by_position([Run((0, 0, 0, 0), prompt="abcde"), Run((2, 0, 0, 0), prompt="abXde")])
    assert found.value.values.tolist() == [1, 2, 3, 4, 5]
    assert found.value.dtype == np.float64
    assert set(found.coords) == {"position", "prompt"}
    assert "token" in by_position([Run(prompt="abcde"), Run(prompt="abcde")]).coords


def test_pairs_of_runs_belong_together_in_their_order():
    clean, corrupted = [Run((0, 5, 0, 0)), Run((0, 7, 0, 0))], [Run((0, 1, 0, 0), prompt="x"), Run((0, 2, 0, 0), prompt="y")]
    found = patch(clean, corrupted, metric=asked())
    assert found.recovery_each.values.tolist() == [4, 5]
    assert found.attrs["prompts"] == ["a prompt", "a prompt"]
    assert found.attrs["corrupted_prompts"] == ["x", "y"]


def test_positions_of_prompts_of_unequal_length_are_refused_with_the_lengths():
    runs = [Run(n_tokens=5, prompt="abcdef"), Run(n_tokens=6, prompt="abcdef")]
    with pytest.raises(
        PromptsError, match=r"by position, and the prompts have 5, 6 tokens.*Choose prompts of equal length.*or ask by layer"
    ):
        by_position(runs)
    assert ablate(runs, asked()).n_prompts == 2


def test_results_about_other_places_are_refused():
    @over_prompts
    def strongest(run: Any) -> xarray.Dataset:
        return xarray.Dataset({"effect": ("place", [1.0])}, coords={"head": ("place", [len(run.prompt)])})

    with pytest.raises(PromptsError, match="prompts 0 and 1 give head for other places"):
        strongest([Run(prompt="a"), Run(prompt="bb")])


def test_a_ratio_that_one_pair_does_not_have_is_the_mean_of_the_others():
    @over_prompts
    def patched(run: Any) -> xarray.Dataset:
        found = xarray.Dataset({"effect": ("head", [1.0, 2.0])}, attrs={"clean": {"logit_difference": run.effects[0]}})
        if run.effects[0]:
            return found.assign(recovery=("head", [0.5, run.effects[0]]))
        return found.assign_attrs(no_ratio="the prompts hardly differ")

    found = patched([Run((0.0,)), Run((1.0,)), Run((3.0,))])
    assert found.recovery.values.tolist() == [0.5, 2.0]
    assert np.isnan(found.recovery_each[0]).all()
    assert found.attrs["clean"]["logit_difference"] == pytest.approx(4 / 3)
    assert found.attrs["no_ratio_each"] == ["the prompts hardly differ", None, None]
    assert "no_ratio" not in found.attrs


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ablate([], asked()), "an empty list of runs"),
        (lambda: ablate([Run(), Run()], [asked()]), "1 metrics came for 2 prompts"),
        (lambda: ablate(Run(), [asked(), asked()]), "2 metrics came for a single run"),
        (lambda: ablate([Run(), Run()], [asked(), asked("rank")]), "logit_difference and rank; a mean needs one quantity"),
        (lambda: patch([Run()], [Run(), Run()], asked()), "1 clean and 2 corrupted runs came"),
        (lambda: patch([Run()], Run(), asked()), "corrupted is a single run, but a list came"),
        (lambda: ablate([Run(), Run(model=object(), model_name="other")], asked()), r"of 2 models \(stand-in, other\).*run\.again"),
    ],
)
def test_what_cannot_be_taken_together_is_refused(call, says):
    with pytest.raises(PromptsError, match=says):
        call()


def test_what_is_no_run_or_no_argument_is_a_type_error():
    with pytest.raises(TypeError, match="an analysis reads a Capture, but a str came"):
        ablate([Run(), "gpt2"], asked())
    with pytest.raises(TypeError, match="unexpected keyword argument 'strength'"):
        ablate([Run()], asked(), strength=2)


def test_a_lazy_field_is_not_averaged():
    edges = over_prompts(lambda run: Field("edges", "edges", (Axis("layer", 2),), "", lambda index: None))
    with pytest.raises(TypeError, match=r"'edges' is lazy.*one run at a time.*\.read\("):
        edges([Run(), Run()])
    assert isinstance(edges(Run()), Field)


def test_progress_is_that_of_all_prompts_and_never_goes_back():
    told: list[tuple[int, int, str]] = []
    ablate([Run(), Run()], asked(), progress=lambda *step: told.append(step))
    assert told[0] == (50, 200, "prompt 1 of 2: layer 0")
    assert told[-1] == (200, 200, "prompt 2 of 2")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_cancelling_keeps_the_prompts_that_are_done_and_says_so():
    answers = iter([False, True])
    found = ablate([Run((1, 1, 1, 1)), Run(), Run()], asked(), cancelled=lambda: next(answers))
    assert found.effect.values.tolist() == [[1, 1], [1, 1]]
    assert (found.n_prompts, found.attrs["stopped"]) == (1, "cancelled after 1 of 3 prompts")
    with pytest.raises(CaptureStopped, match="before the first of 2 prompts"):
        ablate([Run(), Run()], asked(), cancelled=lambda: True)


def test_an_analysis_that_stops_by_itself_ends_the_list():
    @over_prompts
    def stops(run: Any) -> xarray.DataArray:
        if run.prompt == "stop":
            raise CaptureStopped("cancelled")
        return xarray.DataArray(1.0)

    assert stops([Run(), Run(prompt="stop"), Run()]).n_prompts == 1


def test_a_part_of_a_prompt_is_given_only_where_there_is_no_whole_one():
    @over_prompts
    def stops(run: Any) -> xarray.DataArray:
        return xarray.DataArray(run.effects[0], attrs={"stopped": "after 3 of 4"} if run.prompt == "stop" else {})

    found = stops([Run((1.0,)), Run((9.0,), prompt="stop"), Run()])
    assert (found.value.item(), found.attrs["stopped"]) == (1.0, "cancelled after 1 of 3 prompts")
    found = stops([Run((9.0,), prompt="stop"), Run()])
    assert (found.value.item(), found.attrs["stopped"]) == (9.0, "after 3 of 4")


def test_real_captures_give_the_mean_of_what_each_gives():
    run = capture(build("gpt2"), [5, 6, 7, 5])
    runs = [run, run.again([9, 8, 9, 8]), run.again([3, 3, 1, 2])]
    found = over_prompts(attention_shares)(runs)
    each = [attention_shares(one).to_previous for one in runs]
    assert np.allclose(found.to_previous, np.mean(each, axis=0), atol=1e-6, equal_nan=True)
    assert "query_token" not in found.coords
    lens = over_prompts(logit_lens)(runs, positions=[-1])
    assert lens.top_id_each.dims == ("prompt", "layer", "position", "rank")


def test_a_metric_at_the_last_position_serves_prompts_of_any_length():
    @over_prompts
    def before(run: Any, metric: Metric) -> xarray.DataArray:
        asked_of = metric.on(run)
        return xarray.DataArray(asked_of.before["logit_difference"], attrs={"metric": asked_of.name, "quantity": metric.quantity})

    run = capture(build("gpt2"), [5, 6, 7, 5])
    runs = [run, run.again([9, 8, 9])]
    found = before(runs, Metric(4, foil=6))
    expected = [float(one.logits[-1, 4] - one.logits[-1, 6]) for one in runs]
    assert np.allclose(found.value_each, expected, atol=1e-4)
    assert found.attrs["metric"].endswith("(each prompt's own tokens and position)")


def test_an_iterator_serves_every_prompt():
    run = capture(build("gpt2"), prompt_ids(8))
    runs = [run, run.again(prompt_ids(8, seed=4))]
    metric = Metric(10, 20)
    change = Intervention("z", 1)
    once = effect_of(runs, metric, (one for one in [change])).effect_each.values
    assert np.array_equal(once, effect_of(runs, metric, [change]).effect_each.values)
    assert (np.abs(once) > 1e-6).all()


def test_a_metric_that_is_none_is_refused_in_words():
    run = capture(build("gpt2"), prompt_ids(8))
    with pytest.raises(TypeError, match=r"expected an lw\.Metric"):
        effect_of(run, " Mary", Intervention("z", 1))
