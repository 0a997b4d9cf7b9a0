"""Sentences about what was attributed, measured or read out: nothing was changed, so nothing is said of cause.

Always true: shares of an accounting are attributed; sizes, scores and read-outs are called what they are.
"""

from __future__ import annotations

import numpy as np

from .caveats import CAVEATS
from .effect import EffectInWords
from .figures import NOT_DEFINED, number, probability, signed
from .looks import look_of
from .spot import Spot


def direct_contribution(spot: Spot) -> str:
    main = spot.main
    return _attributed(spot, spot.named("from" if main == "attention" else "at", main), CAVEATS["direct_contribution"])


def edge_contribution(spot: Spot) -> str:
    return _attributed(spot, look_of(spot), "Later layers can undo it.")


def _attributed(spot: Spot, what: str, ending: str) -> str:
    part = EffectInWords(spot, spot.main, "logit_difference")
    metric = part.metric if "metric" in spot.attrs else _metric_of_title(spot)
    if not part.is_defined:
        return f"What is attributed to {what} is {NOT_DEFINED}: there is no number at this place."
    if part.n > 1:
        return f"Over {part.prompts}, of {metric}, this is attributed to {what}, directly: {part.spread()}. {part.too_few()}{ending}"
    whole = f" ({number(part.before)} in all)" if np.isfinite(part.before) else ""
    return f"Of {metric}{whole}, {signed(part.value)} is attributed to {what}, directly. {ending}"


def _metric_of_title(spot: Spot) -> str:
    """What a read of a field is about: its title says the difference, and a cell is about the logits at its own query."""
    title = str(spot.attrs.get("title", ""))
    difference = title.removeprefix(_TITLE) if title.startswith(_TITLE) else "target minus foil"
    return difference + (f" at position {spot.at('query')}" if spot.at("query") is not None else "")


_TITLE = "direct contribution to "


def decomposition(spot: Spot) -> str:
    length = float(np.linalg.norm(spot.row(spot.main, "d_model")))
    return f"{_capital(spot.words)} wrote a vector of length {number(length)} into the residual stream. Length is not use."


def norm_weighted(spot: Spot) -> str:
    value = spot.value(spot.main)
    return f"What {look_of(spot)} carries has the length {number(value)}: a share of size, not of cause."


def rollout(spot: Spot) -> str:
    share, layer = spot.value(spot.main), spot.at("layer")
    upto = "" if layer is None else f" up to layer {layer}"
    rows = f"{spot.position('key')} has the share {number(share)} of {spot.position('query')}"
    return f"By rollout{upto}, {rows}: a share of size, not of cause."


def head_scores(spot: Spot) -> str:
    scores = {name: spot.value(name) for name in spot.names}
    named = [f"{value:.2f} for {name.replace('_', ' ')}{_chance(spot, name)}" for name, value in scores.items() if np.isfinite(value)]
    if not named:
        return f"The scores of {spot.words} are {NOT_DEFINED}: there is no number at this place."
    return f"{_capital(spot.words)} scores {', '.join(named)}. {CAVEATS['head_scores']}"


def _chance(spot: Spot, name: str) -> str:
    chance = spot.value(f"{name}_chance")
    return f" (chance {chance:.2f})" if np.isfinite(chance) else ""


def logit_lens(spot: Spot) -> str:
    chances = spot.row("probability", "rank")[:3]
    tokens = spot.row("top_token", "rank")[:3]
    named = [f"{str(token)!r} ({probability(float(chance))})" for token, chance in zip(tokens, chances, strict=True)]
    at = "" if spot.at("position") is None else f" at {spot.position('position')}"
    layer = "the embedding" if spot.at("layer") == -1 else f"layer {spot.at('layer')}"
    return f"After {layer}{at}, the output layer would say {', then '.join(named)}. The model may not hold it in this form."


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
