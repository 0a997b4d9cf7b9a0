"""What may be asked of a field: one thing for each of its coordinates, and how coarse.

Always true: a `BlockRequest` is well formed in itself; `resolve` then holds it against a field's axes, so that whoever computes
never meets a coordinate that is not there. Errors are `BlockRequestError`, a ValueError, and say what came, what was expected and what
to do. Numbers are computed elsewhere (stream.py); this file touches none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from operator import index as as_integer
from typing import Any

from .axis import Axis

MAX_CELLS = 2_000_000
"""Most cells in one block, after pooling (docs/protocol.md)."""

MAX_TEXT_CELLS = 40_000
"""Most cells in one block that carries words: they travel in the header, and a message holds at most 4 MiB."""

REDUCTIONS = ("mean", "max", "sum", "absmax")


class BlockRequestError(ValueError):
    """A request that a field cannot answer as it stands."""


@dataclass(frozen=True)
class Reduction:
    """One number for a whole coordinate: its mean, largest value, sum, or the value of largest magnitude (with its sign).

    Cells that a mask forbids or that do not exist take no part. Where several coordinates are reduced, the last axis goes first: the mean
    over queries with the maximum over keys is the mean of each query's maximum.
    """

    how: str

    def __post_init__(self) -> None:
        if self.how not in REDUCTIONS:
            raise BlockRequestError(f"{self.how!r} is no reduction; expected one of {', '.join(REDUCTIONS)}")


Index = int | range | tuple | Reduction


@dataclass(frozen=True)
class Along:
    """What a request wants along one axis: which places, whether the coordinate stays in the answer, and how coarse."""

    coordinate: str
    wanted: range | tuple[int, ...]
    kept: bool = True
    reduction: str | None = None
    pool: int = 1

    @property
    def cells(self) -> int:
        """Cells along this axis of the answer."""
        return -(-len(self.wanted) // self.pool) if self.kept else 1


@dataclass(frozen=True)
class BlockRequest:
    """A request for one block.

    >>> request = BlockRequest.parse({"field": "attention", "epoch": 1, "index": {"layer": 3, "key": [0, 256]}, "pool": {"key": 4}})
    >>> request.index
    {'layer': 3, 'key': range(0, 256)}
    """

    field: str
    index: Mapping[str, Index]
    epoch: int = 0
    pool: Mapping[str, int] = field(default_factory=dict)
    texts: bool = False
    version: int | None = None  # of numbers that come bit by bit; it tells caches apart, and nothing else

    @classmethod
    def parse(cls, raw: Any) -> BlockRequest:
        """From the JSON of docs/protocol.md."""
        if not isinstance(raw, Mapping):
            raise BlockRequestError(f"a block request is an object with field, epoch and index; {_seen(raw)} came")
        unknown = set(raw) - {"field", "epoch", "index", "pool", "texts", "version"}
        if unknown:
            raise BlockRequestError(
                f"a block request has no {', '.join(sorted(map(repr, unknown)))}; it has field, epoch, index, pool, texts, version"
            )
        name = raw.get("field")
        if not isinstance(name, str) or not name:
            raise BlockRequestError(f"field must be the name of a field; {_seen(name)} came")
        index = raw.get("index")
        if not isinstance(index, Mapping):
            raise BlockRequestError(f"index must be an object with one entry for each coordinate; {_seen(index)} came")
        factors = raw.get("pool") or {}
        if not isinstance(factors, Mapping):
            raise BlockRequestError(f"pool must be an object of coordinate: factor; {_seen(factors)} came")
        texts = raw.get("texts", False)
        if not isinstance(texts, bool):
            raise BlockRequestError(f"texts must be true or false; {_seen(texts)} came")
        return cls(
            field=name,
            epoch=_integer(raw.get("epoch", 0), "epoch"),
            index={str(coordinate): parse_index(wanted, str(coordinate)) for coordinate, wanted in index.items()},
            pool={str(coordinate): _integer(factor, f"pool of {coordinate!r}") for coordinate, factor in factors.items()},
            texts=texts,
            version=None if raw.get("version") is None else _integer(raw["version"], "version"),
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON that `parse` reads."""
        raw: dict[str, Any] = {
            "field": self.field,
            "epoch": self.epoch,
            "index": {coordinate: index_to_json(wanted) for coordinate, wanted in self.index.items()},
        }
        if self.pool:
            raw["pool"] = dict(self.pool)
        if self.texts:
            raw["texts"] = True
        if self.version is not None:
            raw["version"] = self.version
        return raw

    def resolve(self, axes: Sequence[Axis], most_cells: int | None = MAX_CELLS) -> tuple[Along, ...]:
        """This request along each of `axes`, in their order, or a BlockRequestError."""
        names = [axis.coordinate for axis in axes]
        for coordinate in (*self.index, *self.pool):
            if coordinate not in names:
                raise BlockRequestError(f"the field {self.field!r} has no coordinate {coordinate!r}; it has {', '.join(names)}")
        missing = [name for name in names if name not in self.index]
        if missing:
            raise BlockRequestError(
                f"nothing is asked along {', '.join(missing)} of {self.field!r}; give each coordinate an integer, [start, stop], "
                '{"list": [...]} or {"reduce": ...}'
            )
        alongs = tuple(self._along(axis) for axis in axes)
        cells = prod(along.cells for along in alongs)
        if most_cells is not None and cells > most_cells:
            raise BlockRequestError(
                f"{cells:,} cells are asked of {self.field!r}; a block has at most {most_cells:,}: ask for less, or pool more"
            )
        if self.texts and any(along.reduction or along.pool > 1 for along in alongs):
            raise BlockRequestError("words cannot be pooled or reduced; ask without texts, or without pool and reduce")
        if self.texts and cells > MAX_TEXT_CELLS:
            raise BlockRequestError(
                f"{cells:,} cells with words are asked; a block has at most {MAX_TEXT_CELLS:,}: ask for fewer positions at a time"
            )
        return alongs

    def _along(self, axis: Axis) -> Along:
        name, wanted, factor = axis.coordinate, self.index[axis.coordinate], self.pool.get(axis.coordinate, 1)
        first, last = axis.start, axis.start + axis.size - 1
        if factor < 1:
            raise BlockRequestError(f"pool of {name!r} is {factor}; expected 1 or more")
        if factor > 1 and not isinstance(wanted, range):
            raise BlockRequestError(f"{name!r} is pooled by {factor} but not asked as a range; pool works along [start, stop] only")
        if isinstance(wanted, Reduction):
            return Along(name, axis.range, kept=False, reduction=wanted.how)
        if isinstance(wanted, int):
            if not first <= wanted <= last:
                raise BlockRequestError(f"{name}={wanted} is outside {self.field!r}, where {name} runs from {first} to {last}")
            return Along(name, range(wanted, wanted + 1), kept=False)
        if not len(wanted):
            raise BlockRequestError(f"an empty range or list came for {name!r}; ask for at least one place")
        if isinstance(wanted, range):
            if wanted.step != 1 or wanted[0] < first or wanted[-1] > last:
                raise BlockRequestError(f"{name} {_spoken(wanted)} is outside {self.field!r}, where {name} runs from {first} to {last}")
            if (wanted.start - first) % factor:
                raise BlockRequestError(
                    f"{name} starts at {wanted.start} and is pooled by {factor}; a range starts a multiple of its factor after {first}"
                )
            return Along(name, wanted, pool=factor)
        outside = [place for place in wanted if not first <= place <= last]
        if outside:
            raise BlockRequestError(f"{name}={outside[0]} is outside {self.field!r}, where {name} runs from {first} to {last}")
        return Along(name, wanted)


def parse_index(raw: Any, coordinate: str) -> Index:
    """What is asked along one coordinate, from its JSON."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, Sequence) and not isinstance(raw, str):
        if len(raw) != 2:
            raise BlockRequestError(
                f'{coordinate!r} came as a list of {len(raw)}; a range is [start, stop], single places are {{"list": [...]}}'
            )
        start, stop = (_integer(end, f"an end of {coordinate!r}") for end in raw)
        if stop < start:
            raise BlockRequestError(f"{coordinate!r} came as [{start}, {stop}]; stop is excluded and not below start")
        return range(start, stop)
    if isinstance(raw, Mapping) and len(raw) == 1:
        ((kind, value),) = raw.items()
        if kind == "list" and isinstance(value, Sequence) and not isinstance(value, str):
            return tuple(_integer(place, f"a place in the list of {coordinate!r}") for place in value)
        if kind == "reduce":
            return Reduction(value)
    raise BlockRequestError(
        f"{_seen(raw)} came for {coordinate!r}; expected an integer, [start, stop], "
        f'{{"list": [...]}} or {{"reduce": one of {", ".join(REDUCTIONS)}}}'
    )


def index_to_json(wanted: Index) -> Any:
    """The JSON that `parse_index` reads."""
    if isinstance(wanted, Reduction):
        return {"reduce": wanted.how}
    if isinstance(wanted, range):
        return [wanted.start, wanted.stop]
    if isinstance(wanted, tuple):
        return {"list": list(wanted)}
    return wanted


def as_index(wanted: Any, axis: Axis) -> Index:
    """What Python callers write along `axis` (int, slice, range, sequence of ints, name of a reduction) as an Index."""
    if isinstance(wanted, Reduction):
        return wanted
    if isinstance(wanted, str):
        return Reduction(wanted)
    if wanted is None:
        return axis.range
    if isinstance(wanted, slice):
        start = axis.start if wanted.start is None else as_integer(wanted.start)
        stop = axis.start + axis.size if wanted.stop is None else as_integer(wanted.stop)
        wanted = range(start, stop, 1 if wanted.step is None else as_integer(wanted.step))
    if isinstance(wanted, range):
        return wanted if wanted.step == 1 else tuple(wanted)
    try:
        return as_integer(wanted)
    except TypeError:
        pass
    try:
        return tuple(as_integer(place) for place in wanted)
    except TypeError:
        raise BlockRequestError(
            f"{axis.coordinate}={wanted!r} came; expected an int, a slice, a range, a list of ints or one of {', '.join(REDUCTIONS)}"
        ) from None


def _integer(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BlockRequestError(f"{what} must be an integer; {_seen(value)} came")
    return value


def _spoken(wanted: range) -> str:
    return f"[{wanted.start}, {wanted.stop}]" + ("" if wanted.step == 1 else f" in steps of {wanted.step}")


def _seen(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
