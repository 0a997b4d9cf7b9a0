"""Show the code: run as it stands, it computes the very numbers that the field shows, whichever of the runs is shown."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest
import torch

import llmwidgets as lw
from llmwidgets.analysis.alignment import align
from llmwidgets.analysis.differences import field_differences
from llmwidgets.fields import Field
from llmwidgets.widgets.causes.fields import CauseFields
from llmwidgets.widgets.code.code import code_of
from tests.architectures import build

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


@pytest.fixture
def loaded(subject, monkeypatch):
    """The built-in model is not read from disk again by each of many pieces of code."""
    monkeypatch.setattr(lw, "demo_model", lambda: subject)


@pytest.fixture(scope="module")
def run(subject):
    return lw.capture(subject, FIRST)


@pytest.fixture(scope="module")
def longer(run):
    """Of 16 tokens, so that positions are paired."""
    return run.again(LONGER)


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
    there = ~np.isnan(shown)
    assert found.shape == shown.shape and there.any()
    assert np.all(np.isnan(found[~there]) | (found[~there] == 0))  # cells that a mask forbids are 0 in run.pattern
    assert np.abs(found[there] - shown[there]).max() <= tolerance * max(1.0, np.abs(shown[there]).max())


def filled(causes: CauseFields, name: str) -> np.ndarray:
    """A growing field's numbers, its sweep run to the end here."""
    sweep = causes._growths[name].begin()
    assert sweep is not None
    sweep()
    return shown_by(causes.fields[name])


@pytest.mark.parametrize("name", OBSERVED)
def test_of_the_clean_run(name: str, run: Any) -> None:
    code = code_of(name, run=run, metric=METRIC, cursor=CURSOR)
    same(computed(code), shown_by(run.field(name)))
    assert len(code.splitlines()) <= 5


@pytest.mark.parametrize("name", OBSERVED)
def test_of_the_changed_run(name: str, run: Any, second: Any, changes: Any, changed: Any, loaded: None) -> None:
    code = code_of(name, run=run, metric=METRIC, changes=changes, shown="changed", second=second, cursor=CURSOR)
    same(computed(code), shown_by(changed.field(name)))


@pytest.mark.parametrize("name", OBSERVED)
def test_of_the_difference(name: str, run: Any, second: Any, changes: Any, changed: Any, loaded: None) -> None:
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
def test_of_contributions_in_a_changed_run(name: str, shown: str, run: Any, second: Any, changes: Any, changed: Any, loaded: None) -> None:
    after = causes_of(run, change=changes, changed=changed, known=[second]).fields[name]
    code = code_of(name, run=run, metric=METRIC, changes=changes, shown=shown, second=second, cursor=CURSOR)
    if shown == "changed":
        same(computed(code), shown_by(after))
    else:
        both = field_differences(changed, run, {name: after}, {name: causes_of(run).fields[name]}, label="changed − clean")
        same(computed(code), shown_by(both[name]))


def test_of_ablation_alone_and_on_top_of_active_changes(run: Any, second: Any, changes: Any, changed: Any) -> None:
    same(computed(code_of("ablation_effect", run=run, metric=METRIC)), filled(causes_of(run), "ablation_effect"))
    given = {"run": run, "metric": METRIC, "changes": changes, "second": second}
    on_top = filled(causes_of(run, change=changes, changed=changed, known=[second]), "ablation_effect")
    same(computed(code_of("ablation_effect", shown="changed", **given)), on_top)
    further = on_top - filled(causes_of(run), "ablation_effect")
    same(computed(code_of("ablation_effect", shown="difference", **given)), further)


@pytest.mark.parametrize("quantity", ["log_probability", "probability", "kl", "rank"])
def test_of_effects_in_another_quantity(quantity: str, run: Any, second: Any, changes: Any, changed: Any, loaded: None) -> None:
    metric = lw.Metric(" Mary", quantity=quantity)
    same(computed(code_of("ablation_effect", run=run, metric=metric)), filled(causes_of(run, metric), "ablation_effect"), 1e-5)
    on_top = causes_of(run, metric, change=changes, changed=changed, known=[second])
    code = code_of("ablation_effect", run=run, metric=metric, changes=changes, shown="changed", second=second)
    same(computed(code), filled(on_top, "ablation_effect"), 1e-5)
    same(computed(code_of("direct_effect", run=run, metric=metric)), shown_by(causes_of(run, metric).fields["direct_effect"]), 1e-5)


@pytest.mark.parametrize("name", ["patching_denoise", "patching_noise", "patching_heads_denoise", "patching_heads_noise"])
def test_of_patching_between_two_prompts(name: str, run: Any, second: Any, loaded: None) -> None:
    causes = causes_of(run, second=second, pairs=tuple((i, i) for i in range(14)))
    code = code_of(name, run=run, metric=METRIC, second=second, pairs=[[i, i] for i in range(14)])
    same(computed(code), filled(causes, name))
    assert "pairs" not in code


@pytest.mark.parametrize(
    "name", ["patching_denoise", "patching_noise", "patching_heads_denoise", "patching_heads_noise", "patching_estimate"]
)
def test_of_patching_between_prompts_of_unequal_length(name: str, run: Any, longer: Any, loaded: None) -> None:
    pairs = align(run.token_ids, longer.token_ids).pairs
    causes = causes_of(run, second=longer, pairs=pairs)
    shown = shown_by(causes.fields[name]) if name == "patching_estimate" else filled(causes, name)
    same(computed(code_of(name, run=run, metric=METRIC, second=longer, pairs=pairs)), shown)


@pytest.mark.parametrize("shown", ["changed", "second_changed"])
def test_of_an_activation_put_in_from_a_prompt_of_another_length(shown: str, run: Any, longer: Any, loaded: None) -> None:
    pairs = align(run.token_ids, longer.token_ids).pairs
    into, donor = (run, longer) if shown == "changed" else (longer, run)
    own = pairs if shown == "changed" else tuple((there, here) for here, there in pairs)
    change = lw.Interventions([lw.Intervention("resid_pre", layer=2, position=own[4][0], replacement=lw.Replacement.other(donor, own))])
    code = code_of("attention", run=run, metric=METRIC, changes=change, shown=shown, second=longer, pairs=pairs, cursor=CURSOR)
    same(computed(code), lw.intervene(into, change, known=[donor]).pattern(2, 1).numpy())
    assert "Replacement.other(second" in code or "Replacement.other(run" in code


def test_of_the_estimate_of_patching(run: Any, second: Any) -> None:
    field = causes_of(run, second=second).fields["patching_estimate"]
    same(computed(code_of("patching_estimate", run=run, metric=METRIC, second=second)), shown_by(field))


@pytest.mark.parametrize("name", [*OBSERVED, *CONTRIBUTIONS])
def test_of_the_second_prompt_changed_less_clean(name: str, run: Any, longer: Any, loaded: None) -> None:
    """A longer one: the metric is asked at the partner of its position."""
    pairs = align(run.token_ids, longer.token_ids).pairs
    metric = lw.Metric(" Mary", foil=" John", position=dict(pairs)[13])
    change = lw.Interventions([lw.Intervention("z", layer=1, head=1, position=4)])
    after = lw.intervene(longer, change)
    old = {**{name: longer.field(name) for name in longer.fields}, **causes_of(longer, metric).fields}[name]
    new = {**{name: after.field(name) for name in after.fields}, **causes_of(longer, metric, change=change, changed=after).fields}[name]
    field = field_differences(after, longer, {name: new}, {name: old}, label="changed − clean")[name]
    given: dict[str, Any] = {"run": run, "metric": METRIC, "changes": change, "second": longer, "pairs": pairs, "cursor": CURSOR}
    same(computed(code_of(name, shown="second_difference", **given)), shown_by(field))


@pytest.mark.parametrize("name", [*OBSERVED, *CONTRIBUTIONS])
@pytest.mark.parametrize("other", ["second", "longer"])
def test_of_the_second_prompt_less_the_first(name: str, other: str, run: Any, request: pytest.FixtureRequest, loaded: None) -> None:
    there = request.getfixturevalue(other)
    pairs = align(run.token_ids, there.token_ids).pairs
    metric = lw.Metric(" Mary", foil=" John", position=dict(pairs)[13])
    old = {**{name: run.field(name) for name in run.fields}, **causes_of(run).fields}[name]
    new = {**{name: there.field(name) for name in there.fields}, **causes_of(there, metric).fields}[name]
    field = field_differences(there, run, {name: new}, {name: old}, pairs=pairs, label="second − first")[name]
    code = code_of(name, run=run, metric=METRIC, shown="prompts", second=there, pairs=pairs, cursor=CURSOR)
    found, shown = computed(code), shown_by(field)
    if found.shape != shown.shape:  # the paired positions only; the others are no numbers
        here = [first for first, _ in pairs]
        shown = shown[np.ix_(here, here)] if field.coordinates[-1] == "key" else shown[:, here]
    same(found, shown)


def test_a_position_without_a_partner_has_no_difference(run: Any, second: Any) -> None:
    code = code_of("next_token", run=run, shown="prompts", second=second, pairs=[[0, 0], [13, 13]], cursor=CURSOR)
    assert np.isnan(computed(code)) and "position 9 has no partner" in code


def test_a_field_that_was_added_says_so(run: Any) -> None:
    code = code_of("mine\nimport os", run=run)
    assert code == "# 'mine\\nimport os' is no field of the run itself: it was added with view.add(...)"


HOSTILE = (
    "it's \"quoted\" 'both'",
    "three ''' and \"\"\" quotes",
    "a line\nimport os\nrun = None\r\x00\u2028 \\",
    "'); raise SystemExit(); ('",
    "{run} %s \\N{BULLET} \N{SNOWMAN}",
)


@pytest.mark.parametrize("prompt", HOSTILE)
def test_what_a_prompt_holds_is_only_a_text(prompt: str, run: Any) -> None:
    odd = run.again(prompt)
    change = lw.Interventions([lw.Intervention("z", layer=0, name=prompt)])
    code = code_of(
        "attention", run=odd, second=odd.again(prompt), changes=change, shown="second_difference", cursor={"layer": 0, "head": 0}
    )
    same(computed(code), (lw.intervene(odd, change).pattern(0, 0) - odd.pattern(0, 0)).numpy())
    space: dict[str, Any] = {}
    exec(code, space)
    assert space["run"].prompt == prompt and space["run"].token_ids == odd.token_ids


def test_metrics_of_odd_tokens_are_texts_too(run: Any) -> None:
    metric = lw.Metric("'", foil='"', position=3)
    code = code_of("direct_contribution", run=run, metric=metric)
    same(computed(code), lw.direct_logit_attribution(run, metric).heads.values)


def test_a_model_of_the_users_is_called_model(tiny: Any) -> None:
    model, tokenizer = tiny
    mine = lw.capture(model, "w1 w2 w3 w4 w5", tokenizer=tokenizer)
    code = code_of("attention", run=mine, cursor={"layer": 1, "head": 2})
    same(computed(code, model=tiny), mine.pattern(1, 2).numpy())
    assert "# model:" in code


def test_ids_and_padding_stand_where_a_text_does_not_tell_them(tiny: Any) -> None:
    model, _ = tiny
    ids = lw.capture(model, [5, 6, 7, 8])
    assert "lw.capture(model, [5, 6, 7, 8])" in code_of("attention", run=ids)
    padded = lw.capture(tiny, {"input_ids": [0, 0, 7, 8], "attention_mask": [0, 0, 1, 1]})
    code = code_of("attention_entropy", run=padded)
    same(computed(code, model=tiny), padded.field("attention_entropy").read(query="mean").values)


def test_a_view_of_a_changed_run_begins_from_it(run: Any) -> None:
    changed = lw.intervene(run, lw.Intervention("z", layer=1, head=[0, 2], position=5))
    same(computed(code_of("attention", run=changed, cursor=CURSOR)), changed.pattern(2, 1).numpy())


@pytest.mark.parametrize("name", ["llama", "gemma2", "lfm2", "bert"])
def test_other_architectures(name: str) -> None:
    model = build(name)
    given = lw.capture(model, torch.tensor([5, 9, 30, 9, 41, 7, 30, 9, 60, 11]))
    metric = lw.Metric(10, 20)
    other = given.again(torch.tensor([5, 9, 30, 9, 41, 8, 30, 9, 60, 11]))
    causes, cursor = causes_of(given, metric, second=other), {"layer": 1, "head": 3, "query": 6}
    for field in {**{name: given.field(name) for name in given.fields}, **causes.fields}.values():
        code = code_of(field.name, run=given, metric=metric, second=other, cursor=cursor)
        shown = filled(causes, field.name) if field.name in causes._growths else shown_by(field, cursor)
        same(computed(code, model=model), shown, 1e-4)


@pytest.mark.parametrize(
    "name, given, words",
    [
        ("attention", {"shown": "both"}, "shown='both' came; expected one of clean"),
        ("attention", {"shown": "second"}, "without a second run"),
        ("patching_noise", {"metric": METRIC}, "without a second run"),
        ("ablation_effect", {}, "is about a metric, and none came"),
    ],
)
def test_what_cannot_be_is_refused_in_words(name: str, given: dict[str, Any], words: str, run: Any) -> None:
    with pytest.raises(ValueError, match=words):
        code_of(name, run=run, **given)
