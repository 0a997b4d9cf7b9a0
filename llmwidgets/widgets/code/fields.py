"""The end of "show the code": the line or lines that compute a field's numbers, in the form in which a panel draws them.

Always true: the last line assigns `found`; a (layer, head) field is the whole grid, a pattern that of the head under the cursor, the next
token that of its position. `run`, `second`, `changed` and `metric` are names that runs.py's lines made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GRIDS_OVER_QUERIES = ("attention_entropy", "attention_to_first", "to_previous", "to_self", "to_duplicate", "to_after_duplicate")
PLANES = ("residual_norm", "lens_entropy", "lens_kl", "logit_lens")
FIELDS = (*GRIDS_OVER_QUERIES, *PLANES, "attention", "edge_contribution", "norm_weighted_attention", "next_token")
SHOWN_RANKS = 10  # next tokens of a position

Pairs = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Spot:
    """Where the cursor stands, every place given."""

    layer: int
    head: int
    position: int

    @classmethod
    def of(cls, cursor: Mapping[str, object], n_tokens: int) -> Spot:
        """A cursor's places; what it leaves open is the first layer and head, and the last position, as is one that another prompt has."""

        def place(name: str, otherwise: int) -> int:
            found = cursor.get(name)
            return found if isinstance(found, int) and not isinstance(found, bool) else otherwise

        return cls(place("layer", 0), place("head", 0), min(place("query", n_tokens - 1), n_tokens - 1))

    @property
    def at_head(self) -> str:
        return f"layer={self.layer}, head={self.head}"


@dataclass(frozen=True)
class Tokens:
    """Which positions are read: all, or those of the pairs, under a name that the code has for them."""

    name: str = ""

    def read(self, *coordinates: str) -> str:
        return "".join(f", {coordinate}={self.name}" for coordinate in coordinates) if self.name else ""


def expression(name: str, run: str, metric: str, spot: Spot, tokens: Tokens) -> str:
    """The numbers of one of FIELDS of one run, as an expression."""
    if name in GRIDS_OVER_QUERIES:
        return f"{run}.field({name!r}).read({tokens.read('query')[2:]})" if tokens.name else f'{run}.field({name!r}).read(query="mean")'
    if name in PLANES:
        return f"{run}.field({name!r}).read({tokens.read('position')[2:]})"
    if name == "attention":
        return f"{run}.pattern({spot.at_head}{tokens.read('queries', 'keys')})"
    if name == "edge_contribution":
        return f"lw.edge_contribution({run}, {metric}).read({spot.at_head}{tokens.read('query', 'key')})"
    if name == "norm_weighted_attention":
        return f"lw.norm_weighted_attention({run}).read({spot.at_head}{tokens.read('query', 'key')})"
    return f"{run}.field({name!r}).read(position={spot.position})"


def difference(name: str, after: str, before: str, metrics: tuple[str, str], spot: Spot, pairs: Pairs | None) -> list[str]:
    """Lines that compute after - before of one of FIELDS. pairs: (position of before, of after) where they are not simply the same."""
    if name == "next_token":
        return _next_token_difference(after, before, spot, pairs)
    there, here = (Tokens(), Tokens()) if pairs is None else (Tokens("there"), Tokens("here"))
    lines = [] if pairs is None else _paired(pairs)
    if name == "logit_lens":
        return lines + _lens_difference(after, before, there, here)
    new, old = expression(name, after, metrics[0], spot, there), expression(name, before, metrics[1], spot, here)
    if pairs is None or name == "attention":
        return [*lines, f"found = {new} - {old}"]
    axes = ("query",) if name in GRIDS_OVER_QUERIES else ("position",) if name in PLANES else ("query", "key")
    moved = f"new.assign_coords({', '.join(f'{axis}=here' for axis in axes)})"
    found = f'({moved} - old).mean("query")' if name in GRIDS_OVER_QUERIES else f"{moved} - old"
    return [*lines, f"old = {old}", f"new = {new}", f"found = {found}"]


def _paired(pairs: Pairs) -> list[str]:
    return [
        "# positions that stand for each other",
        f"here = {[int(first) for first, _ in pairs]}",
        f"there = {[int(second) for _, second in pairs]}",
    ]


def _lens_difference(after: str, before: str, there: Tokens, here: Tokens) -> list[str]:
    moved = ".assign_coords(position=here)" if here.name else ""
    return [
        "import xarray",
        f"old = lw.logit_lens({before}, k=1{here.read('positions')}).isel(rank=0)  # the word on top before, at each layer and position",
        "new = [",
        f"    lw.logit_lens({after}, k=1, layers=[layer]{there.read('positions')}, target=old.top_id.sel(layer=layer).values)",
        "    for layer in old.layer.values.tolist()",
        "]",
        f"found = xarray.concat([each.target_probability for each in new], 'layer'){moved} - old.probability",
    ]


def _next_token_difference(after: str, before: str, spot: Spot, pairs: Pairs | None) -> list[str]:
    there = spot.position if pairs is None else {int(here): int(there) for here, there in pairs}.get(spot.position)
    if there is None:
        return [f"# position {spot.position} has no partner in the other prompt, so there is no difference", "found = float('nan')"]
    each = ((before, spot.position, "old"), (after, there, "new"))
    return [
        "import torch",
        *(f'{into} = {run}.read_out({run}["resid_post", {run}.n_layers - 1][[{at}]])[0].softmax(-1)' for run, at, into in each),
        f"likeliest = torch.cat([old.topk({SHOWN_RANKS}).indices, new.topk({SHOWN_RANKS}).indices]).unique()",
        f"most = likeliest[(new - old)[likeliest].abs().argsort(descending=True, stable=True)[:{SHOWN_RANKS}]]",
        "words = run.token_text(most.tolist())",
        "found = (new - old)[most]",
    ]
