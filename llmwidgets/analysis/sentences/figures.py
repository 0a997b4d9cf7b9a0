"""Numbers as they stand in a sentence: rounded, signed, ranks as ordinals, and nothing small shown as nothing.

Always true: what is not finite is never written as a number (`NOT_DEFINED`). Which number is said, and how, is for the sentences to say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

NOT_DEFINED = "not defined here"
SMALLEST = 0.001
"""Below this a probability, a share or a divergence is said to be below it."""


def number(value: float) -> str:
    """Three significant digits.

    >>> [number(value) for value in (8.1949, 0.01234, 123.4, 9.999, -0.5, 0, 1.23e-7, float("inf"))]
    ['8.19', '0.0123', '123', '10.0', '-0.500', '0', '1.2e-07', 'not defined here']
    """
    if not math.isfinite(value):
        return NOT_DEFINED
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e6:
        return f"{value:.1e}"
    power = int(f"{abs(value):.2e}".split("e")[1])  # after rounding
    return f"{value:.{max(0, 2 - power)}f}"


def signed(value: float) -> str:
    """The same with its sign.

    >>> signed(3.876), signed(-0.5), signed(0.0)
    ('+3.88', '-0.500', '0')
    """
    return f"+{number(value)}" if value > 0 and math.isfinite(value) else number(value)


def ordinal(rank: float) -> str:
    """A rank as a whole number.

    >>> [ordinal(rank) for rank in (1, 2, 3, 4, 11, 112, 1021)]
    ['1st', '2nd', '3rd', '4th', '11th', '112th', '1021st']
    """
    if not math.isfinite(rank):
        return NOT_DEFINED
    whole = round(rank)
    ending = "th" if 10 < whole % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole}{ending}"


def probability(value: float) -> str:
    """A probability; what is nearly 0 or 1 is said to be below or above.

    >>> [probability(value) for value in (0.83, 0.0004, 0.99996, 0.0, 1.0, 0.0512)]
    ['0.830', 'below 0.001', 'above 0.999', '0', '1', '0.051']
    """
    if not math.isfinite(value):
        return NOT_DEFINED
    if value in (0, 1):
        return str(int(value))
    if value < SMALLEST:
        return f"below {SMALLEST}"
    return f"above {1 - SMALLEST}" if value > 1 - SMALLEST else f"{value:.3f}"


def percent(share: float) -> str:
    """A share as whole per cents.

    >>> percent(0.834), percent(0.004), percent(-0.2), percent(-0.001)
    ('83 %', 'under 1 %', '-20 %', 'under 1 %')
    """
    if not math.isfinite(share):
        return NOT_DEFINED
    return f"{share:.0%}".replace("%", " %") if abs(share) >= 0.005 else "0 %" if share == 0 else "under 1 %"


def measured(value: float, quantity: str) -> str:
    """A value of a metric's quantity (see experiments/metric.py).

    >>> measured(4.0, "rank"), measured(2e-5, "probability"), measured(8.194, "logit_difference"), measured(1e-9, "kl")
    ('4th', 'below 0.001', '8.19', 'below 0.001')
    """
    if quantity == "rank":
        return ordinal(value)
    if quantity == "probability":
        return probability(value)
    return f"below {SMALLEST}" if quantity == "kl" and abs(value) < SMALLEST and value != 0 else number(value)


def changed(value: float, quantity: str) -> str:
    """A change of it, with its sign.

    >>> changed(3.0, "rank"), changed(-1.0, "rank"), changed(-2e-5, "probability"), changed(-3.876, "logit_difference")
    ('+3 places', '-1 place', 'less than 0.001 down', '-3.88')
    """
    if not math.isfinite(value):
        return NOT_DEFINED
    if quantity == "rank":
        whole = float(value).is_integer()
        places = f"{value:+.0f}" if whole and value else "0" if not value else f"{value:+.1f}"
        return f"{places} place{'' if abs(value) == 1 else 's'}"
    if quantity in ("probability", "kl") and 0 < abs(value) < SMALLEST:
        return f"less than {SMALLEST} {'up' if value > 0 else 'down'}"
    return f"{value:+.3f}" if quantity == "probability" and value else signed(value)


def spans(what: str, places: Sequence[int]) -> str:
    """Positions or heads, shortly: what is consecutive as a span.

    >>> spans("head", [3]), spans("position", [10, 13]), spans("position", [0, 1, 2, 5]), spans("position", range(1, 30, 3))
    ('head 3', 'positions 10, 13', 'positions 0-2, 5', '10 positions (1 ... 28)')
    """
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    pieces = [piece for run in runs for piece in ([f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run))]
    several = f"{what}{'s' if len(places) > 1 else ''}"
    return f"{several} {', '.join(pieces)}" if len(pieces) < 5 else f"{len(places)} {several} ({min(places)} ... {max(places)})"


def listed(layers: Sequence[int]) -> str:
    """Layers: two by name, more as a span where they are consecutive.

    >>> listed([0, 1]), listed([0, 1, 2, 3]), listed([0, 2, 5]), listed([4])
    ('0 and 1', '0 to 3', '0, 2 and 5', '4')
    """
    if len(layers) > 2 and list(layers) == list(range(layers[0], layers[-1] + 1)):
        return f"{layers[0]} to {layers[-1]}"
    return " and ".join(filter(None, (", ".join(map(str, layers[:-1])), str(layers[-1]))))
