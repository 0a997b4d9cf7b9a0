"""The fields that a view offers for a run: the run's own, and arrays of the user's.

Always true: a field that cannot be made is left out and named as a problem; the others still show.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from ..analysis import axes_of
from ..fields import Field, from_array
from .traits import problem_of_field

if TYPE_CHECKING:
    from ..capture import Capture

log = logging.getLogger("llmwidgets")


def fields_of(run: Capture) -> tuple[dict[str, Field], list[dict[str, Any]]]:
    """The run's fields by name, and a problem for each that could not be made."""
    fields, problems = {}, []
    for name in run.fields:
        try:
            fields[name] = run.field(name)
        except Exception as error:
            log.warning("the field %s could not be made", name, exc_info=error)
            problems.append(problem_of_field(name, error))
    return fields, problems


def user_field(array: Any, run: Capture, **described: Any) -> Field:
    """An array of the user's as a field of this run; a Field stays as it is, but for a name and evidence given anew."""
    if hasattr(array, "pattern"):  # a Capture: it has a `detach` as tensors do, and must not be taken for one
        raise TypeError(f"a {type(array).__name__} is no array; add one of its fields: view.add(run.field(name), name=...)")
    if isinstance(array, Field):
        _check_sizes(array, run)
        given = {key: value for key, value in described.items() if value is not None and key != "dims"}
        return dataclasses.replace(array, **given)
    return from_array(array, axes_of(run), **described)


def _check_sizes(field: Field, run: Capture) -> None:
    """ValueError for a field of a run of another shape: its places would stand beside the wrong tokens."""
    known = axes_of(run)
    for axis in field.axes:
        own = known.get(axis.coordinate)
        starts = (-1, 0) if axis.coordinate == "layer" else (0,)  # the embedding may stand before the first layer
        if own is not None and (axis.start not in starts or axis.start + axis.size != own.size):
            raise ValueError(
                f"the field {field.name!r} has {axis.size} along {axis.coordinate}; this run has {own.size}. Show the run that it is of"
            )
