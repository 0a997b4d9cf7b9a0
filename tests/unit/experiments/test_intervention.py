"""Interventions are data: they compare, combine, print, travel as JSON, and refuse what cannot be meant."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.experiments.intervention import COORDINATES, SITES, Intervention, Interventions
from llmwidgets.experiments.replacement import CUT, OWN, ZERO, Replacement

whole = st.integers(-5, 30)
places = st.one_of(st.none(), whole, st.lists(whole, min_size=1, max_size=4))
prompts = st.lists(st.lists(st.integers(0, 60_000), min_size=1, max_size=4), min_size=1, max_size=3)
replacements = st.one_of(
    st.sampled_from([None, ZERO, OWN]), prompts.map(Replacement.mean), prompts.map(lambda each: Replacement.other(each[0]))
)


@st.composite
def interventions(draw: st.DrawFn) -> Intervention:
    site = draw(st.sampled_from(SITES))
    where = {name: draw(places) for name in ("layer", *COORDINATES[site])}
    return Intervention(site, **where, replacement=None if site == "scores" else draw(replacements), name=draw(st.text(max_size=8)))


@given(st.lists(interventions(), max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_interventions_come_back_from_json(each: list[Intervention]) -> None:
    together = Interventions(each)
    again = Interventions.from_json(json.loads(json.dumps(together.to_json())))
    assert again == together and hash(again) == hash(together)
    assert list(again) == each
    for one in each:
        assert Intervention.from_json(json.loads(json.dumps(one.to_json()))) == one


@given(interventions())
@settings(max_examples=100, deadline=None)
def test_any_intervention_prints_as_one_line_that_begins_with_its_name(one: Intervention) -> None:
    assert one.in_words and "\n" not in one.in_words
    assert "None" not in one.in_words
    assert str(one) == (f"{one.name}: {one.in_words}" if one.name else one.in_words)
    assert eval(repr(one), {"Intervention": Intervention, "Replacement": Replacement}) == one


def test_they_are_equal_by_what_they_say() -> None:
    assert Intervention("z", 1, [0, 2]) == Intervention("z", layer=1, head=(0, 2), replacement=ZERO)
    assert Intervention("z", 1, 0) != Intervention("z", 1, 1)
    assert Intervention("z", 1) != Intervention("z", 1, replacement=OWN)
    assert Intervention("z", 1, name="a") != Intervention("z", 1)
    assert len({Intervention("z", 1, [0]), Intervention("z", 1, (0,)), Intervention("z", 1, 0)}) == 2
    assert Interventions([Intervention("z", 1)]) != [Intervention("z", 1)]


@pytest.mark.parametrize("given_as", [[1, 2], (1, 2), range(1, 3), np.array([1, 2]), torch.tensor([1, 2]), iter([1, 2])])
def test_coordinates_of_any_kind_become_plain_numbers(given_as: Any) -> None:
    one = Intervention("resid_pre", layer=given_as)
    assert one.layer == (1, 2)
    assert {type(place) for place in one.layer} == {int}
    assert Intervention("resid_pre", layer=np.int64(3)).layer == 3


def test_they_combine_in_their_order() -> None:
    a, b, c = Intervention("z", 0), Intervention("mlp_out", 1), Intervention("scores", 2, key=0)
    assert list(a + b + c) == list(a + (b + c)) == list((a + b) + Interventions([c])) == [a, b, c]
    assert a + b != b + a
    assert (a + b)[0] == a and (a + b + c)[1:] == b + c
    assert len(a + a) == 2
    assert Interventions.of(a) == Interventions([a])
    assert Interventions.of(a + b) == a + b
    assert list(Interventions()) == [] and str(Interventions()) == "nothing changed"
    with pytest.raises(TypeError, match="got str among interventions; expected Intervention"):
        Interventions(["z"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "one, words",
    [
        (Intervention("z", 0, 1), "z of head 0.1 set to zero"),
        (Intervention("z", [0, 1], [2, 3], 4), "z of heads 0.2, 0.3, 1.2, 1.3 set to zero at position 4"),
        (Intervention("z", 1), "z of every head in layer 1 set to zero"),
        (Intervention("q", None, 2, replacement=OWN), "q of head 2 in every layer held as in the clean run"),
        (Intervention("attn_out", range(3, 8)), "attn_out in layers 3 to 7 set to zero"),
        (Intervention("mlp_post", 2, neuron=[5, 9]), "neurons 5, 9 in layer 2 set to zero"),
        (Intervention("scores", position=-1, key=[3, 4]), "looks from position -1 to positions 3, 4 cut in every layer"),
        (Intervention("scores", 1, 2, key=0), "looks from every position to position 0 cut in layer 1, head 1.2"),
        (Intervention("v", 1, 0, 2, replacement=Replacement.other([1])), "v of head 1.0 taken from another prompt at position 2"),
        (Intervention("mlp_out", 0, replacement=Replacement.mean([[1], [2]])), "mlp_out in layer 0 set to its mean over 2 prompts"),
        (Intervention("mlp_out", 0, replacement=Replacement.mean([[1]])), "mlp_out in layer 0 set to its mean over 1 prompt"),
        (Intervention("mlp_out", 0, name="no MLP"), "no MLP: mlp_out in layer 0 set to zero"),
    ],
)  # fmt: skip
def test_it_prints_what_is_done(one: Intervention, words: str) -> None:
    assert str(one) == words


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("coordinate", ["head", "position", "key", "neuron"])
def test_a_coordinate_that_a_site_lacks_is_refused(site: str, coordinate: str) -> None:
    if coordinate in COORDINATES[site]:
        assert getattr(Intervention(site, **{coordinate: 1}), coordinate) == 1
    else:
        with pytest.raises(ValueError, match=f"{coordinate}=1 came, but {site} has no such coordinate; it has layer, "):
            Intervention(site, **{coordinate: 1})


@pytest.mark.parametrize(
    "kind, wrong, words",
    [
        (ValueError, {"site": "w"}, "site='w' came; expected one of resid_pre, "),
        (ValueError, {"site": "z", "replacement": CUT}, "z came with the replacement 'cut'; scores are cut, and nothing else is"),
        (ValueError, {"site": "scores", "replacement": ZERO}, "scores came with the replacement 'zero'"),
        (ValueError, {"site": "z", "layer": ()}, "layer is empty; give at least one, or None for all"),
        (ValueError, {"site": "z", "head": []}, "head is empty"),
        (TypeError, {"site": "z", "layer": "1"}, "layer='1' came; expected None, a whole number, or several"),
        (TypeError, {"site": "z", "layer": 1.0}, "layer=1.0 came"),
        (TypeError, {"site": "z", "head": [0, 0.5]}, "expected None, a whole number, or several"),
        (TypeError, {"site": "z", "head": True}, "head=True came"),
        (TypeError, {"site": "z", "head": [True, False]}, "expected None, a whole number, or several"),
        (TypeError, {"site": "z", "replacement": "zero"}, "replacement='zero' came; expected a Replacement, such as ZERO"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_at_once(kind: type[Exception], wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(kind, match=words):
        Intervention(**wrong)


def test_scores_are_cut_and_the_rest_set_to_zero_unless_told_otherwise() -> None:
    assert Intervention("scores").replacement == CUT
    assert {Intervention(site).replacement for site in SITES if site != "scores"} == {ZERO}


@pytest.mark.parametrize(
    "how, given_prompts, words",
    [
        ("noise", (), "how='noise' came; expected one of zero, mean, other, own, cut"),
        ("mean", (), "'mean' came with 0 prompts; expected one prompt or more"),
        ("other", (), "'other' came with 0 prompts; expected one prompt"),
        ("other", ((1,), (2,)), "'other' came with 2 prompts; expected one prompt"),
        ("zero", ((1,),), "'zero' came with 1 prompts; expected none"),
        ("own", ((1,),), "expected none"),
    ],
)
def test_a_replacement_needs_its_prompts(how: str, given_prompts: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Replacement(how, given_prompts)


def test_a_prompt_as_text_is_refused_for_only_a_model_can_read_it() -> None:
    for make in (lambda: Replacement.other("the cat"), lambda: Replacement.mean(["the cat"])):
        with pytest.raises(TypeError, match=r"'the cat' came as a prompt; expected a Capture \(run.again\(text\)\) or a list of token ids"):
            make()
    with pytest.raises(TypeError, match="came as a prompt"):
        Replacement.mean("the cat")


def test_ids_of_any_kind_make_the_same_replacement() -> None:
    assert Replacement.other(torch.tensor([3, 1])) == Replacement.other([3, 1]) == Replacement.other(np.array([3, 1]))
    assert Replacement.mean([[3, 1]]) != Replacement.other([3, 1])


def test_printed_it_says_what_was_given_and_can_be_typed_again() -> None:
    one = Intervention("z", layer=1, head=[0, 2], name="both")
    assert repr(one) == "Intervention('z', layer=1, head=(0, 2), replacement=Replacement('zero'), name='both')"
    assert eval(repr(one)) == one


def test_a_mask_of_torch_is_no_list_of_places() -> None:
    for mask in (torch.tensor([False, True, True]), torch.tensor(True), np.array([True, False])):
        with pytest.raises(TypeError, match="expected None, a whole number, or several"):
            Intervention("z", position=mask)
