"""The fields of a difference epoch: every field that two runs share, one less the other.

Always true: a field keeps its name, so that what a panel shows stays; a field whose axes do not fit together, or that is one and the same
for both runs (an array of the user's), is left out. Fields whose cells are words' probabilities have differences of their own, in which a
number is of one word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llmwidgets.fields.difference import Pairs, difference
from llmwidgets.fields.field import Field

from .lens_difference import logit_lens_difference
from .next_token_difference import next_token_difference

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

_OF_WORDS = {"logit_lens": logit_lens_difference, "next_token": next_token_difference}


def field_differences(
    after: Capture,
    before: Capture,
    fields_after: Mapping[str, Field],
    fields_before: Mapping[str, Field],
    *,
    pairs: Pairs | None = None,
    label: str,
    evidence: str = "intervention",
) -> dict[str, Field]:
    """after − before of each field that both runs have, by name, in the order of `fields_before`.

    pairs: (position of before, position of after) where the prompts differ; None: the same positions, so equally many. label: such as
    "changed − clean". evidence: "intervention" for changed − clean, "observation" for one prompt less another, which
    leaves each field its own kind.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> changed = lw.intervene(run, lw.Intervention("z", layer=1, head=0))
    >>> each = ({name: one.field(name) for name in one.fields} for one in (changed, run))
    >>> found = field_differences(changed, run, *each, label="changed − clean")
    >>> found["attention"].title, float(abs(found["attention"].read(layer=0, head=0)).max())
    ('attention, changed − clean', 0.0)
    """
    found: dict[str, Field] = {}
    for name, old in fields_before.items():
        new = fields_after.get(name)
        if new is None or new is old:
            continue
        both = difference(new, old, label=label, pairs=pairs, evidence=evidence)
        if both is not None and name in _OF_WORDS and old.texts:
            same_words = after.vocab_size == before.vocab_size  # a token's id means a word of one vocabulary
            both = _OF_WORDS[name](after, before, pairs, label=label, evidence=evidence) if same_words else None
        if both is not None:
            found[name] = both
    return found
