"""Numbers that come one by one: what is not there yet says so, through pooling, reductions and the bytes that travel."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from llmwidgets.fields import (
    ABSENT,
    MASKED,
    PENDING,
    VALUE,
    Axis,
    BlockRequest,
    BlockRequestError,
    Field,
    Growing,
    Scale,
    decode,
    encode,
    pool,
)
from llmwidgets.fields.half import HALF_PENDING

AXES = (Axis("layer", 2), Axis("head", 3))


def field_of(cells: Growing) -> Field:
    return Field("effect", "effect", cells.axes, "logits", cells, Scale("diverging"))


def whole(cells: Growing, **asked: object) -> tuple[list, list]:
    """Values and states of the block that is asked for."""
    index = {"layer": range(2), "head": range(3), **asked.pop("index", {})}  # type: ignore[dict-item]
    block = field_of(cells).block(BlockRequest("effect", index, **asked))  # type: ignore[arg-type]
    state = np.zeros(block.values.shape, np.uint8) if block.state is None else block.state
    return block.values.tolist(), state.tolist()


def test_every_cell_is_pending_until_it_is_put_and_those_that_do_not_exist_stay_absent():
    cells = Growing(AXES, np.array([[False, False, True], [False, False, False]]))
    assert whole(cells)[1] == [[PENDING, PENDING, ABSENT], [PENDING, PENDING, PENDING]]
    cells.put({"layer": 1, "head": 2}, -0.5)
    values, state = whole(cells)
    assert state == [[PENDING, PENDING, ABSENT], [PENDING, PENDING, VALUE]] and values[1][2] == -0.5
    assert (cells.done, cells.total) == (1, 5)
    assert len(list(cells.missing())) == 4 and {"layer": 1, "head": 2} not in list(cells.missing())


def test_a_value_that_is_no_number_is_a_value_and_not_pending():
    cells = Growing(AXES)
    cells.put({"layer": 0, "head": 0}, float("nan"))
    assert whole(cells)[1][0][0] == VALUE and cells.done == 1
    cells.put({"layer": 0, "head": 0}, 1.0)
    assert cells.done == 1, "put twice, counted once"


def test_a_place_outside_and_one_that_does_not_exist_are_refused():
    cells = Growing(AXES, np.eye(2, 3, dtype=bool))
    for place in ({"layer": 2, "head": 0}, {"layer": 0}, {"layer": -1, "head": 0}):
        with pytest.raises(IndexError, match="is no place of layer"):
            cells.put(place, 1.0)
    with pytest.raises(ValueError, match="does not exist"):
        cells.put({"layer": 0, "head": 0}, 1.0)
    with pytest.raises(ValueError, match="shape"):
        Growing(AXES, np.zeros((3, 2), bool))


def test_a_place_is_the_coordinate_and_not_an_index():
    cells = Growing((Axis("layer", 3, start=-1),))
    cells.put({"layer": -1}, 7.0)
    assert float(Field("f", "f", cells.axes, "", cells).read(layer=-1)) == 7.0
    assert list(cells.missing()) == [{"layer": 0}, {"layer": 1}]


def test_a_cell_says_in_a_word_that_it_is_pending():
    cells = Growing(AXES)
    assert field_of(cells).cell(layer=0, head=0)["state"] == "pending"
    assert field_of(cells).cell(layer=0, head=0)["value"] is None
    cells.put({"layer": 0, "head": 0}, 0.25)
    assert field_of(cells).cell(layer=0, head=0) == {"value": 0.25, "state": "value", "text": None, "detail": [], "more": []}


def test_what_is_pending_takes_no_part_in_a_reduction():
    cells = Growing(AXES)
    cells.put({"layer": 0, "head": 0}, 1.0)
    cells.put({"layer": 0, "head": 2}, -4.0)
    for how, expected in (("mean", -1.5), ("sum", -3.0), ("max", 1.0), ("absmax", -4.0)):
        read = field_of(cells).read(head=how)
        assert read.values[0] == expected and np.isnan(read.values[1])
    _, state = whole(cells, index={"head": BlockRequest.parse({"field": "f", "index": {"head": {"reduce": "mean"}}}).index["head"]})
    assert state == [VALUE, PENDING]


def test_reductions_gathered_in_bands_agree_with_those_made_at_once():
    cells = Growing(AXES, np.array([[True, True, True], [False, False, True]]))
    field = Field("effect", "effect", AXES, "", cells, Scale("diverging"), band=1)
    request = BlockRequest.parse({"field": "effect", "index": {"layer": {"reduce": "sum"}, "head": {"reduce": "sum"}}})
    assert field.block(request).state.tolist() == PENDING
    cells.put({"layer": 1, "head": 1}, 3.0)
    assert float(field.block(request).values) == 3.0 and field.block(request).state is None


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((VALUE, PENDING), VALUE),
        ((PENDING, MASKED), PENDING),
        ((PENDING, ABSENT), PENDING),
        ((MASKED, ABSENT), MASKED),
        ((PENDING, PENDING), PENDING),
        ((ABSENT, ABSENT), ABSENT),
    ],
)
def test_a_pooled_cell_is_pending_only_where_nothing_has_a_value_and_something_is_pending(states: tuple[int, ...], expected: int):
    values = np.array([1.0 if state == VALUE else np.nan for state in states], np.float32)
    pooled, state = pool(values, np.array(states, np.uint8), (2,))
    assert state.tolist() == [expected]
    assert np.array_equal(pooled, [1.0 if expected == VALUE else np.nan], equal_nan=True)


def test_pending_travels_as_a_payload_of_nan():
    bits, exponent = encode(np.array([0.5, np.nan], np.float32), np.array([VALUE, PENDING], np.uint8))
    assert bits[1] == HALF_PENDING == 0x7E03
    values, state = decode(bits, exponent)
    assert state.tolist() == [VALUE, PENDING] and values[0] == 0.5 and np.isnan(values[1])


def test_a_version_is_kept_in_the_request_and_tells_two_apart():
    raw = {"field": "effect", "epoch": 3, "index": {"layer": 0, "head": [0, 3]}, "version": 17}
    assert BlockRequest.parse(raw).to_json() == raw
    assert BlockRequest.parse({**raw, "version": 18}) != BlockRequest.parse(raw)
    without = {name: value for name, value in raw.items() if name != "version"}
    assert BlockRequest.parse(without).to_json() == without and BlockRequest.parse({**raw, "version": None}).version is None
    for version in ("17", 1.5, True):
        with pytest.raises(BlockRequestError, match="version must be an integer"):
            BlockRequest.parse({**raw, "version": version})


def test_reading_while_another_thread_puts_never_shows_a_cell_half_put():
    cells = Growing((Axis("position", 300),))
    field, shown = Field("f", "f", cells.axes, "", cells), []

    def put() -> None:
        for place in range(300):
            cells.put({"position": place}, float(place))

    thread = threading.Thread(target=put)
    thread.start()
    while len(shown) < 20 or thread.is_alive():
        block = field.block(BlockRequest("f", {"position": range(300)}))
        known = np.ones(300, bool) if block.state is None else block.state == VALUE
        assert np.array_equal(block.values[known], np.arange(300)[known]) and np.isnan(block.values[~known]).all()
        shown.append(int(known.sum()))
    thread.join(10)
    assert shown == sorted(shown) and cells.done == 300
