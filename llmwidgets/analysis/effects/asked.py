"""What an effect is asked of: layers that have the site, places within the run, and what takes a part's place.

Always true: these are checked before any pass; what comes back counts from 0, and no place stands in it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from llmwidgets.experiments.edits import require_site, sites_of
from llmwidgets.experiments.places import listed, within
from llmwidgets.experiments.replacement import ZERO, Replacement

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

REPLACEMENTS = ("zero", "mean", "resample")


def replacement_of(run: Capture, replacement: str, references: Iterable[Any]) -> Replacement:
    """The Replacement called "zero", "mean" or "resample"."""
    if hasattr(references, "token_ids") or isinstance(references, str):
        raise TypeError("references is one prompt; give a list of them: references=[...]")
    references = list(references)
    if replacement not in REPLACEMENTS:
        raise ValueError(f"replacement={replacement!r} came; expected one of {', '.join(REPLACEMENTS)}")
    if replacement == "zero":
        if len(references):
            raise ValueError('references came, but replacement="zero" uses none; say replacement="mean" or "resample"')
        return ZERO
    if not len(references) or (replacement == "resample" and len(references) != 1):
        wanted = "prompts to take the mean over" if replacement == "mean" else "exactly one prompt to take the value from"
        raise ValueError(
            f"replacement={replacement!r} came with {len(references)} references; give references=[...]: {wanted}, "
            f"each a capture (run.again(text)) of {run.n_tokens} tokens, as this prompt"
        )
    return Replacement.mean(references) if replacement == "mean" else Replacement.other(references[0])


def captures_among(references: Sequence[Any]) -> list[Capture]:
    """The references that are captured already; the others are token ids."""
    return [other for other in references if hasattr(other, "token_ids")]


def places_within(given: Any, size: int, name: str) -> list[int]:
    """One place or several, each from -size to size - 1, as a list that counts from 0. IndexError for one outside,
    ValueError where one comes twice."""
    found = within(listed(given, name), size, name.removesuffix("s"))
    if len(set(found)) < len(found):
        raise ValueError(f"{name}={given!r} names a place twice; name each once")
    return found


def layers_of(run: Capture, layers: Sequence[int] | int | None, site: str) -> list[int]:
    """The layers asked for, from 0; for None those that have the site. UndefinedHereError where one asked for lacks it, or all do."""
    if layers is not None:
        found = places_within(layers, run.n_layers, "layers")
        for layer in found:
            require_site(run, site, layer)
        return found
    having = [layer for layer in range(run.n_layers) if site in sites_of(run, layer)]
    if not having:
        require_site(run, site, 0)  # says why
    return having
