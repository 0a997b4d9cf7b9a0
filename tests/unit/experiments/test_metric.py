"""A metric is asked of a run, gives every quantity by its formula, and refuses in words what it cannot compare."""

from __future__ import annotations

import json
import math
import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import llmwidgets as lw
from llmwidgets.capture import Capture, capture
from llmwidgets.experiments.metric import QUANTITIES, UNITS, AskedOf, Metric, token_id
from llmwidgets.models.errors import FoilNeededError, TokenError
from tests.architectures import prompt_ids
from tests.unit.experiments import plain

IDS = prompt_ids(plain.N)
CLEAN = torch.tensor([0.0, math.log(2), math.log(5), math.log(2)], dtype=torch.float64)  # probabilities 0.1, 0.2, 0.5, 0.2
AFTER = torch.tensor(
    [[math.log(4), 0.0, math.log(4), 0.0], [7.0, 7.0 + math.log(2), 7.0 + math.log(5), 7.0 + math.log(2)]], dtype=torch.float64
)


@pytest.fixture(scope="module")
def ids_only() -> Capture:
    return capture(plain.model("llama"), IDS)


@pytest.fixture(scope="module")
def spoken() -> Capture:
    return lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")


def asked(quantity: str = "logit_difference", foil: int | None = 1) -> AskedOf:
    return AskedOf(0, foil, 3, quantity, ("'a'", None if foil is None else "'b'"), CLEAN)


def test_every_quantity_by_hand() -> None:
    """After: probabilities 0.4, 0.1, 0.4, 0.1; and the clean ones again, every logit higher by 7."""
    values = asked().values(AFTER)
    assert list(values) == list(QUANTITIES)
    wanted = {
        "logit_difference": [math.log(4), -math.log(2)],
        "log_probability": [math.log(0.4), math.log(0.1)],
        "probability": [0.4, 0.1],
        "kl": [0.1 * math.log(0.1 / 0.4) + 0.2 * math.log(2) + 0.5 * math.log(0.5 / 0.4) + 0.2 * math.log(2), 0.0],
        "rank": [1.0, 4.0],
    }
    for name, each in wanted.items():
        assert values[name].dtype == torch.float64
        assert values[name].tolist() == pytest.approx(each, abs=1e-14), name
    assert asked().before == pytest.approx({name: each[1] for name, each in wanted.items()}, abs=1e-14)


def test_the_logit_difference_is_the_difference_of_log_probabilities() -> None:
    shares = AFTER.log_softmax(-1)
    assert torch.allclose(asked().of(AFTER), shares[:, 0] - shares[:, 1], rtol=0, atol=1e-14)


def test_without_a_foil_there_is_no_logit_difference_among_the_quantities() -> None:
    assert asked(foil=None).quantities == QUANTITIES[1:]
    assert "logit_difference" not in asked(foil=None).values(AFTER)
    mean = asked(foil=None).of(AFTER)  # the target alone: against the mean over the vocabulary
    assert mean.tolist() == pytest.approx([math.log(4) / 2, -(2 * math.log(2) + math.log(5)) / 4], abs=1e-14)


@pytest.mark.parametrize("quantity", [name for name in QUANTITIES if name != "rank"])
def test_quantities_can_be_differentiated(quantity: str) -> None:
    logits = AFTER[:1].clone().requires_grad_()
    torch.autograd.gradcheck(asked(quantity).of, (logits,))


def test_what_the_clean_run_rules_out_adds_nothing_to_the_kl() -> None:
    never = AskedOf(0, 1, 0, "kl", ("'a'", "'b'"), torch.tensor([0.0, 0.0, -torch.inf], dtype=torch.float64))
    assert never.of(torch.tensor([[0.0, 0.0, 5.0]])).item() == pytest.approx(math.log((2 + math.exp(5)) / 2), abs=1e-6)
    assert never.before["kl"] == 0


def test_float32_logits_are_measured_in_float64() -> None:
    assert asked().of(AFTER.float()).dtype == torch.float64


@pytest.mark.parametrize("position", [0, 5, -1, -plain.N])
@pytest.mark.parametrize("name", ["llama", "bert"])
def test_on_a_run_it_measures_the_models_own_logits(name: str, position: int) -> None:
    run = capture(plain.model(name), IDS)
    logits = plain.logits(plain.model(name), IDS)[position]
    found = Metric(10, 20, position).on(run)
    assert found.position == position % plain.N
    assert (found.target_id, found.foil_id) == (10, 20)
    assert torch.allclose(found.clean, logits, rtol=0, atol=1e-10)
    assert found.before["logit_difference"] == pytest.approx(float(logits[10] - logits[20]), abs=1e-10)
    assert found.values_of(run) == pytest.approx(found.before, abs=1e-12)


@pytest.mark.parametrize(
    "quantity, words, unit",
    [
        ("logit_difference", "logit(' Mary') - logit(' John') at position 13", "logits"),
        ("log_probability", "log-probability of ' Mary' at position 13", "nats"),
        ("probability", "probability of ' Mary' at position 13", "probability"),
        ("kl", "KL divergence from the clean run at position 13", "nats"),
        ("rank", "rank of ' Mary' at position 13", "rank"),
    ],
)
def test_it_says_in_words_what_is_measured_and_in_which_unit(spoken: Capture, quantity: str, words: str, unit: str) -> None:
    found = Metric(" Mary", " John", quantity=quantity).on(spoken)
    assert found.name == words
    assert found.unit == UNITS[quantity] == unit


def test_the_proposed_metric_is_the_first_choice_against_the_second(spoken: Capture, ids_only: Capture) -> None:
    for run, position in ((ids_only, -1), (ids_only, 4), (spoken, -1)):
        proposed = Metric.proposed(run, position)
        found = proposed.on(run)
        first, second = run.logits[position].topk(2).indices.tolist()
        assert (found.target_id, found.foil_id) == (first, second)
        assert found.before["rank"] == 1
        assert found.before["logit_difference"] >= 0
    assert Metric.proposed(spoken).target == " Mary"
    assert isinstance(Metric.proposed(ids_only).target, int)
    assert Metric.proposed(spoken, quantity="kl").quantity == "kl"


def test_a_missing_foil_is_an_error_whose_proposal_works(spoken: Capture, ids_only: Capture) -> None:
    with pytest.raises(FoilNeededError, match='Or measure another quantity, such as quantity="log_probability"') as refused:
        Metric(" Mary").on(spoken)
    proposal = re.search(r"Metric\(.*?\)", str(refused.value))
    assert proposal is not None
    found = eval(proposal.group(), {"Metric": Metric}).on(spoken)
    others = spoken.logits[-1].clone()
    others[found.target_id] = -torch.inf
    assert found.foil_id == int(others.argmax())
    with pytest.raises(FoilNeededError, match=r"foil=\d+"):
        Metric(10).on(ids_only)
    assert Metric(10).on(ids_only, foil_needed=False).foil_id is None
    for quantity in QUANTITIES[1:]:
        assert Metric(10, quantity=quantity).on(ids_only).foil_id is None


def test_a_target_of_several_tokens_names_them(spoken: Capture) -> None:
    with pytest.raises(TokenError, match=r"target 'banana' is 3 tokens here \('b', 'an', 'ana'\); .*give the first of them"):
        Metric("banana", " John").on(spoken)
    with pytest.raises(TokenError, match=r"foil ' Mary John' is 2 tokens here \(' Mary', ' John'\); a metric compares single tokens"):
        Metric(" Mary", " Mary John").on(spoken)
    with pytest.raises(TokenError, match="target '' is no token"):
        Metric("", " John").on(spoken)


def test_where_a_space_before_it_makes_it_one_token_the_error_says_so() -> None:
    """As in GPT-2's vocabulary, which has ' Mary' and no 'Mary'."""
    ids = {"Mary": [7, 8], " Mary": [9]}

    def tokenizer(text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": ids[text]}

    words = {7: "M", 8: "ary", 9: " Mary"}
    run: Any = SimpleNamespace(
        vocab_size=10, subject=SimpleNamespace(tokenizer=tokenizer), token_text=lambda several: [words[one] for one in several]
    )
    assert token_id(run, " Mary", "target") == 9
    with pytest.raises(TokenError, match=r"is 2 tokens here \('M', 'ary'\); .* With a space before it \(' Mary'\) it is one\."):
        token_id(run, "Mary", "target")


def test_target_and_foil_may_not_be_one_token(spoken: Capture) -> None:
    of_mary = Metric(" Mary", " John").on(spoken).target_id
    for foil in (" Mary", of_mary):
        with pytest.raises(TokenError, match="the same token"):
            Metric(" Mary", foil).on(spoken)


@pytest.mark.parametrize("position", [plain.N, -plain.N - 1, 1000])
def test_a_position_outside_the_prompt_is_refused(ids_only: Capture, position: int) -> None:
    with pytest.raises(IndexError, match=rf"position {position} is outside this run, which has 12 \(0 to 11\)"):
        Metric(10, 20, position).on(ids_only)
    with pytest.raises(IndexError):
        Metric.proposed(ids_only, position)


@pytest.mark.parametrize("token", [-1, 200, 10**9])
def test_an_id_outside_the_vocabulary_is_refused(ids_only: Capture, token: int) -> None:
    for metric, name in ((Metric(token, 20), "target"), (Metric(10, token), "foil")):
        with pytest.raises(TokenError, match=f"{name} {token} is no token id; this vocabulary has 0 to 199"):
            metric.on(ids_only)


def test_text_without_a_tokenizer_is_refused(ids_only: Capture) -> None:
    with pytest.raises(TokenError, match="target ' Mary' is text, but the run has no tokenizer"):
        Metric(" Mary", 20).on(ids_only)


def test_what_is_no_metric_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"quantity='loss' came; expected one of logit_difference,"):
        Metric(1, 2, quantity="loss")
    for wrong in (True, 1.5, None, [1]):
        with pytest.raises(TypeError, match="expected a token's text or its id"):
            Metric(wrong, 2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"position=0.5 came; expected a whole number"):
        Metric(1, 2, 0.5)  # type: ignore[arg-type]


def test_ids_of_any_kind_of_integer_are_plain_ones() -> None:
    assert Metric(torch.tensor(3), torch.tensor(4), torch.tensor(-1)) == Metric(3, 4)  # type: ignore[arg-type]
    assert json.dumps(Metric(torch.tensor(3)).to_json())  # type: ignore[arg-type]


tokens = st.one_of(st.text(max_size=5), st.integers(0, 10**6))


@given(st.builds(Metric, tokens, st.none() | tokens, st.integers(-50, 50), st.sampled_from(QUANTITIES)))
@settings(max_examples=60, deadline=None)
def test_a_metric_comes_back_from_json(metric: Metric) -> None:
    again = Metric.from_json(json.loads(json.dumps(metric.to_json())))
    assert again == metric and hash(again) == hash(metric)
    assert eval(repr(metric), {"Metric": Metric}) == metric
