"""A place of a result in words: the sentence of its method.

Always true: what a result says of itself (the attribute `method_name`) decides the sentence; a result that says nothing gets none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmwidgets.fields.field import Field

from . import attributions, changes
from .caveats import METHODS
from .spot import Spot

if TYPE_CHECKING:
    import xarray

_OF_FIELDS = {"edge_contribution": "edge_contribution", "norm_weighted_attention": "norm_weighted"}
"""What is read of a lazy field knows its method by its name."""

FINDINGS: dict[str, Callable[[Spot], str]] = {
    "ablation": changes.ablation,
    "knockout": changes.knockout,
    "denoise": changes.denoise,
    "noise": changes.noise,
    "attribution_patching": changes.attribution_patching,
    "direct_contribution": attributions.direct_contribution,
    "edge_contribution": attributions.edge_contribution,
    "decomposition": attributions.decomposition,
    "direct_and_total": changes.direct_and_total,
    "norm_weighted": attributions.norm_weighted,
    "rollout": attributions.rollout,
    "head_scores": attributions.head_scores,
    "logit_lens": attributions.logit_lens,
}


def in_words(result: xarray.Dataset | xarray.DataArray, **place: Any) -> str:
    """One place of a result as a plain sentence with its numbers; public as `lw.in_words`.

    place: layer=, head=, position=, ...: the result's coordinates, as they stand in it (they do not count from the end); part= is one of
    its variables where those are the parts (direct logit attribution)

    What counts as hardly any effect: under 2 % of the value before (and under 0.01 logits or nats, 0.001 of probability, where that is
    more). Fewer than six prompts get their numbers and no verdict. Raises ValueError where the result does not say its method, or the place
    is none or more than one; TypeError for a lazy field, of which a place is read first.

    >>> import xarray
    >>> attrs = {"method_name": "ablation", "replacement": "zero", "metric": "probability of ' Mary' at position 13",
    ...          "quantity": "probability", "before": {"probability": 0.982}}
    >>> in_words(xarray.Dataset({"effect": ("head", [-0.75])}, {"layer": 0, "head": [3]}, attrs), head=3)
    "Setting head 0.3 to zero lowers the probability of ' Mary' at position 13 from 0.982 to 0.232 (-0.750): it worked for the target, on
    this prompt. Another replacement may rank heads differently."
    """
    method = getattr(result, "attrs", {}).get("method_name", _OF_FIELDS.get(str(getattr(result, "name", ""))))
    if method not in METHODS:
        came = f"a {type(result).__name__}" + (
            f" with method_name={method!r}" if method is not None else " without the attribute method_name"
        )
        raise ValueError(f"{came} came; expected a result of one of the analyses: {', '.join(METHODS)}")
    if isinstance(result, Field):
        example = ", ".join(f"{axis.coordinate}={axis.start + (axis.size - 1) * (axis.coordinate == 'query')}" for axis in result.axes)
        raise TypeError(f"the field {result.name!r} came, which is lazy: read a place of it first, such as in_words(field.read({example}))")
    return FINDINGS[method](Spot(result, place))
