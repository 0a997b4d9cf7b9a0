"""What the numbers of a method can and cannot tell, a line for each method.

Always true: one sentence or two, the same wherever the method's numbers are shown, and true of every result of the method.
"""

from __future__ import annotations

from typing import Any

BACKUP = "No effect alone does not mean unused: a backup may take over."
OTHER = "Another replacement may rank {parts} differently."
REPLACED = {
    "zero": ("Setting {what} to zero", "Zero is a value that the model may never have here."),
    "mean": ("Replacing {what} by its mean over other prompts", "The mean keeps what those prompts have in common."),
    "resample": ("Replacing {what} by its value in another prompt", "The other prompt's value brings its own content along."),
}
REPLACED["other"] = REPLACED["resample"]
CAVEATS = {
    "knockout": f"The cut row's weight moves to its other keys, so what they give changes too. {BACKUP}",
    "denoise": "Enough to restore or not; whether the model needs it, only noising tells. They differ.",
    "noise": "Needed to keep or not; whether it is enough, only denoising tells. They differ.",
    "attribution_patching": "A screen along a straight line: attributed, not caused, until real patching verifies it.",
    "direct_contribution": "Adds up exactly. Counts only the last hop.",
    "edge_contribution": "What this look added to target minus foil directly. Later layers can undo it.",
    "decomposition": "Adds up exactly. What a part wrote is not yet what later layers or the output read of it.",
    "direct_and_total": "Direct is with everything later frozen, total is without; between the two, what comes after it repairs or relays.",
    "norm_weighted": "Shares of size, not of cause.",
    "rollout": "Shares of size, not of cause: it follows attention alone, not what the heads and MLPs write.",
    "head_scores": "A pattern match, not a mechanism: confirm by ablation.",
    "logit_lens": "What the output layer would say here. The model may not hold it in this form.",
}
METHODS = ("ablation", *CAVEATS)
_SETTINGS = {"ablation": ("replacement",), "attribution_patching": ("qk_fix",), "direct_and_total": ("replacement",)}


def caveat(method: str, **settings: Any) -> str:
    """What numbers of `method` can and cannot tell, in a line.

    settings: of "ablation" and "direct_and_total", replacement ("zero", "mean", "resample"); of "attribution_patching", qk_fix (a bool).
    Raises ValueError for a method or replacement that is not known, TypeError for a setting that the method has not.

    >>> caveat("head_scores")
    'A pattern match, not a mechanism: confirm by ablation.'
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} came; expected one of {', '.join(METHODS)}")
    strange = sorted(set(settings) - set(_SETTINGS.get(method, ())))
    if strange:
        has = ", ".join(_SETTINGS.get(method, ())) or "none"
        raise TypeError(f"{method} has no setting {', '.join(strange)}; it has {has}")
    if method == "ablation":
        return f"{replaced(settings.get('replacement'))[1]} {OTHER.format(parts='parts')} {BACKUP}"
    sentence = CAVEATS[method]
    if "replacement" in settings:
        replaced(settings["replacement"])
        return f"{sentence} {OTHER.format(parts='parts')}"
    if settings.get("qk_fix") is False:
        return f"{sentence} Where a softmax is saturated, the line misses what queries and keys would change."
    return sentence


def replaced(replacement: Any) -> tuple[str, str]:
    """What is done, with a place for what it is done to, and what is to be said of the replacement. ValueError for one not known."""
    if replacement not in REPLACED:
        raise ValueError(f"replacement={replacement!r} came; expected one of zero, mean, resample")
    return REPLACED[replacement]
