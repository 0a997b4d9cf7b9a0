"""Python's half of the contract: what the fixtures say, the kernel's side does. The page's tests read the same files."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

import llmwidgets as lw
from llmwidgets.fields import ABSENT, MASKED, PENDING, VALUE, Axis, BlockRequest, Cells, Field, Scale, decode, encode
from llmwidgets.widgets import first_requests as ask
from llmwidgets.widgets.outbox import Reply, pack
from tests.unit.widgets.tiny import Page, drain, prompt_of, tiny_gpt2, word_tokenizer

FIXTURES = Path(__file__).parent / "fixtures"
STATES = {"masked": MASKED, "absent": ABSENT, "pending": PENDING}
NUMBERS = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "masked": np.nan, "absent": np.nan, "pending": np.nan}


def fixture(name: str):
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def numbers(cells) -> tuple[np.ndarray, np.ndarray]:
    """Values and states of a (nested) list in which words stand for what JSON cannot write."""
    words = np.array(cells, dtype=object)
    values = np.vectorize(lambda cell: NUMBERS.get(cell, cell) if isinstance(cell, str) else cell, otypes=[np.float32])(words)
    state = np.vectorize(lambda cell: STATES.get(cell, VALUE) if isinstance(cell, str) else VALUE, otypes=[np.uint8])(words)
    return values, state


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    notes = tmp_path_factory.mktemp("contract") / "notes.jsonl"
    view = lw.Inspector(lw.capture((tiny_gpt2(), word_tokenizer()), prompt_of(14)), notes=notes)
    yield view
    view.close()


def keys(value) -> set[str]:
    return set(value)


def test_halves_stand_for_the_numbers_of_the_fixture():
    for case in fixture("halves")["cases"]:
        values, state = numbers(case["values"])
        read, read_state = decode(np.array(case["bits"], np.uint16), case["exponent"])
        np.testing.assert_array_equal(read, values)
        np.testing.assert_array_equal(read_state, state)


def test_what_python_encodes_reads_back_by_the_rule_of_the_fixture():
    values, state = numbers([1.0, 0.25, "nan", "masked", "absent", "inf", "-inf", -0.125])
    bits, exponent = encode(values, state)
    read, read_state = decode(bits, exponent)
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(read_state, state)


def test_pooling_keeps_what_the_fixture_says():
    for case in fixture("pooling")["cases"]:
        values, state = numbers(case["values"])
        axes = tuple(Axis(dim, size) for dim, size in zip(case["dims"], values.shape, strict=True))

        def reader(index, values=values, state=state, dims=case["dims"]):
            places = np.ix_(*(list(index[dim]) for dim in dims))
            return Cells(values[places], state[places])

        field = Field("f", "f", axes, "", reader, Scale(case["scale"]))
        index = {axis.coordinate: range(axis.size) for axis in axes}
        block = field.block(BlockRequest("f", index, pool=case["pool"]))
        wanted, wanted_state = numbers(case["pooled"])
        np.testing.assert_array_equal(block.values, wanted, err_msg=case["what"])
        got_state = np.zeros(block.values.shape, np.uint8) if block.state is None else block.state
        np.testing.assert_array_equal(got_state, wanted_state, err_msg=case["what"])


def test_every_valid_request_of_the_fixture_is_answered_well(view):
    given = fixture("requests")
    page = Page(view)
    cancelled = {id for message in given["valid"] if message["kind"] == "cancel" for id in message["ids"]}
    for message in given["valid"]:
        page.says(message)
    replies = page.settled()
    asked = {item["id"] for message in given["valid"] for item in message.get("items", [])}
    assert set(replies) == asked
    for id, reply in replies.items():
        assert reply.ok or (id in cancelled and reply.error["type"] == "Cancelled"), (id, reply.error)


def test_every_invalid_request_of_the_fixture_gets_its_error(view):
    page = Page(view)
    invalid = fixture("requests")["invalid"]
    page.asks(*(case["item"] for case in invalid))
    replies = page.settled()
    for case in invalid:
        reply = replies[case["item"]["id"]]
        assert not reply.ok and reply.error["type"] == case["type"], (case, reply)
        assert keys(reply.error) == {"type", "message", "hint"} and reply.error["message"]


def test_blocks_hold_the_models_own_numbers(view):
    """Against torch's own softmax over the model's own queries and keys: the eager attention that transformers computes."""
    run = view.capture
    model = run.subject.model
    eager = type(model)(model.config)
    eager.load_state_dict(model.state_dict())
    eager.set_attn_implementation("eager")
    eager.eval()
    import torch

    with torch.no_grad():
        wanted = eager(torch.tensor([run.token_ids]), output_attentions=True).attentions[3][0, 3].numpy()  # (query, key)
    page = Page(view)
    request = fixture("requests")["valid"][0]["items"][0]
    page.asks(request)
    page.asks({**request, "id": 99}, transport="base64")
    replies = page.settled()
    header = replies[1].result
    values, state = decode(replies[1].data, header["exponent"])
    values, state = values.reshape(header["shape"]), state.reshape(header["shape"])
    allowed = np.tril(np.ones((14, 14), bool))
    np.testing.assert_array_equal(state == VALUE, allowed)
    np.testing.assert_allclose(values[allowed], wanted[allowed], rtol=2**-11, atol=1e-6)
    assert base64.b64decode(replies[99].item["base64"]) == replies[1].data and "buffer" not in replies[99].item
    low, high = header["extent"]
    assert low == pytest.approx(wanted[allowed].min(), abs=1e-6) and high == pytest.approx(wanted[allowed].max(), abs=1e-6)


def test_an_exact_cell_reads_back_to_the_same_float32(view):
    page = Page(view)
    index = {"layer": 3, "head": 3, "query": 13, "key": 2}
    page.asks({"id": 1, "method": "cell", "params": {"field": "attention", "epoch": 1, "index": index}})
    reply = page.settled()[1]
    exact = view.capture.pattern(3, 3, 13, 2).numpy()
    assert np.float32(json.loads(json.dumps(reply.result["value"]))) == exact
    assert keys(reply.result) == {"value", "state", "text", "detail", "more"}


def test_replies_of_the_fixture_hold_the_numbers_that_it_says():
    for message in fixture("replies")["messages"]:
        for item in message["content"]["items"]:
            if str(item["id"]) not in message["values"]:
                continue
            data = item["base64"] if "base64" in item else message["buffers"][item["buffer"]]
            values, state = decode(base64.b64decode(data), item["result"]["exponent"])
            wanted, wanted_state = numbers(message["values"][str(item["id"])])
            np.testing.assert_array_equal(values, wanted)
            np.testing.assert_array_equal(state, wanted_state)


def test_python_packs_replies_as_the_fixture_has_them():
    for message in fixture("replies")["messages"]:
        replies = []
        for item in message["content"]["items"]:
            encoded = item.get("base64") or (message["buffers"][item["buffer"]] if "buffer" in item else None)
            data = None if encoded is None else base64.b64decode(encoded)
            transport = "base64" if "base64" in item else "binary"
            replies.append(Reply(item["id"], item.get("result"), item.get("error"), data, transport))
        (packed,) = pack(replies)
        assert packed.content == message["content"]
        assert [base64.b64encode(buffer).decode() for buffer in packed.buffers] == message["buffers"]


def same_shape(got, wanted, where: str = "traits") -> None:
    """Same keys and kinds all the way down; what is null in one may be anything in the other."""
    if got is None or wanted is None:
        return
    if isinstance(wanted, dict):
        if keys(wanted) == {"base64"}:
            assert isinstance(got, bytes), where
            return
        if where == "progress":  # by the names of fields
            assert got, "a view of a run with a next token has fields of causes"
            for each in got.values():
                same_shape(each, next(iter(wanted.values())), "progress.*")
            return
        assert isinstance(got, dict) and (where.endswith((".index", ".pool")) or keys(got) == keys(wanted)), (where, got, wanted)
        for key in keys(got) & keys(wanted):
            if not where.endswith(".index"):
                same_shape(got[key], wanted[key], f"{where}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(got, list), (where, got)
        if wanted and got:
            same_shape(got[0], wanted[0], f"{where}[0]")
    elif isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        assert isinstance(got, (int, float)) and not isinstance(got, bool), (where, got)
    else:
        assert type(got) is type(wanted), (where, got, wanted)


@pytest.fixture
def asked_view(tmp_path):
    """With a second prompt, a change, notes and a tour, so that every trait holds something."""
    view = lw.Inspector(lw.capture((tiny_gpt2(), word_tokenizer()), prompt_of(14)), notes=tmp_path / "notes.jsonl")
    view.compare(prompt_of(9))
    view.interventions.add(lw.Intervention("scores", layer=1, head=2, position=5, key=3))
    lw.tour(view, [view.annotate("looks **back**", layer=1, head=2, query=5, key=3, tags=["mover"], ask="Which head?")])
    drain(view)
    yield view
    view.close()


@pytest.mark.parametrize("kind", ["view", "asked_view"])
def test_a_views_traits_have_the_shape_of_the_fixture(kind, request):
    view = request.getfixturevalue(kind)
    wanted = fixture("traits")
    state = view.get_state(list(wanted))
    assert keys(state) == keys(wanted)
    for name in wanted:
        if name == "first":
            block, like = state["first"]["blocks"][0], wanted["first"]["blocks"][0]
            assert keys(block) == keys(like) and keys(block["header"]) == keys(like["header"])
            assert keys(block["request"]) <= {"field", "epoch", "index", "pool", "texts", "version"}
        else:
            same_shape(state[name], wanted[name], name)


def test_the_page_is_told_no_trait_that_the_fixture_does_not_have(view):
    own = {key for key in view.keys if not key.startswith("_")} - {"layout", "tabbable", "tooltip"}
    assert own == keys(fixture("traits"))


def test_the_first_picture_asks_as_the_fixture_says():
    given = fixture("first_picture")
    for case in given["thumbnail_pool"]:
        assert ask.thumbnail_pool(case["layers"], case["heads"], case["tokens"]) == case["pool"], case
    for case in given["pattern_pool"]:
        assert ask.pattern_pool(case["tokens"]) == case["pool"], case
    for case in given["requests"]:
        layers, heads, tokens, epoch = (case[key] for key in ("layers", "heads", "tokens", "epoch"))
        blocks = case["blocks"]
        assert ask.thumbnails(epoch, layers, heads, tokens) == blocks["thumbnails"]
        assert ask.pattern(epoch, case["cursor"]["layer"], case["cursor"]["head"], tokens) == blocks["pattern"]
        assert ask.next_token(epoch, tokens) == blocks["next"]
        assert ask.layer_grid(case["layerField"], epoch, -1, layers, tokens, True) == blocks["layers"]


def test_thumbnails_fit_their_bound_by_an_independent_count():
    for case in fixture("first_picture")["thumbnail_pool"]:
        if case["pool"]:
            side = -(-case["tokens"] // case["pool"])
            assert case["layers"] * case["heads"] * side * side * 2 <= 96_000 and side <= 64


def test_a_real_first_picture_holds_the_requests_of_the_rule(view):
    run, cursor = view.capture, view.cursor
    asked = [block["request"] for block in view.first["blocks"]]
    wanted = [
        ask.pattern(1, cursor["layer"], cursor["head"], 14),
        ask.next_token(1, 14),
        ask.layer_grid("logit_lens", 1, -1, 4, 14, True),
        *ask.thumbnails(1, run.n_layers, run.n_heads, 14),
    ]
    assert asked == wanted
