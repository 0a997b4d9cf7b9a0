"""How strong a kind of evidence a number is: one word, one mark and one sentence for each kind.

Always true: every field carries exactly one of these names. Nothing here judges a number; who makes a field says what it is,
and a number of unknown origin is `unstated`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """A kind of evidence as it is shown."""

    name: str
    word: str
    mark: str
    sentence: str


EVIDENCE: dict[str, Evidence] = {
    kind.name: kind
    for kind in (
        Evidence("observation", "observed", "○", "What the model did on this prompt. It does not say what it was good for."),
        Evidence("attribution", "attributed", "◔", "A share of the result by a rule of accounting. Another rule gives other shares."),
        Evidence("correlation", "correlated", "≈", "Goes together with something over many examples. The model may not use it."),
        Evidence("intervention", "intervened", "●", "What changed when this part was changed, and nothing else by hand."),
        Evidence("unstated", "unstated", "·", "Nobody has said where this number comes from."),
    )
}


def evidence(name: str) -> Evidence:
    """The kind of evidence called `name`; ValueError names the kinds there are.

    >>> evidence("intervention").word
    'intervened'
    """
    try:
        return EVIDENCE[name]
    except (KeyError, TypeError):
        raise ValueError(f"evidence={name!r} is no kind of evidence; expected one of {', '.join(EVIDENCE)}") from None
