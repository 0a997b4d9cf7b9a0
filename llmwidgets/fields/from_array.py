"""A user's own array as a field: NumPy, torch, xarray or nested lists, with its dimensions named or recognised by their sizes.

Always true: the numbers are copied, so later changes to the array do not move the picture; NaN and infinities stay; masked places of a
NumPy masked array are absent, not zero. Without `evidence=` a field is `unstated`, whatever the array's attributes say, for
arithmetic keeps old attributes. Sizes alone decide only where one reading fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .axis import Axis
from .field import Field
from .half import ABSENT, VALUE
from .scale import Scale
from .stream import Cells, Places

READINGS: tuple[tuple[str, ...], ...] = (
    ("layer",), ("head",), ("position",),
    ("layer", "head"), ("layer", "position"), ("head", "position"), ("query", "key"),
    ("layer", "head", "query"), ("head", "query", "key"), ("layer", "query", "key"),
    ("layer", "head", "query", "key"),
)  # fmt: skip
"""What the dimensions of an array without names may mean, in this order of dimensions."""


def from_array(
    array: Any,
    axes: Mapping[str, Axis],
    *,
    name: str | None = None,
    dims: Sequence[str] | None = None,
    unit: str | None = None,
    evidence: str | None = None,
    title: str | None = None,
    caveat: str | None = None,
) -> Field:
    """A field over `array`.

    axes: the run's axes by coordinate (llmwidgets.analysis.axes_of gives them); dims may name others, which become axes of their own
    dims: a name for each dimension; left out, an xarray's own names, or else the one reading that its sizes allow
    Raises ValueError where names or sizes do not fit, TypeError for what is no array of numbers.

    >>> axes = {"layer": Axis("layer", 2), "head": Axis("head", 3), "position": Axis("position", 5)}
    >>> from_array([[1, 2, 3], [4, 5, 6]], axes, name="mine").coordinates
    ('layer', 'head')
    """
    attrs: Mapping[str, Any] = {}
    coordinates: Mapping[str, Any] = {}
    if hasattr(array, "data_vars"):
        variables = [str(variable) for variable in array.data_vars]
        raise TypeError(f"a Dataset of {', '.join(variables)} came; add one of them: dataset[{(variables or ['...'])[0]!r}]")
    if hasattr(array, "dims") and hasattr(array, "coords") and hasattr(array, "values"):  # an xarray.DataArray
        attrs = array.attrs if evidence is not None else {}
        name = name or array.name
        dims = dims or tuple(str(dim) for dim in array.dims)
        coordinates = {str(dim): array.coords[dim].values for dim in array.dims if dim in array.coords}
    values, state = _numbers(array)
    if dims is None:
        dims = _recognised(values.shape, axes)
    dims = (dims,) if isinstance(dims, str) else tuple(dims)
    if len(dims) != values.ndim:
        raise ValueError(f"dims {dims} name {len(dims)} dimensions; the array has {values.ndim}, of shape {values.shape}")
    own = tuple(_axis(dim, size, axes, coordinates.get(dim)) for dim, size in zip(dims, values.shape, strict=True))
    valued = values if state is None else values[state == VALUE]
    signed = bool(np.any(valued[np.isfinite(valued)] < 0))
    name = str(name or "array")
    return Field(
        name=name,
        title=title or str(attrs.get("title", name)),
        axes=own,
        unit=unit if unit is not None else str(attrs.get("unit", "")),
        reader=_ArrayReader(values, state, own),
        scale=Scale("diverging" if signed else "sequential"),
        evidence=evidence or "unstated",
        caveat=caveat if caveat is not None else str(attrs.get("caveat", "")),
        method=str(attrs.get("method", "")),
    )


class _ArrayReader:
    def __init__(self, values: np.ndarray, state: np.ndarray | None, axes: tuple[Axis, ...]) -> None:
        self._values, self._state, self._axes = values, state, axes

    def __call__(self, index: Mapping[str, Places]) -> Cells:
        at = np.ix_(*(np.asarray(index[axis.coordinate], np.intp) - axis.start for axis in self._axes))
        return Cells(self._values[at], None if self._state is None else self._state[at])


def _numbers(array: Any) -> tuple[np.ndarray, np.ndarray | None]:
    if type(array).__module__.partition(".")[0] == "torch":  # a tensor, without importing torch
        array = array.detach().cpu()
        if str(array.dtype) == "torch.bfloat16":
            array = array.float()
        array = array.numpy()
    mask = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
    try:
        values = np.asarray(array)
    except ValueError as error:
        raise TypeError(f"the lists that came have no common shape ({error}); give every row the same length") from error
    if values.dtype.kind not in "biuf":
        raise TypeError(f"an array of {values.dtype} came; expected real numbers")
    if values.ndim == 0 or values.size == 0:
        raise ValueError(f"an array of shape {values.shape} came; expected at least one dimension and one number")
    with np.errstate(over="ignore"):
        values = np.array(values, np.float32)  # a copy
    if mask is None or not mask.any():
        return values, None
    values[mask] = np.nan
    return values, np.where(mask, ABSENT, VALUE).astype(np.uint8)


def _recognised(shape: tuple[int, ...], axes: Mapping[str, Axis]) -> tuple[str, ...]:
    fitting = [
        reading
        for reading in READINGS
        if len(reading) == len(shape) and all(name in axes and axes[name].size == size for name, size in zip(reading, shape, strict=True))
    ]
    if len(fitting) == 1:
        return fitting[0]
    sizes = ", ".join(f"{name} {axis.size}" for name, axis in axes.items())
    if not fitting:
        raise ValueError(
            f'an array of shape {shape} came; nothing of this run has these sizes ({sizes}). Name its dimensions: dims=("layer", ...)'
        )
    choices = " or ".join(str(reading) for reading in fitting)
    raise ValueError(f"an array of shape {shape} came and could be {choices} of this run ({sizes}). Say which: dims={fitting[0]}")


def _axis(dim: str, size: int, axes: Mapping[str, Axis], places: Any) -> Axis:
    known = axes.get(dim)
    integers = places is not None and np.asarray(places).dtype.kind in "iu"
    if known is None:
        labels = None if places is None or integers else tuple(str(place) for place in places)
        start = int(places[0]) if integers and np.array_equal(places, np.arange(places[0], places[0] + size)) else 0
        return Axis(dim, size, labels=labels, start=start)
    if not integers:
        if size != known.size:
            raise ValueError(f"the dimension {dim!r} has size {size}; this run's {dim} has {known.size}")
        return known
    first, last = int(places[0]), int(places[-1])
    if not np.array_equal(places, np.arange(first, first + size)):
        raise ValueError(
            f"the {dim} coordinate of the array skips or repeats places ({first} to {last}, {size} of them); give a gapless range"
        )
    least = -1 if dim == "layer" else known.start  # the embedding may stand before the first layer
    if first < least or last > known.range[-1]:
        raise ValueError(
            f"the {dim} coordinate of the array runs from {first} to {last}; this run's {dim} from {known.start} to {known.range[-1]}"
        )
    if first == known.start and size == known.size:
        return known
    labels = None
    if known.labels is not None and first >= known.start:
        labels = known.labels[first - known.start : first - known.start + size]
    return Axis(dim, size, labels=labels, stack=known.stack, start=first)
