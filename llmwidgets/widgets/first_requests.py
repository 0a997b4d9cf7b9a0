"""Which blocks a first picture holds: pure arithmetic on shapes, and the same rule as in the page.

The page paints what `first` brings only if it would have asked for exactly these requests, so both sides compute them by the
rule of docs/protocol.md ("First picture"), and tests/contract/fixtures/first_picture.json holds both to it. What the blocks
contain, and what fits, is first_picture.py's.
"""

from __future__ import annotations

from math import ceil
from typing import Any

THUMBNAIL_SIDES = (64, 48, 32, 24, 16, 12, 8, 4)
THUMBNAIL_BYTES = 96_000
PATTERN_SIDE = 128
LAYER_WINDOW = 32
NEXT_RANKS = 10

Request = dict[str, Any]


def thumbnail_pool(layers: int, heads: int, tokens: int) -> int:
    """How many tokens one pixel of a thumbnail covers; 0: too many heads for thumbnails of all of them.

    >>> thumbnail_pool(4, 4, 14), thumbnail_pool(12, 12, 1024), thumbnail_pool(96, 96, 100)
    (1, 64, 0)
    """
    for side in THUMBNAIL_SIDES:
        pool = max(1, ceil(tokens / side))
        if layers * heads * ceil(tokens / pool) ** 2 * 2 <= THUMBNAIL_BYTES:
            return pool
    return 0


def pattern_pool(tokens: int) -> int:
    """How many tokens one cell of the whole pattern covers: the least power of two that leaves at most 128 cells a side.

    >>> pattern_pool(14), pattern_pool(129), pattern_pool(4096)
    (1, 2, 32)
    """
    pool = 1
    while ceil(tokens / pool) > PATTERN_SIDE:
        pool *= 2
    return pool


def normal(field: str, epoch: int, index: dict[str, Any], pool: int = 1, texts: bool = False) -> Request:
    """A request in normal form: no pool of one, no `texts` that is false."""
    request: Request = {"field": field, "epoch": epoch, "index": index}
    if pool > 1:
        request["pool"] = {"query": pool, "key": pool}
    if texts:
        request["texts"] = True
    return request


def thumbnails(epoch: int, layers: int, heads: int, tokens: int) -> list[Request]:
    """Every head's pattern, small, one request a layer; none where there are too many heads.

    By layer, because at 4,096 tokens a layer takes about a second: a page asks for the rows that it shows.
    """
    pool = thumbnail_pool(layers, heads, tokens)
    if pool == 0:
        return []
    whole = [0, tokens]
    return [normal("attention", epoch, {"layer": layer, "head": [0, heads], "query": whole, "key": whole}, pool) for layer in range(layers)]


def pattern(epoch: int, layer: int, head: int, tokens: int) -> Request:
    """One head's whole pattern."""
    index = {"layer": layer, "head": head, "query": [0, tokens], "key": [0, tokens]}
    return normal("attention", epoch, index, pattern_pool(tokens))


def layer_grid(field: str, epoch: int, start: int, stop: int, tokens: int, texts: bool) -> Request:
    """The last positions of a (layer, position) field, for all its layers."""
    index = {"layer": [start, stop], "position": [max(0, tokens - LAYER_WINDOW), tokens]}
    return normal(field, epoch, index, texts=texts)


def next_token(epoch: int, tokens: int, ranks: int = NEXT_RANKS) -> Request:
    """What the model would say next, most probable first."""
    return normal("next_token", epoch, {"position": tokens - 1, "rank": [0, min(ranks, NEXT_RANKS)]}, texts=True)
