"""Wording about cause, made in this one place from the method and its settings: `caveat` for a method, `in_words` for a place of a result.

Always true: a sentence says what was changed and what changed with it, on which prompts, and never what a part is for; evidence by
accounting is attributed, not caused. What is not finite is "not defined here", never a number. Plain text: tokens in it are data.

Files: caveats.py, finding.py (its sentences: changes.py, attributions.py, from effect.py, looks.py, spot.py, figures.py).

What `in_words` reads of a result (an analysis sets it; all but `method_name` may be missing):

    attrs        method_name   one of METHODS (of patching: its direction, "denoise" or "noise"); a read of the fields
                               edge_contribution and norm_weighted_attention is known by its name
                 replacement   of an ablation: "zero", "mean", "resample"
                 site          what was changed, as an Intervention names it ("z", "mlp_out", ...); without it, a head or a neuron
                 metric        its name; quantity: which one an effect is in; before: {quantity: value}; n_prompts; unit
                 positions     (a list), layers, heads (lists or "all"), looks ([query, key] each), change (in words)
                 window        how many layers were cut about each of `layers`; windows: these, a list for each of `layers`
                 fingerprints  of the prompts: whether one came more than once
                 title         of a read of edge_contribution: which difference it is about
                 no_ratio      of patching: set where the two prompts hardly differ
    variables    effect        after - before, in the quantity; with it rank and probability after
                 recovery      of patching: 0 is the corrupted run, 1 the clean one
                 moved         of a knockout: the weight that the cut rows gave to other keys
                 estimate, verified, recovery_estimate of attribution patching; total, direct of direct_and_total
                 any single one for all else; over several prompts also `..._low`, `..._high`, `..._each` (prompts.py)
"""

from __future__ import annotations

from .caveats import METHODS, caveat
from .finding import in_words

__all__ = ["METHODS", "caveat", "in_words"]
