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
    if isinstance(array, Field):
        given = {key: value for key, value in described.items() if value is not None and key != "dims"}
        return dataclasses.replace(array, **given)
    return from_array(array, axes_of(run), **described)
