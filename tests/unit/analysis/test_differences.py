"""Differences of two runs' fields hold what the two models' own numbers differ by, of one word where the number is a word's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

import llmwidgets as lw
from llmwidgets.analysis.alignment import align
from llmwidgets.analysis.differences import field_differences
from llmwidgets.analysis.lens_difference import logit_lens_difference
from llmwidgets.analysis.next_token_difference import next_token_difference
from llmwidgets.capture import Capture, capture
from llmwidgets.fields import BlockRequest, Field
from tests.architectures import build, prompt_ids
from tests.unit.analysis import reference

FIRST = prompt_ids(10).tolist()
SECOND = [*FIRST[:4], 77, 91, 33, *FIRST[4:9], (FIRST[9] + 7) % 190 + 5]  # three put in, the last one changed
PAIRS = align(FIRST, SECOND).pairs
CHANGED = lw.Intervention("z", layer=0, head=[0, 2])


@cache
def first() -> Capture:
    return capture(build("llama"), FIRST)


@cache
def second() -> Capture:
    return first().again(SECOND)


@cache
def changed() -> Capture:
    return lw.intervene(first(), CHANGED)


@cache
def shares(ids: tuple[int, ...]) -> torch.Tensor:
    """Probabilities of the next token, (position, vocab), by the float64 model's own forward pass."""
    with torch.no_grad():
        return reference.double("llama")(torch.tensor([ids])).logits[0].softmax(-1)


def fields(run: Capture) -> dict[str, Field]:
    return {name: run.field(name) for name in run.fields}


def test_every_field_of_a_run_has_a_difference_that_keeps_its_name_and_axes() -> None:
    found = field_differences(changed(), first(), fields(changed()), fields(first()), label="changed − clean")
    assert list(found) == list(first().fields)
    for name, field in found.items():
        own = first().field(name)
        assert field.name == name and field.coordinates == own.coordinates and field.unit == own.unit
        assert [axis.range for axis in field.axes] == [axis.range for axis in own.axes]
        assert field.scale.diverging and field.evidence == "intervention" and field.title.endswith(", changed − clean")
        assert field.caveat and field.method and field.reference is None


@pytest.mark.parametrize("name", ["attention", "attention_entropy", "to_previous", "residual_norm", "lens_entropy", "lens_kl"])
def test_of_one_prompt_it_is_the_one_runs_numbers_less_the_others(name: str) -> None:
    found = field_differences(changed(), first(), fields(changed()), fields(first()), label="changed − clean")[name].read()
    new, old = changed().field(name).read().values.astype(np.float64), first().field(name).read().values.astype(np.float64)
    assert np.array_equal(np.isnan(found.values), np.isnan(new - old))
    assert np.nanmax(np.abs(found.values - (new - old))) < 1e-6 * np.nanmax(np.abs(old))
    assert np.nanmax(np.abs(found.values)) > 1e-3


def test_attention_of_two_prompts_is_compared_at_the_positions_that_belong_together() -> None:
    assert PAIRS == tuple((i, i if i < 4 else i + 3) for i in range(10))
    found = field_differences(second(), first(), fields(second()), fields(first()), pairs=PAIRS, label="second − first")["attention"]
    own, other = (reference.eager_patterns(reference.double("llama"), ids) for ids in (FIRST, SECOND))
    there = torch.tensor([partner for _, partner in PAIRS])
    for layer in range(3):
        wanted = other[layer][:, there][:, :, there] - own[layer]
        block = found.block(BlockRequest("attention", {"layer": layer, "head": range(4), "query": range(10), "key": range(10)}))
        causal = np.tri(10, dtype=bool)
        assert np.abs(block.values - wanted.numpy())[:, causal].max() < 1e-5
        assert np.isnan(block.values[:, ~causal]).all() and (block.state[:, ~causal] == 1).all()


def test_positions_without_a_partner_are_absent_in_every_field() -> None:
    pairs = [pair for pair in PAIRS if pair[0] != 2]
    for name, field in field_differences(
        second(), first(), fields(second()), fields(first()), pairs=pairs, label="second − first", evidence="observation"
    ).items():
        index = {axis.coordinate: axis.range[0] for axis in field.axes}
        where = "query" if "query" in index else "position"
        assert field.cell(**{**index, where: 2})["state"] == "absent", name
        assert field.evidence == "observation" and field.title.endswith(", second − first")


def test_prompts_of_unequal_length_have_no_differences_without_pairs() -> None:
    found = field_differences(second(), first(), fields(second()), fields(first()), label="second − first")
    assert found == {}


def test_an_array_that_both_runs_share_and_a_field_that_one_lacks_are_left_out() -> None:
    shared = first().field("attention")
    ours = {"shared": shared, "only here": first().field("to_self"), "both": first().field("to_self")}
    found = field_differences(changed(), first(), {"shared": shared, "both": changed().field("to_self")}, ours, label="changed − clean")
    assert list(found) == ["both"]


@pytest.mark.parametrize("after, pairs", [(second, PAIRS), (changed, None)])
def test_the_next_token_lists_one_words_change_most_changed_first(after: object, pairs: object) -> None:
    run: Capture = after()  # type: ignore[operator]
    found = next_token_difference(run, first(), pairs)  # type: ignore[arg-type]
    new = run.read_out(run["resid_post", 2]).double().softmax(-1).numpy()
    old = shares(tuple(FIRST)).numpy()
    there = dict(PAIRS) if pairs else {i: i for i in range(10)}
    block = found.block(BlockRequest("next_token", {"position": range(10), "rank": range(10)}, texts=True))
    for position in range(10):
        change = new[there[position]] - old[position]
        candidates = set(new[there[position]].argsort()[-10:]) | set(old[position].argsort()[-10:])
        wanted = sorted((change[token] for token in candidates), key=abs, reverse=True)[:10]
        assert np.abs(np.abs(block.values[position]) - np.abs(wanted)).max() < 1e-5
        for rank in (0, 5):
            token = int(block.texts[position, rank])
            assert block.values[position, rank] == pytest.approx(change[token], abs=1e-5)
            more = found.cell(position=position, rank=rank)
            assert more["text"] == str(token)
            wanted = [token, new[there[position], token], old[position, token]]
            assert [each["value"] for each in more["more"]] == pytest.approx(wanted, abs=1e-5)
            assert [each["label"] for each in more["more"]] == ["id", "changed", "clean"]
    if pairs:
        assert np.abs(new - shares(tuple(SECOND)).numpy()).max() < 1e-5


def test_the_lens_follows_the_word_that_was_on_top_before() -> None:
    run, pairs = second(), [(i, i + 3) for i in range(10)]  # by hand: the first three are other tokens
    found = logit_lens_difference(run, first(), pairs, label="second − first", evidence="observation")
    block = found.block(BlockRequest("logit_lens", {"layer": range(-1, 3), "position": range(10)}, texts=True))
    old, new = shares(tuple(FIRST)), shares(tuple(SECOND))
    differ = 0
    for position, there in pairs:
        top, new_top = int(old[position].argmax()), int(new[there].argmax())
        assert block.values[3, position] == pytest.approx(float(new[there, top] - old[position, top]), abs=1e-5)
        assert block.texts[3, position] == (str(top) if top == new_top else f"{top} → {new_top}")
        differ += top != new_top
        cell = found.cell(layer=2, position=position)
        assert [each["value"] for each in cell["more"]] == pytest.approx([float(new[there, top]), float(old[position, top])], abs=1e-5)
        assert cell["more"][0]["label"] == f"'{top}', second" and cell["text"] == block.texts[3, position]
    assert differ > 0
    for layer in (-1, 1):  # with the run's own read-out of the captured stream, at each layer
        stream = {"own": first()["resid_pre", layer + 1], "other": run["resid_pre", layer + 1]}
        own, other = (first().read_out(stream[which]).double().softmax(-1) for which in ("own", "other"))
        for position, there in pairs:
            top = int(own[position].argmax())
            assert block.values[layer + 1, position] == pytest.approx(float(other[there, top] - own[position, top]), abs=1e-5)


def test_where_one_sure_word_gives_way_to_another_the_lens_says_so() -> None:
    """The top word's own share less the other run's top word's would be next to nothing."""
    run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    other = run.again("When Mary and John went to the store, Mary gave a drink to")
    cell = logit_lens_difference(other, run, label="second − first").cell(layer=3, position=13)
    assert cell["value"] < -0.8 and cell["text"] == " Mary →  John"
