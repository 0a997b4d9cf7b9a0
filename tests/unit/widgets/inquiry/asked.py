"""The prompts and the metric that tests of an inquiry ask with."""

from __future__ import annotations

import llmwidgets as lw

PROMPT = "When Mary and John went to the store, John gave a drink to"
OTHER = "When Mary and John went to the store, Mary gave a drink to"
LONGER = "When Mary and John went to the big store, Mary gave a drink to"
METRIC = lw.Metric(" Mary", " John")


def field(view, name: str):
    """A field of the run that is shown."""
    return view.served.fields[name]
