"""Requests: what is not well formed or not there is refused with what came, what was expected and what to do."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmwidgets.fields import Axis, BlockRequest, BlockRequestError

AXES = (Axis("layer", 4, start=-1), Axis("head", 2), Axis("query", 14))
INDEX = {"layer": 0, "head": [0, 2], "query": [0, 14]}


def ask(**changes: object) -> BlockRequest:
    return BlockRequest.parse({"field": "f", "epoch": 1, "index": INDEX, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"field": 3}, "field must be the name"),
        ({"epoch": "1"}, "epoch must be an integer"),
        ({"index": [1]}, "index must be an object"),
        ({"pool": 4}, "pool must be an object"),
        ({"pool": {"query": 2.5}}, "pool of 'query' must be an integer"),
        ({"texts": 1}, "texts must be true or false"),
        ({"colour": "red"}, "has no 'colour'"),
        ({"index": {**INDEX, "layer": True}}, "True came for 'layer'"),
        ({"index": {**INDEX, "layer": 1.5}}, "1.5 came for 'layer'"),
        ({"index": {**INDEX, "layer": "all"}}, "expected an integer"),
        ({"index": {**INDEX, "query": [0, 2, 4]}}, "single places are"),
        ({"index": {**INDEX, "query": [4, 2]}}, "stop is excluded"),
        ({"index": {**INDEX, "query": [0, 1.5]}}, "an end of 'query' must be an integer"),
        ({"index": {**INDEX, "query": {"list": [True]}}}, "a place in the list of 'query'"),
        ({"index": {**INDEX, "query": {"reduce": "median"}}}, "'median' is no reduction; expected one of mean, max, sum, absmax"),
    ],
)
def test_a_malformed_request_says_what_is_wrong(changes: dict, words: str) -> None:
    with pytest.raises(BlockRequestError, match=re.escape(words)):
        ask(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"index": {"layer": 0, "head": 0}}, "nothing is asked along query"),
        ({"index": {**INDEX, "key": 0}}, "no coordinate 'key'; it has layer, head, query"),
        ({"pool": {"key": 2}}, "no coordinate 'key'"),
        ({"index": {**INDEX, "layer": 3}}, "layer runs from -1 to 2"),
        ({"index": {**INDEX, "layer": -2}}, "layer=-2 is outside"),
        ({"index": {**INDEX, "query": [0, 15]}}, "query [0, 15] is outside"),
        ({"index": {**INDEX, "query": [3, 3]}}, "an empty range"),
        ({"index": {**INDEX, "query": {"list": [14]}}}, "query=14 is outside"),
        ({"index": {**INDEX, "query": [2, 14]}, "pool": {"query": 4}}, "starts at 2 and is pooled by 4"),
        ({"pool": {"query": 0}}, "expected 1 or more"),
        ({"pool": {"layer": 2}}, "not asked as a range"),
        ({"pool": {"query": 2}, "texts": True}, "words cannot be pooled"),
    ],
)
def test_a_request_that_the_field_cannot_answer_says_why(changes: dict, words: str) -> None:
    with pytest.raises(BlockRequestError, match=re.escape(words)):
        ask(**changes).resolve(AXES)


def test_a_request_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="an object"):
        BlockRequest.parse("attention")


def test_a_block_of_too_many_cells_is_refused_unless_it_is_pooled() -> None:
    axes = (Axis("query", 4096), Axis("key", 4096))
    whole = {"query": [0, 4096], "key": [0, 4096]}
    with pytest.raises(BlockRequestError, match="16,777,216 cells"):
        BlockRequest.parse({"field": "f", "index": whole}).resolve(axes)
    alongs = BlockRequest.parse({"field": "f", "index": whole, "pool": {"query": 4, "key": 3}}).resolve(axes)
    assert [along.cells for along in alongs] == [1024, 1366]


def test_a_range_is_aligned_to_the_start_of_its_axis() -> None:
    request = BlockRequest.parse({"field": "f", "index": {"layer": [1, 3]}, "pool": {"layer": 2}})
    assert request.resolve([Axis("layer", 4, start=-1)])[0].cells == 1


indices = st.one_of(
    st.integers(-3, 20),
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda ends: [min(ends), max(ends)]),
    st.lists(st.integers(0, 9)).map(lambda places: {"list": places}),
    st.sampled_from(["mean", "max", "sum", "absmax"]).map(lambda how: {"reduce": how}),
)


@given(st.dictionaries(st.sampled_from(["layer", "head", "query"]), indices), st.booleans(), st.integers(1, 5))
def test_a_request_reads_back_as_it_was_written(index: dict, texts: bool, epoch: int) -> None:
    raw = {"field": "f", "epoch": epoch, "index": index, **({"texts": True} if texts else {})}
    assert BlockRequest.parse(raw).to_json() == raw
