"""A field: a named quantity over shared coordinates, computed only where it is asked for.

Always true: a field holds no numbers of its own beyond what its reader keeps; it carries its unit, scale, kind of evidence and one sentence
of what it can and cannot tell. Who draws it, and which slice, is decided elsewhere (slicing.py, the views).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .axis import Axis
from .block import Block
from .evidence import evidence
from .half import ABSENT, MASKED, PENDING, VALUE
from .request import BlockRequest, BlockRequestError, as_index
from .scale import Scale
from .stream import BAND, Reader, compute

if TYPE_CHECKING:
    import xarray

MOST_READ = 1 << 27
"""Most cells that `Field.read` builds (512 MiB of float32)."""

_TOKEN_NAMES = {"query": "query_token", "key": "key_token", "position": "token"}


@dataclass(frozen=True)
class Reference:
    """A number to hold a field's values against, such as what uniform attention would give."""

    value: float
    label: str

    def to_json(self) -> dict[str, Any]:
        return {"value": float(self.value), "label": self.label}


@dataclass(frozen=True)
class CellExtra:
    """What a single cell can tell beside its number: its word, a list of words with numbers, further quantities."""

    text: str | None = None
    detail: tuple[tuple[str, float], ...] = ()
    more: tuple[tuple[str, float, str], ...] = ()  # label, value, unit


@dataclass(frozen=True, eq=False)
class Field:
    """A quantity over `axes`.

    reader: computes cells (see stream.Reader); values float32 or float64
    reference: a Reference, or a function that makes one when it is first asked for, or None
    cell_reader: `(index: {coordinate: int}) -> CellExtra`, or None
    band: about how many cells the reader is asked for at once
    forbidden: what a cell that a mask forbids comes to beside another run that has a value there (attention: 0), or None: nothing

    >>> import numpy as np
    >>> from llmwidgets.fields.stream import Cells
    >>> size = Field("size", "size", (Axis("layer", 3),), "", lambda index: Cells(np.array(index["layer"], np.float32) * 2))
    >>> size.read(layer=[0, 2]).values.tolist()
    [0.0, 4.0]
    """

    name: str
    title: str
    axes: tuple[Axis, ...]
    unit: str
    reader: Reader
    scale: Scale = field(default_factory=Scale)
    evidence: str = "unstated"
    caveat: str = ""
    method: str = ""
    texts: bool = False
    reference: Reference | Callable[[], Reference | None] | None = None
    cell_reader: Callable[[Mapping[str, int]], CellExtra] | None = None
    band: int = BAND
    forbidden: float | None = None

    def __post_init__(self) -> None:
        evidence(self.evidence)
        names = [axis.coordinate for axis in self.axes]
        if len(set(names)) != len(names):
            raise ValueError(f"the field {self.name!r} has a coordinate twice: {', '.join(names)}")

    @property
    def coordinates(self) -> tuple[str, ...]:
        return tuple(axis.coordinate for axis in self.axes)

    def axis(self, coordinate: str) -> Axis:
        """The axis of a coordinate; KeyError names those there are."""
        for axis in self.axes:
            if axis.coordinate == coordinate:
                return axis
        raise KeyError(f"the field {self.name!r} has no coordinate {coordinate!r}; it has {', '.join(self.coordinates)}")

    def block(self, request: BlockRequest, cancelled: Callable[[], bool] | None = None) -> Block:
        """The asked-for block. Raises BlockRequestError for what the field cannot give, BlockCancelled once `cancelled()`."""
        return compute(self.reader, request.resolve(self.axes), self.scale.diverging, request.texts and self.texts, cancelled, self.band)

    def read(self, **index: Any) -> xarray.DataArray:
        """A labelled array of just the asked-for part.

        index: for each coordinate an int, a slice, a range, a list of ints, or "mean", "max", "sum", "absmax"; what is not named comes
        whole. Values are those of the coordinate itself: there is no counting from the end. float32; NaN where a mask forbids the cell,
        there is none, or it is not computed yet.
        """
        import xarray

        for name in index:
            if name not in self.coordinates:
                raise BlockRequestError(f"the field {self.name!r} has no coordinate {name!r}; it has {', '.join(self.coordinates)}")
        wanted = {axis.coordinate: as_index(index.get(axis.coordinate), axis) for axis in self.axes}
        alongs = BlockRequest(self.name, wanted).resolve(self.axes, most_cells=MOST_READ)
        block = compute(self.reader, alongs, self.scale.diverging, band=self.band)
        coordinates: dict[str, Any] = {}
        for along in alongs:
            if along.reduction:
                continue
            places = list(along.wanted)
            axis = self.axis(along.coordinate)
            labels = None if axis.labels is None else [axis.labels[place - axis.start] for place in places]
            label_name = _TOKEN_NAMES.get(along.coordinate, f"{along.coordinate}_label")
            if along.kept:
                coordinates[along.coordinate] = places
                if labels is not None:
                    coordinates[label_name] = (along.coordinate, np.array(labels, dtype=object))
            else:
                coordinates[along.coordinate] = places[0]
                if labels is not None:
                    coordinates[label_name] = labels[0]
        reductions = {along.coordinate: along.reduction for along in alongs if along.reduction}
        attrs = {"title": self.title, "unit": self.unit, "evidence": self.evidence, "caveat": self.caveat, "method": self.method}
        if reductions:
            attrs["reduced"] = ", ".join(f"{how} over {coordinate}" for coordinate, how in reductions.items())
        return xarray.DataArray(block.values, dims=block.dims, coords=coordinates, name=self.name, attrs=attrs)

    def cell(self, **index: int) -> dict[str, Any]:
        """One cell as docs/protocol.md has it: the exact float32, its state, and what else the cell can tell."""
        for name, place in index.items():
            if isinstance(place, bool) or not isinstance(place, (int, np.integer)):
                raise BlockRequestError(f"a cell is one place of every coordinate; {name}={place!r} came")
        places = {name: int(place) for name, place in index.items()}
        block = compute(self.reader, BlockRequest(self.name, places).resolve(self.axes))
        value = float(block.values)
        state = VALUE if block.state is None else int(block.state)
        extra = CellExtra()
        if self.cell_reader is not None and state == VALUE:
            extra = self.cell_reader(places)
        return {
            "value": value if state == VALUE and np.isfinite(value) else None,
            "state": _state_word(value, state),
            "text": extra.text,
            "detail": [{"text": text, "value": _finite(number)} for text, number in extra.detail],
            "more": [{"label": label, "value": _finite(number), "unit": unit} for label, number, unit in extra.more],
        }

    def meta(self) -> dict[str, Any]:
        """This field's description, as docs/protocol.md has it."""
        reference = self.reference() if callable(self.reference) else self.reference
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "axes": [axis.to_json() for axis in self.axes],
            "scale": self.scale.to_json(),
            "evidence": self.evidence,
            "caveat": self.caveat,
            "texts": self.texts,
            "reference": None if reference is None else reference.to_json(),
        }

    def __repr__(self) -> str:
        axes = " × ".join(f"{axis.coordinate} {axis.size}" for axis in self.axes)
        return f"Field({self.name}: {axes}; {self.unit or 'no unit'}; {evidence(self.evidence).word})"


def _state_word(value: float, state: int) -> str:
    if state == MASKED:
        return "masked"
    if state == ABSENT:
        return "absent"
    if state == PENDING:
        return "pending"
    if np.isnan(value):
        return "nan"
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    return "value"


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
