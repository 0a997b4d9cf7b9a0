"""One place of a result: its values, and what stands there in words.

Always true: every coordinate of the result is given, or has one place only; a place that does not exist, or a coordinate left open, is an
error that says what there is. What the values mean is for the sentences to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .figures import spans

if TYPE_CHECKING:
    import xarray

_STREAM = {
    "resid_pre": "the residual stream before layer {layer}",
    "resid_mid": "the residual stream inside layer {layer}",
    "resid_post": "the residual stream after layer {layer}",
    "attn_out": "the attention of layer {layer}",
    "mlp_out": "the MLP of layer {layer}",
}
_PARTS = {
    "mlp": "the MLP",
    "attention": "the attention",
    "bias": "the attention's bias",
    "mlp_bias": "the MLP's bias",
    "norm_bias": "the norms' bias",
    "embed": "the embedding",
    "position_embed": "the position embedding",
}
_OF_HEAD = {"q": "the queries of", "k": "the keys of", "v": "the values of", "pattern": "the pattern of"}


class Spot:
    """The values at one place: `value("effect")`, `each("effect")` over prompts, `words`.

    >>> import xarray
    >>> array = xarray.DataArray([[1.0, 2.0]], dims=("layer", "head"), name="effect")
    >>> spot = Spot(array, {"layer": 0, "head": 1})
    >>> spot.value("effect"), spot.words
    (2.0, 'head 0.1')
    """

    def __init__(self, result: xarray.Dataset | xarray.DataArray, place: Mapping[str, Any]) -> None:
        data = result.to_dataset(name=result.name or "value") if hasattr(result, "to_dataset") else result
        self.part: str | None = None
        if place.get("part") in data.data_vars:  # a result whose parts are variables, not a coordinate
            self.part = str(place["part"])
            data, place = data[[self.part]], {name: at for name, at in place.items() if name != "part"}
        self._has_all = {str(name) for name, one in data.data_vars.items() if all(n in one.coords or n in one.dims for n in place)}
        self._dims = {str(name): [str(dim) for dim in one.dims if dim != "prompt"] for name, one in data.data_vars.items()}
        for name, at in place.items():
            data = _narrowed(data, str(name), at)
        data = data.squeeze([dim for dim, size in data.sizes.items() if size == 1 and dim != "prompt"])
        self._data, self.attrs = data, dict(result.attrs)
        self._place = {str(name): data.coords[name].item() for name in data.coords if data.coords[name].ndim == 0}
        self._place.update({str(name): at for name, at in place.items()})

    def __contains__(self, name: str) -> bool:
        return name in self._data.data_vars

    @property
    def names(self) -> list[str]:
        """Variables of numbers, but for the intervals and single points beside a mean."""
        beside = {f"{name}{end}" for name in self._data.data_vars for end in ("_low", "_high", "_each", "_samples", "_chance")}
        floats = [str(name) for name, variable in self._data.data_vars.items() if np.issubdtype(variable.dtype, np.number)]
        return [name for name in floats if name not in beside]

    @property
    def main(self) -> str:
        """The one variable that a sentence is about: `effect`, or the one that has all the given coordinates; ValueError for several."""
        if "effect" in self:
            if "effect" not in self._has_all:
                has = ", ".join(self._dims["effect"]) or "no coordinate: one change was made"
                raise ValueError(f"the effect is not by all of these coordinates; it is by {has}")
            return "effect"
        names = [name for name in self.names if name in self._has_all]
        if len(names) != 1:
            raise ValueError(f"the result has the parts {', '.join(names)} there; give part= one of them" if names else "no numbers there")
        return names[0]

    def value(self, name: str) -> float:
        """The number there; NaN where the result has no such variable. ValueError for a coordinate left open."""
        return float("nan") if name not in self else float(self._scalar(name))

    def is_one(self, name: str) -> bool:
        """Whether the variable is there, with no coordinate left open."""
        return name in self and not set(self._data[name].dims) - {"prompt"}

    def row(self, name: str, along: str) -> np.ndarray:
        """The values along the one coordinate that is left; ValueError where others are left too."""
        variable = self._data[name]
        left = [str(dim) for dim in variable.dims if dim not in (along, "prompt")]
        if left:
            raise ValueError(_open(variable, left))
        return np.atleast_1d(variable.values)

    def each(self, name: str) -> np.ndarray:
        """The single points over prompts, (prompt,) float64; empty where there are none."""
        return np.asarray(self._scalar(f"{name}_each"), np.float64) if f"{name}_each" in self else np.empty(0)

    def at(self, name: str) -> Any:
        """Where the place is on a coordinate, or None."""
        return self._place.get(name)

    @property
    def words(self) -> str:
        """What stands there: "head 0.1", "the MLP of layer 2 at position 5", ..."""
        return self.named()

    def named(self, at: str = "at", variable: str = "") -> str:
        """The same; `at` is the preposition before a position, `variable` the one that the sentence is about, which may be a part."""
        site, layer, position = self.attrs.get("site", self.at("site")), self.at("layer"), self.at("position")
        head = self.at("head") if self.at("head") not in (None, -1) else None
        if position is not None:
            there = f" {at} {self.position('position')}"
        else:  # of a pattern, whole rows are changed
            there = f" {at} {self.position('query')}" if site == "pattern" and self.at("query") is not None else ""
        if self.at("part") is not None and self.at("kind") != "head":
            return f"the part {str(self.at('part'))!r}{there}"
        if self.at("neuron") is not None:
            return f"neuron {self.at('neuron')} of the MLP of layer {layer}{there}"
        if self.at("kv_head") is not None:
            return f"{_OF_HEAD.get(str(site), 'the')} key/value head {layer}.{self.at('kv_head')}{there}"
        if head is not None:
            of = f"{_OF_HEAD[site]} " if site in _OF_HEAD else ""
            return f"{of}head {layer}.{head}{there}"
        if self.part is not None or variable in _PARTS:
            part = self.part or variable
            return _PARTS.get(part, f"the part {part!r}") + (f" of layer {layer}" if layer is not None else "") + there
        if layer is not None:
            return _STREAM.get(str(site), "layer {layer}").format(layer=layer) + there
        return f"what was changed{there}"

    @property
    def changed(self) -> str:
        """What was changed there, with the positions where it was changed if these are not the place."""
        positions = self.attrs.get("positions")
        if any(self.at(name) is not None for name in ("position", "query")) or not isinstance(positions, (list, tuple)):
            return self.words
        return f"{self.words} at {spans('position', positions)}"

    def position(self, name: str) -> str:
        """A position with its token, where that is known."""
        token = self.at({"query": "query_token", "key": "key_token"}.get(name, "token"))
        return f"position {self.at(name)}" + (f" ({token!r})" if isinstance(token, str) else "")

    def _scalar(self, name: str) -> Any:
        variable = self._data[name]
        left = [str(dim) for dim in variable.dims if dim != "prompt"]
        if left:
            raise ValueError(_open(variable, left))
        return variable.values


def _open(variable: xarray.DataArray, left: list[str]) -> str:
    """What is said where a place is not one place."""
    sizes = ", ".join(f"{dim} ({variable.sizes[dim]} of them)" for dim in left)
    return f"the result is also by {sizes}; a sentence is about one place: give {', '.join(f'{dim}=' for dim in left)}"


def _narrowed(data: xarray.Dataset, name: str, at: Any) -> xarray.Dataset:
    """The part of the data where the coordinate `name` is `at`."""
    known = sorted({str(dim) for dim in data.dims if dim != "prompt"})
    if name == "prompt" or (name not in data.coords and name not in data.dims):
        raise ValueError(f"the result has no {name} to choose; it has {', '.join(known) or 'one place only'}")
    if name not in data.coords:
        places = np.arange(data.sizes[name])
        dim = name
    else:
        coord = data.coords[name]
        if coord.ndim == 0:
            places, dim = coord.values[None], None
        else:
            places, dim = coord.values, str(coord.dims[0])
    found = np.flatnonzero(places == at)
    if not len(found):
        there = ", ".join(map(str, places[:6])) + (f" ... {places[-1]}" if len(places) > 6 else "")
        raise ValueError(f"{name}={at!r} came, but the result has {name} {there}")
    return data if dim is None else data.isel({dim: found if len(found) > 1 else int(found[0])})
