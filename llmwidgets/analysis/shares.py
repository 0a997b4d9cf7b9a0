"""Shares of attention on telling keys: the first token, the previous one, itself, earlier copies, and what came after those.

Always true: each share stands beside what uniform attention over the allowed keys would give, on the same rows (head_sweep.py has the
definitions). These are measured on this very prompt, so chance and repetition in it show: a score over random sequences is another thing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from llmwidgets.fields.field import Field

from .given import require_capture
from .head_fields import head_array, head_field, labelled

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

UNIT = "share"
_MATCH = "On this prompt, a pattern match, not a mechanism: confirm by ablation."

TITLES = {
    "first": "share to the first token",
    "previous": "share to the previous token",
    "self": "share to the token itself",
    "duplicate": "share to earlier copies of the token",
    "after_duplicate": "share to what followed an earlier copy",
}
CAVEATS = {
    "first": f"Attention on the first token, often where a head rests that has nothing to do. {_MATCH}",
    "previous": f"Attention on the token just before. {_MATCH}",
    "self": f"Attention of a token on its own position. {_MATCH}",
    "duplicate": f"Attention on earlier copies of the same token; absent where there is none. {_MATCH}",
    "after_duplicate": f"Attention on tokens that followed an earlier copy, as induction heads do; absent where there is none. {_MATCH}",
}
METHODS = {
    "first": "sum of the weights on key 0",
    "previous": "weight on key t - 1",
    "self": "weight on key t",
    "duplicate": "sum of the weights on keys s < t with the same token",
    "after_duplicate": "sum of the weights on keys s < t whose preceding token is the query's (prefix matching, Olsson et al. 2022)",
}


def attention_to_first(run: Capture) -> xarray.DataArray:
    """Share of each query's attention on the first token, (layer, head, query) float32, from 0 to 1.

    NaN where there is no choice (the first query of a causal model), where the mask forbids the first token, and for heads that a layer
    lacks. The coordinate `uniform` has what uniform attention would give. `.mean("query")` is the head's.
    """
    require_capture(run)
    array = _share(run, "first", "attention_to_first")
    return array.assign_coords(uniform=(array.dims, head_array(run, "first", uniform=True)))


def attention_shares(run: Capture) -> xarray.Dataset:
    """Shares of each query's attention on its previous token, itself, earlier copies of itself, and what followed those.

    A Dataset of `to_previous`, `to_self`, `to_duplicate`, `to_after_duplicate` and, for each, `..._uniform`: (layer, head, query) float32,
    from 0 to 1. NaN where a share is undefined: no such key is allowed, or no other is. Share and uniform are NaN on the same rows, so
    their means over `query` compare.

        shares = lw.attention_shares(run).mean("query")
        shares.to_previous - shares.to_previous_uniform      # (layer, head): above what chance gives
    """
    require_capture(run)
    import xarray

    variables = {}
    for measure in ("previous", "self", "duplicate", "after_duplicate"):
        variables[f"to_{measure}"] = _share(run, measure, f"to_{measure}")
        variables[f"to_{measure}_uniform"] = _share(run, measure, f"to_{measure}_uniform", uniform=True)
    return xarray.Dataset(variables, attrs={"unit": UNIT, "evidence": "observation", "caveat": _MATCH})


def share_field(run: Capture, name: str, measure: str) -> Field:
    """The field of one share, (layer, head, query)."""
    return head_field(
        run,
        name,
        measure,
        title=TITLES[measure],
        unit=UNIT,
        caveat=CAVEATS[measure],
        method=METHODS[measure],
        high=1.0,
        power=0.5,
    )


attention_to_first_field = partial(share_field, name="attention_to_first", measure="first")
to_previous_field = partial(share_field, name="to_previous", measure="previous")
to_self_field = partial(share_field, name="to_self", measure="self")
to_duplicate_field = partial(share_field, name="to_duplicate", measure="duplicate")
to_after_duplicate_field = partial(share_field, name="to_after_duplicate", measure="after_duplicate")


def _share(run: Capture, measure: str, name: str, uniform: bool = False) -> xarray.DataArray:
    method = "uniform attention over the allowed keys" if uniform else METHODS[measure]
    attrs = {"title": TITLES[measure], "unit": UNIT, "evidence": "observation", "caveat": CAVEATS[measure], "method": method}
    return labelled(run, head_array(run, measure, uniform), name, attrs)
