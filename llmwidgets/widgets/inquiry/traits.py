"""The JSON of the traits that tell what a view is asked: the metric, the changes, what can be shown, the second prompt.

Always true: pure functions of an `Asked`; what they give is bounded for any prompt, since it is saved with a notebook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..answers import kind_letters
from ..traits import bounded, finite, prompt_trait
from .asked import Asked
from .changes import change_trait
from .measuring import asked_of
from .proposals import patching_problem

if TYPE_CHECKING:
    from ...capture import Capture


def inquiry_traits(asked: Asked) -> dict[str, Any]:
    """All of them, by name."""
    return {
        "measured": measured_trait(asked),
        "changes": [change_trait(entry) for entry in asked.entries],
        "showing": {"which": asked.which, "options": [{"which": which, "label": label} for which, label in asked.options]},
        "compared": compared_trait(asked),
    }


def measured_trait(asked: Asked) -> dict[str, Any] | None:
    """The metric on the clean run of the first prompt."""
    if asked.first is None or asked.metric is None:
        return None
    on = asked_of(asked.first, asked.metric)
    return {
        "target": _token(asked.first, on.target_id),
        "foil": None if on.foil_id is None else _token(asked.first, on.foil_id),
        "position": on.position,
        "quantity": on.quantity,
        "name": on.name,
        "unit": on.unit,
        "value": finite(on.before.get(on.quantity)),
        "proposed": asked.proposed,
    }


def compared_trait(asked: Asked) -> dict[str, Any] | None:
    """The second prompt, and which of its tokens stand for which of the first's."""
    first, second = asked.first, asked.second
    if first is None or second is None:
        return None
    return {
        "prompt": prompt_trait(second.prompt),
        "first": tokens_trait(first),
        "tokens": tokens_trait(second),
        "pairs": [list(pair) for pair in asked.pairs],
        "how": asked.how,
        "problem": patching_problem(asked),
    }


def tokens_trait(run: Capture) -> dict[str, Any]:
    """As many of a run's tokens as a saved notebook may hold."""
    texts = bounded(run.tokens)
    return {"total": run.n_tokens, "texts": texts, "kinds": kind_letters(run.token_kinds[: len(texts)])}


def _token(run: Capture, token: int) -> dict[str, Any]:
    return {"id": token, "text": run.token_text([token])[0]}
