"""Show the code: run as it stands, it computes the very numbers that the field shows, whichever of the runs is shown."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

import llmwidgets as lw
from llmwidgets.analysis.differences import field_differences
from llmwidgets.analysis.next_tokens import next_token_field
from llmwidgets.fields import Field
from llmwidgets.widgets.cause_fields import CauseFields
from llmwidgets.widgets.code import code_of
from llmwidgets.widgets.code_causes import GROWING

FIRST = "When Mary and John went to the store, John gave a drink to"
SECOND = "When Mary and John went to the store, Mary gave a drink to"
LONGER = "When Mary and John and Anna went to the store, Mary gave a drink to"
METRIC = lw.Metric(" Mary", foil=" John", position=13)
CURSOR = {"layer": 2, "head": 1, "query": 9, "key": None}
OBSERVED = (
    "attention", "attention_entropy", "attention_to_first", "to_previous", "to_self", "to_duplicate", "to_after_duplicate", "residual_norm",
    "logit_lens", "lens_entropy", "lens_kl", "next_token",
)  # fmt: skip
CONTRIBUTIONS = ("direct_contribution", "direct_effect", "edge_contribution", "norm_weighted_attention", "decomposition")


@pytest.fixture(scope="module")
def subject():
    return lw.demo_model()


@pytest.fixture(scope="module")
def run(subject):
    return lw.capture(subject, FIRST)


@pytest.fixture(scope="module")
def second(run):
    return run.again(SECOND)


@pytest.fixture(scope="module")
def changes(second):
    donated = lw.Intervention("attn_out", layer=2, position=[3, 5], replacement=lw.Replacement.other(second), name="\"'\n")
    return lw.Interventions([lw.Intervention("scores", layer=1, head=2, position=-1, key=3), donated])


@pytest.fixture(scope="module")
def changed(run, second, changes):
    return lw.intervene(run, changes, known=[second])


def computed(code: str, **names: Any) -> np.ndarray:
    """What the code calls `found`, run in a namespace of its own."""
    space: dict[str, Any] = dict(names)
    exec(code, space)
    return np.asarray(space["found"])


def causes_of(run: Any, metric: lw.Metric = METRIC, **given: Any) -> CauseFields:
    return CauseFields(run, metric, versions=count(1), tell=lambda: None, **given)


def shown_by(field: Field, cursor: dict[str, Any] = CURSOR) -> np.ndarray:
    """The numbers that a panel draws of a field: what the code is held against."""
    wanted: dict[str, Any] = {"layer": cursor["layer"], "head": cursor["head"]}
    if field.name in ("logit_lens", "lens_entropy", "lens_kl", "residual_norm"):
        wanted = {}
    elif field.coordinates == ("position", "rank"):
        wanted = {"position": cursor["query"]}
    elif field.coordinates == ("layer", "head", "query"):
        wanted = {"query": "mean"}
    elif "key" not in field.coordinates:
        wanted = {}
    return field.read(**wanted).values


def same(found: np.ndarray, shown: np.ndarray, tolerance: float = 2e-6) -> None:
    there = ~np.isnan(shown)  # cells that a mask forbids are 0 in run.pattern
    assert found.shape == shown.shape and there.any()
    assert np.abs(found[there] - shown[there]).max() <= tolerance * max(1.0, np.abs(shown[there]).max())


def filled(causes: CauseFields, name: str) -> np.ndarray:
    """A growing field's numbers, its sweep run to the end."""
    jobs: list[Any] = []
    growing = causes._growths[name]
    job = growing.begin()
    jobs.append(job)
    for job in jobs:
        job()
    return shown_by(causes.fields[name])


@pytest.mark.parametrize("name", OBSERVED)
def test_of_the_clean_run(name: str, run: Any) -> None:
    code = code_of(name, run=run, metric=METRIC, cursor=CURSOR)
    same(computed(code), shown_by(run.field(name)))
    assert len(code.splitlines()) <= 5


@pytest.mark.parametrize("name", OBSERVED)
def test_of_the_changed_run(name: str, run: Any, second: Any, changes: Any, changed: Any) -> None:
    code = code_of(name, run=run, metric=METRIC, changes=changes, shown="changed", second=second, cursor=CURSOR)
    same(computed(code), shown_by(changed.field(name)))


@pytest.mark.parametrize("name", OBSERVED)
def test_of_the_difference(name: str, run: Any, second: Any, changes: Any, changed: Any) -> None:
    each = ({name: one.field(name)} for one in (changed, run))
    field = field_differences(changed, run, *each, label="changed − clean")[name]
    code = code_of(name, run=run, metric=METRIC, changes=changes, shown="difference", second=second, cursor=CURSOR)
    same(computed(code), shown_by(field))


@pytest.mark.parametrize("name", [*CONTRIBUTIONS, "ablation_estimate"])
def test_of_contributions(name: str, run: Any) -> None:
    causes = causes_of(run)
    same(computed(code_of(name, run=run, metric=METRIC, cursor=CURSOR)), shown_by(causes.fields[name]))


@pytest.mark.parametrize("name", CONTRIBUTIONS)
@pytest.mark.parametrize("shown", ["changed", "difference"])
def test_of_contributions_in_a_changed_run(name: str, shown: str, run: Any, second: Any, changes: Any, changed: Any) -> None:
    after = causes_of(run, change=changes, changed=changed, known=[second]).fields[name]
    code = code_of(name, run=run, metric=METRIC, changes=changes, shown=shown, second=second, cursor=CURSOR)
    if shown == "changed":
        same(computed(code), shown_by(after))
    else:
        both = field_differences(changed, run, {name: after}, {name: causes_of(run).fields[name]}, label="changed − clean")
        same(computed(code), shown_by(both[name]))


def test_of_ablation_alone_and_on_top_of_active_changes(run: Any, second: Any, changes: Any, changed: Any) -> None:
    same(computed(code_of("ablation_effect", run=run, metric=METRIC)), filled(causes_of(run), "ablation_effect"))
    on_top = causes_of(run, change=changes, changed=changed, known=[second])
    code = code_of("ablation_effect", run=run, metric=METRIC, changes=changes, shown="changed", second=second)
    same(computed(code), filled(on_top, "ablation_effect"))
