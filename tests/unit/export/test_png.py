"""The PNG writer, read back by the letter of the format; the overview's promises."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from llmwidgets.export.overview import MOST_BYTES, Cells, overview
from llmwidgets.export.png import png


def read(picture: bytes) -> np.ndarray:
    """(height, width, 3): signature, chunks with their checksums, palette, rows of filter 0 (the PNG specification, sections 5 and 9)."""
    assert picture[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10])
    chunks, at = {}, 8
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        kind, data = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        assert struct.unpack(">I", picture[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),)
        chunks[kind] = data
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"] and chunks[b"IEND"] == b""
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, rest) == (8, 3, [0, 0, 0])
    palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (rows[:, 0] == 0).all()
    return palette[rows[:, 1:]]


def cells(values, state=None) -> Cells:
    values = np.asarray(values, np.float32)
    return Cells(values, np.zeros(values.shape, np.uint8) if state is None else np.asarray(state, np.uint8))


def causal(size: int, seed: int, heads: int | None = None) -> Cells:
    rng = np.random.default_rng(seed)
    values = rng.random((heads, size, size) if heads else (size, size)).astype(np.float32)
    state = np.broadcast_to(np.triu(np.ones((size, size), np.uint8), 1), values.shape)
    return Cells(np.where(state == 0, values, np.nan), state)


def test_a_reader_sees_the_same_pixels():
    rng = np.random.default_rng(3)
    palette = rng.integers(0, 256, (200, 3), np.uint8)
    indices = rng.integers(0, 200, (37, 61), np.uint8)
    np.testing.assert_array_equal(read(png(indices, palette)), palette[indices])


@pytest.mark.parametrize(("shape", "colours"), [((1, 1), 1), ((1, 300), 2), ((300, 1), 256)])
def test_odd_shapes_and_palettes_are_written(shape, colours):
    palette = np.arange(colours * 3, dtype=np.int64).reshape(-1, 3).astype(np.uint8)
    indices = np.full(shape, colours - 1, np.uint8)
    np.testing.assert_array_equal(read(png(indices, palette)), palette[indices])


def test_wrong_pixels_are_refused():
    palette = np.zeros((2, 3), np.uint8)
    with pytest.raises(TypeError, match="uint8"):
        png(np.zeros((2, 2)), palette)
    with pytest.raises(ValueError, match="palette has 2"):
        png(np.full((2, 2), 2, np.uint8), palette)
    with pytest.raises(TypeError, match="palette"):
        png(np.zeros((2, 2), np.uint8), np.zeros((300, 3), np.uint8))


def test_nothing_to_draw_gives_no_picture():
    assert overview({}, 4, None, (None, None)) is None


def test_more_attention_is_darker_and_the_masked_is_grey():
    picture = read(overview({}, 1, cells([[1.0, 0.0], [0.25, 0.75]], [[0, 1], [0, 0]]), (0, 0)))
    size = (picture.shape[0] - 16) // 2
    middle = {(q, k): picture[8 + size * q + size // 2, 8 + size * k + size // 2].astype(int).sum() for q in (0, 1) for k in (0, 1)}
    assert middle[0, 1] == 0xF5 + 0xF6 + 0xF8
    assert middle[0, 0] < middle[1, 1] < middle[1, 0] < 3 * 255


def test_nan_is_seen_and_is_no_blue():
    picture = read(overview({}, 1, cells([[1.0, np.nan], [0.5, 0.5]]), (0, 0)))
    red, _, blue = picture[picture.shape[0] // 4, 3 * picture.shape[1] // 4].astype(int)
    assert red > blue


def test_the_selected_head_has_an_outline_of_its_own_and_an_absent_head_none():
    state = np.zeros((2, 4, 4), np.uint8)
    state[1] = 2
    values = np.where(state == 0, 0.5, np.nan)
    outlined = read(overview({0: cells(values, state)}, 1, None, (0, 0)))
    plain = read(overview({0: cells(values, state)}, 1, None, (0, 1)))
    assert (outlined != plain).any()
    right = outlined[:, outlined.shape[1] // 2 + 4 :]
    assert (right == 255).all(), "an absent head stays paper"


@pytest.mark.parametrize(
    ("layers", "heads", "side", "pattern"),
    [(4, 4, 14, 14), (12, 12, 16, 128), (32, 32, 4, 128), (1, 1, 64, 128), (5, 4, 48, 128), (80, 64, 1, 128), (1, 1, 1, 1)],
)
def test_the_picture_stays_under_sixty_kilobytes_for_any_shape(layers, heads, side, pattern):
    thumbnails = {layer: causal(side, layer, heads) for layer in range(layers)}
    picture = overview(thumbnails, layers, causal(pattern, 99), (layers - 1, 0))
    assert picture is not None and len(picture) <= MOST_BYTES
    assert min(read(picture).shape[:2]) > 16


def test_the_last_layer_is_on_top():
    dark, light = cells(np.ones((1, 4, 4))), cells(np.zeros((1, 4, 4)))
    picture = read(overview({0: light, 1: dark}, 2, None, (None, None))).astype(int).sum(axis=2)
    middle = picture.shape[0] // 2
    assert picture[:middle].min() < 3 * 128 < picture[middle + 4 :].min()


def test_the_same_numbers_give_the_same_bytes():
    once, again = (overview({0: causal(8, 1, 2)}, 1, causal(8, 2), (0, 0)) for _ in range(2))
    assert once == again
