"""Which looks a sentence is about: whose they are, from which positions to which.

Always true: what is named is exactly what was cut or read, as far as the result tells it (`attrs["heads"]`, `["layers"]`, `["looks"]`,
`["window"]`, `["windows"]`); where it does not tell, less is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from .figures import listed, spans
from .spot import Spot


def look_of(spot: Spot) -> str:
    """The looks at the place: "the look of head 0.1 from position 13 to position 2", "the looks of layers 0 to 3 from position 13"."""
    pairs = spot.attrs.get("looks") or []
    start, end = _positions(spot, "query", [row for row, _ in pairs]), _positions(spot, "key", [key for _, key in pairs])
    of = _whose(spot)
    is_one = of.startswith(" of head ") and " of layer" not in of and all(at.startswith("position ") for at in (start, end))
    cut = {(int(row), int(key)) for row, key in pairs}
    both = {row for row, _ in cut} & {key for _, key in cut}
    is_spared = both and not any((place, place) in cut for place in both) and spot.at("query") is None and spot.at("key") is None
    aside = " (a position's look at itself aside)" if is_spared else ""
    return f"the look{'' if is_one else 's'}{of}{f' from {start}' if start else ''}{f' to {end}' if end else ''}{aside}"


def are_several(look: str) -> bool:
    """Whether the words that `look_of` gives are of several looks."""
    return look.startswith("the looks")


def _whose(spot: Spot) -> str:
    """ " of head 0.1", " of heads 0, 2 of layers 0 to 3", " of layer 1" """
    layer, head = spot.at("layer"), spot.at("head")
    heads = [head] if head not in (None, -1) else _numbers(spot.attrs.get("heads"))
    window = int(spot.attrs.get("window", 1))
    if layer is not None and window == 1:
        layers, there = [layer], ""
    elif layer is not None:
        layers, there = _window(spot, int(layer), window)
    else:
        layers, there = _numbers(spot.attrs.get("layers")), ""
    if not layers:
        return f" of {spans('head', heads)}" if heads else ""
    if len(layers) == 1 and heads:
        return f" of head{'s' if len(heads) > 1 else ''} {', '.join(f'{layers[0]}.{one}' for one in heads)}{there}"
    of_layers = f" of layer{'s' if len(layers) > 1 else ''} {listed(layers)}{there}"
    return f" of {spans('head', heads)}{of_layers}" if heads else of_layers


def _window(spot: Spot, layer: int, window: int) -> tuple[list[int], str]:
    """The layers that were cut about `layer`, and what is said where it is not known that all of them are in the model."""
    known, windows = _numbers(spot.attrs.get("layers")), spot.attrs.get("windows")
    if isinstance(windows, (list, tuple)) and len(windows) == len(known) and layer in known:
        return _numbers(windows[known.index(layer)]), ""
    around = list(range(max(0, layer - (window - 1) // 2), layer + window // 2 + 1))
    return around, "" if set(around) <= set(known) else " (as far as the model has them)"


def _positions(spot: Spot, name: str, cut: Sequence[int]) -> str:
    if spot.at(name) is not None:
        return spot.position(name)
    places = sorted(set(cut))
    return spans("position", places) if places else ""


def _numbers(given: object) -> list[int]:
    return [int(one) for one in given] if isinstance(given, (list, tuple)) else []
