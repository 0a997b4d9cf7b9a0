"""The small picture of a finding: bounded, readable by a PNG reader, with the finding's own cells outlined."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmwidgets.export.cells import Shades
from llmwidgets.fields import ABSENT, MASKED, Axis, Cells, Field, Scale
from llmwidgets.notes.picture import MOST_BYTES, MOST_READ, _window, picture_of

MARK = (0xD6, 0x24, 0x5C)
SHARES = Scale("sequential", 0, 1)


def read(picture: bytes) -> np.ndarray:
    """(height, width, 3): the palette's colours of rows of filter 0 (the PNG specification, sections 5 and 9)."""
    chunks, at = {}, 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        chunks[picture[at + 4 : at + 8]] = picture[at + 8 : at + 8 + length]
        at += 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    return np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)[rows[:, 1:]]


def cell(pixels: np.ndarray, row: int, column: int, rows: int, columns: int) -> tuple[int, int, int]:
    """The colour in the middle of a cell."""
    height, width = (side - 4 for side in pixels.shape[:2])
    at = pixels[2 + int((row + 0.5) * height / rows), 2 + int((column + 0.5) * width / columns)]
    return tuple(int(part) for part in at)


def outlined(pixels: np.ndarray, rows: int, columns: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The cells inside the outline: rows and columns, stop excluded."""
    marked = (pixels == MARK).all(axis=2)
    down, across = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    size = (pixels.shape[0] - 4) / rows, (pixels.shape[1] - 4) / columns
    ends = [(round((at[0] - 0.5) / one), round((at[-1] - 2) / one)) for at, one in zip((down, across), size, strict=True)]
    return ends[0], ends[1]


def pattern(n_tokens: int, value=lambda query, key: (query + key) % 2, scale: Scale = SHARES, absent_layer: int = -1) -> Field:
    """A causal pattern in closed form; `asked` counts the cells that were read."""

    def reader(index):
        query, key = (np.array(index[name], np.float64) for name in ("query", "key"))
        reader.asked += len(index["layer"]) * len(index["head"]) * len(query) * len(key)
        allowed = key[None] <= query[:, None]
        shape = (len(index["layer"]), len(index["head"]), len(query), len(key))
        values = np.broadcast_to(np.where(allowed, value(query[:, None], key[None]), np.nan), shape).astype(np.float32)
        state = np.broadcast_to(np.where(allowed, 0, MASKED), shape).astype(np.uint8)
        if absent_layer in index["layer"]:
            values, state = np.full(shape, np.nan, np.float32), np.full(shape, ABSENT, np.uint8)
        return Cells(values, state)

    reader.asked = 0
    axes = (Axis("layer", 4), Axis("head", 4), Axis("query", n_tokens), Axis("key", n_tokens))
    return Field("attention", "attention", axes, "share", reader, scale)


def grid(array, *axes: Axis, scale: Scale = SHARES) -> Field:
    array = np.asarray(array, np.float32)

    def reader(index):
        places = [[place - axis.start for place in index[axis.coordinate]] for axis in axes]
        return Cells(array[np.ix_(*places)], np.where(np.isnan(array[np.ix_(*places)]), 3, 0).astype(np.uint8))

    return Field("mine", "mine", axes, "", reader, scale)


def test_a_cell_of_a_pattern_is_outlined_in_its_head():
    pixels = read(picture_of(pattern(10), layer=1, head=2, query=(6, 7), key=(3, 4)))
    assert outlined(pixels, 10, 10) == ((6, 7), (3, 4))
    assert cell(pixels, 6, 3, 10, 10) == (0x12, 0x26, 0x68), "an odd sum of query and key is 1, the darkest"
    assert cell(pixels, 6, 2, 10, 10) == (0xFF, 0xFF, 0xFF)
    assert cell(pixels, 1, 8, 10, 10) == (0xF5, 0xF6, 0xF8), "what the mask forbids is grey"


@pytest.mark.parametrize(
    ("query", "key", "box"),
    [
        ((6, 7), None, ((6, 7), (0, 10))),
        (None, (3, 4), ((0, 10), (3, 4))),
        ((2, 5), (0, 3), ((2, 5), (0, 3))),
        ((9, 10), (9, 10), ((9, 10), (9, 10))),
    ],
)
def test_rows_columns_and_regions_are_outlined_whole(query, key, box):
    assert outlined(read(picture_of(pattern(10), layer=1, head=2, query=query, key=key)), 10, 10) == box


def test_a_head_alone_is_drawn_without_an_outline():
    assert not (read(picture_of(pattern(10), layer=1, head=2)) == MARK).all(axis=2).any()


def test_a_long_pattern_is_pooled_and_its_lone_strong_cell_stays():
    field = pattern(640, lambda query, key: ((query == 333) & (key == 77)).astype(float))
    pixels = read(picture_of(field, layer=1, head=2, query=(333, 334), key=(77, 78)))
    assert outlined(pixels, 64, 64) == ((33, 34), (7, 8))
    assert cell(pixels, 33, 7, 64, 64) == (0x12, 0x26, 0x68)
    assert cell(pixels, 34, 7, 64, 64) in ((0xFF, 0xFF, 0xFF), MARK)


@pytest.mark.parametrize(
    "marks",
    [
        {"query": (90_000, 90_001), "key": (10, 11)},
        {"query": (500, 501)},
        {"key": (99_999, 100_000)},
        {"query": (10, 900), "key": (0, 3000)},
        {"query": (1, 1900)},
    ],
)
def test_of_a_very_long_pattern_only_the_surroundings_are_read(marks):
    field = pattern(100_000)
    picture = picture_of(field, layer=3, head=1, **marks)
    assert picture is not None and (read(picture) == MARK).all(axis=2).any()
    assert 0 < field.reader.asked <= 5 * MOST_READ


def test_what_would_take_long_to_read_is_not_drawn():
    field = pattern(100_000)
    assert picture_of(field, layer=3, head=1, query=(0, 90_000)) is None
    assert picture_of(field, layer=3, head=1) is None
    assert field.reader.asked == 0


def test_a_head_of_the_grid_is_outlined_the_last_layer_on_top():
    values = np.linspace(0, 1, 12).reshape(3, 4)
    pixels = read(picture_of(grid(values, Axis("layer", 3), Axis("head", 4)), layer=2, head=1))
    assert outlined(pixels, 3, 4) == ((0, 1), (1, 2))
    assert cell(pixels, 2, 0, 3, 4) == (0xFF, 0xFF, 0xFF) and cell(pixels, 0, 3, 3, 4) == (0x12, 0x26, 0x68)


def test_a_layer_alone_is_a_row_and_the_embedding_is_the_lowest():
    axes = (Axis("layer", 3, start=-1), Axis("position", 6))
    values = np.zeros((3, 6))
    assert outlined(read(picture_of(grid(values, *axes), layer=-1)), 3, 6) == ((2, 3), (0, 6))
    assert outlined(read(picture_of(grid(values, *axes), layer=1, query=(4, 6))), 3, 6) == ((0, 1), (4, 6))


def test_of_a_long_stream_the_window_around_the_token_is_drawn():
    field = grid(np.zeros((5, 1000)), Axis("layer", 5), Axis("position", 1000))
    pixels = read(picture_of(field, layer=2, query=(500, 501)))
    (rows, columns) = outlined(pixels, 5, 32)
    assert rows == (2, 3) and 14 <= columns[0] <= 17 and columns[1] == columns[0] + 1


def test_a_diverging_field_has_two_hues_that_meet_in_paper():
    scale = Scale("diverging", 0, 2)
    pixels = read(picture_of(grid([[-2.0, 0.0, 2.0]], Axis("layer", 1), Axis("head", 3), scale=scale), layer=0, head=1))
    low, middle, high = (cell(pixels, 0, head, 1, 3) for head in range(3))
    assert low[2] > low[0] and high[0] > high[2] and middle == (255, 255, 255)


def test_nan_has_a_colour_that_no_value_has():
    def with_nan(index):
        return Cells(np.full((len(index["layer"]), len(index["head"])), np.nan, np.float32))

    for kind, colours in (("sequential", 33), ("diverging", 33)):
        field = Field("f", "f", (Axis("layer", 2), Axis("head", 2)), "", with_nan, Scale(kind, 0, 1))
        shades = Shades(colours, kind == "diverging")
        palette = [tuple(int(part) for part in row) for row in shades.palette()]
        seen = cell(read(picture_of(field, layer=0, head=0)), 0, 1, 2, 2)
        assert seen == palette[shades.nan] and seen not in palette[:colours]


@pytest.mark.parametrize(
    ("field", "place"),
    [(pattern(10), {"query": (3, 4)}), (pattern(10), {"layer": 2}), (pattern(10), {}), (pattern(10), {"layer": 9, "head": 0}),
     (pattern(10), {"layer": 1, "head": 0, "query": (9, 12)}), (pattern(10, absent_layer=2), {"layer": 2, "head": 0}),
     (grid(np.zeros((2, 3)), Axis("neuron", 2), Axis("step", 3)), {"layer": 1}),
     (grid(np.zeros((2, 3)), Axis("layer", 2), Axis("head", 3)), {"query": (0, 1)}),
     (grid(np.zeros((2, 3)), Axis("position", 2), Axis("rank", 3)), {"query": (0, 1)})],
)  # fmt: skip
def test_where_nothing_can_be_drawn_there_is_no_picture(field, place):
    assert picture_of(field, **place) is None


def test_of_several_queries_the_grid_of_heads_takes_the_one_that_is_meant_else_their_mean():
    values = np.zeros((1, 2, 3))
    values[0, 1] = [0, 0, 1.0]
    field = grid(values, Axis("layer", 1), Axis("head", 2), Axis("query", 3))
    assert cell(read(picture_of(field, layer=0, head=0, query=(2, 3))), 0, 1, 1, 2) == (0x12, 0x26, 0x68)
    third = cell(read(picture_of(field, layer=0, head=0)), 0, 1, 1, 2)
    assert (0x12, 0x26, 0x68) < third < (0xFF, 0xFF, 0xFF)


@given(st.data(), st.integers(1, 100_000), st.integers(-1, 5))
def test_a_window_holds_what_is_marked_and_begins_with_a_whole_cell(data, size, first):
    start = data.draw(st.integers(0, size - 1)) + first
    stop = data.draw(st.integers(start + 1, size + first))
    low, high, pool = _window(Axis("query", size, start=first), (start, stop), 64)
    assert first <= low <= start < stop <= high <= first + size
    assert (low - first) % pool == 0 and -(-(high - low) // pool) <= 66


@given(st.integers(1, 3000), st.data(), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_any_pattern_gives_a_picture_of_at_most_three_kilobytes(n_tokens, data, seed):
    def noise(query, key):
        return np.abs(np.sin(query * 12.9898 + key * 78.233 + seed) * 43758.5453) % 1

    spans = {}
    for name in data.draw(st.sets(st.sampled_from(["query", "key"]), min_size=1)):
        start = data.draw(st.integers(0, n_tokens - 1))
        spans[name] = (start, data.draw(st.integers(start + 1, min(n_tokens, start + 300))))
    picture = picture_of(pattern(n_tokens, noise), layer=0, head=0, **spans)
    assert picture is not None and len(picture) <= MOST_BYTES
    pixels = read(picture)
    assert (pixels == MARK).all(axis=2).any() and max(pixels.shape[:2]) <= 160
