"""Interventions as data: what is changed, where, and what takes its place.

Always true: an Intervention holds no tensors and no model; it can be compared, combined (`+`), printed, saved as JSON, and applied to
any run that has such places. Whether a run has them is found out when it is applied (`edits`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from llmwidgets.experiments.places import Places, places_of, several
from llmwidgets.experiments.replacement import CUT, ZERO, Replacement

STREAM_SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
HEAD_SITES = ("z", "q", "k", "v", "pattern")
SITES = (*STREAM_SITES, *HEAD_SITES, "mlp_post", "scores")
#: Coordinates that a site has beside the layer.
COORDINATES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(STREAM_SITES, ("position",)),
    **dict.fromkeys(HEAD_SITES, ("head", "position")),
    "mlp_post": ("neuron", "position"),
    "scores": ("head", "position", "key"),
}


@dataclass(frozen=True, repr=False)
class Intervention:
    """One change to a run. Each coordinate is None (everywhere), a whole number, or several; positions count from the end when negative.

    site: "z" (what a head reads, before its output matrix), "attn_out", "mlp_out" (what they add to the stream), "resid_pre",
    "resid_mid", "resid_post", "q", "k", "v" (as they enter the attention; of k and v with grouped heads, `head` counts the shared ones),
    "pattern" (whole rows: `position` is the query), "mlp_post" (neurons), or "scores": looks from `position` to `key`, which can be cut.
    replacement: ZERO, CUT (for scores), OWN, Replacement.mean(prompts), Replacement.other(prompt).

    >>> change = Intervention("z", layer=0, head=[0, 2]) + Intervention("scores", layer=1, position=-1, key=3)
    >>> print(change)
    z of heads 0.0, 0.2 set to zero
    looks from position -1 to position 3 cut in layer 1
    >>> Interventions.from_json(change.to_json()) == change
    True
    """

    site: str
    layer: Places = None
    head: Places = None
    position: Places = None
    key: Places = None
    neuron: Places = None
    replacement: Replacement | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.site not in SITES:
            raise ValueError(f"site={self.site!r} came; expected one of {', '.join(SITES)}")
        for coordinate in ("layer", "head", "position", "key", "neuron"):
            places = places_of(getattr(self, coordinate), coordinate)
            object.__setattr__(self, coordinate, places)
            if places is not None and coordinate != "layer" and coordinate not in COORDINATES[self.site]:
                has = ", ".join(("layer", *COORDINATES[self.site]))
                raise ValueError(f"{coordinate}={places!r} came, but {self.site} has no such coordinate; it has {has}")
        if self.replacement is None:
            object.__setattr__(self, "replacement", CUT if self.site == "scores" else ZERO)
        if not isinstance(self.replacement, Replacement):
            raise TypeError(f"replacement={self.replacement!r} came; expected a Replacement, such as ZERO")
        if (self.site == "scores") != (self.replacement.how == "cut"):
            raise ValueError(f"{self.site} came with the replacement {self.replacement.how!r}; scores are cut, and nothing else is")

    def __add__(self, other: Intervention | Interventions) -> Interventions:
        return Interventions((self,)) + other

    def __repr__(self) -> str:
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "site"}
        told = [f"{name}={value!r}" for name, value in given.items() if value is not None and value != ""]
        return f"Intervention({', '.join([repr(self.site), *told])})"

    def __str__(self) -> str:
        if self.name:
            return f"{self.name}: {self.in_words}"
        return self.in_words

    @property
    def in_words(self) -> str:
        """What is done, as a line."""
        assert self.replacement is not None
        where, at = f" {_in_layers(self.layer)}", _named("position", self.position)
        if self.site == "scores":
            heads = "" if self.head is None else f", {_heads(self.layer, self.head)}"
            return f"looks from {at} to {_named('position', self.key)} cut{where}{heads}"
        if self.site in HEAD_SITES:
            what = f"{self.site} of {_heads(self.layer, self.head)}"
        elif self.site == "mlp_post":
            what = f"{_named('neuron', self.neuron)}{where}"
        else:
            what = f"{self.site}{where}"
        return f"{what} {self.replacement.in_words}" + ("" if self.position is None else f" at {at}")

    def counted_in(self, n_layers: int, n_heads: int, n_tokens: int) -> Intervention:
        """The same with places that count from the end counted from 0; places outside stay as they are.

        >>> Intervention("scores", layer=-1, position=-1, key=3).counted_in(4, 4, 14)
        Intervention('scores', layer=3, position=13, key=3, replacement=Replacement('cut'))
        """
        sizes = {"layer": n_layers, "head": n_heads, "position": n_tokens, "key": n_tokens}

        def counted(places: Places, size: int) -> Places:
            if isinstance(places, tuple):
                return tuple(place + size if -size <= place < 0 else place for place in places)
            return places if places is None or not -size <= places < 0 else places + size

        return replace(self, **{name: counted(getattr(self, name), size) for name, size in sizes.items()})

    def to_json(self) -> dict[str, Any]:
        """Return plain data; what is everywhere (None) is left out."""
        data = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "replacement"}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in data.items() if value not in (None, "")}
        assert self.replacement is not None
        return {**plain, "replacement": self.replacement.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Intervention:
        """Return the Intervention of `to_json`'s data."""
        rest = {name: value for name, value in data.items() if name != "replacement"}
        given = data.get("replacement")
        return cls(**rest, replacement=None if given is None else Replacement.from_json(given))


class Interventions(Sequence[Intervention]):
    """Several changes that are made together, in this order."""

    def __init__(self, each: Iterable[Intervention] = ()) -> None:
        self._each = tuple(each)
        for one in self._each:
            if not isinstance(one, Intervention):
                raise TypeError(f"got {type(one).__name__} among interventions; expected Intervention")

    @classmethod
    def of(cls, given: Intervention | Iterable[Intervention]) -> Interventions:
        """Return one or several Interventions as Interventions."""
        return cls((given,)) if isinstance(given, Intervention) else given if isinstance(given, cls) else cls(given)

    def __getitem__(self, at: Any) -> Any:
        return Interventions(self._each[at]) if isinstance(at, slice) else self._each[at]

    def __len__(self) -> int:
        return len(self._each)

    def __iter__(self) -> Iterator[Intervention]:
        return iter(self._each)

    def __add__(self, other: Intervention | Iterable[Intervention]) -> Interventions:
        return Interventions((*self._each, *Interventions.of(other)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interventions) and self._each == other._each

    def __hash__(self) -> int:
        return hash(self._each)

    def __str__(self) -> str:
        return "\n".join(map(str, self._each)) or "nothing changed"

    def __repr__(self) -> str:
        return f"Interventions({list(self._each)!r})"

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain data."""
        return [one.to_json() for one in self._each]

    @classmethod
    def from_json(cls, data: Iterable[Mapping[str, Any]]) -> Interventions:
        """Return the Interventions of `to_json`'s data."""
        return cls(Intervention.from_json(one) for one in data)


def _named(noun: str, places: Places) -> str:
    if places is None:
        return f"every {noun}"
    each = several(places)
    if len(each) > 3 and each == tuple(range(each[0], each[-1] + 1)):
        return f"{noun}s {each[0]} to {each[-1]}"
    return f"{noun}{'s' if len(each) > 1 else ''} {', '.join(map(str, each))}"


def _in_layers(layer: Places) -> str:
    return "in " + _named("layer", layer)


def _heads(layer: Places, head: Places) -> str:
    layers, heads = several(layer), several(head)
    if head is None:
        return f"every head {_in_layers(layer)}"
    if len(layers) * len(heads) > 6 or layer is None:
        return f"{_named('head', head)} {_in_layers(layer)}"
    names = [f"{one}.{other}" for one in layers for other in heads]
    return f"head{'s' if len(names) > 1 else ''} {', '.join(names)}"
