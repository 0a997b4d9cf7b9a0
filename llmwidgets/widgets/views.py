"""The views that a user names: the Inspector with all panels, and single panels for cells of their own.

Always true: they differ in their panels only. Two of them given one `lw.Selection` move together, also from different cells.
"""

from __future__ import annotations

from .view import ALL_PANELS, View


class Inspector(View):
    """Everything about one prompt: the bar, the text, the next token, heads, the selected head's pattern, layers.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> view = lw.Inspector(run)
    >>> view.selection.move(layer=3, head=1)
    >>> view
    Inspector(llmwidgets-demo, 4 layers × 4 heads, 5 tokens; layer 3 head 1)
    >>> view.close()
    """

    PANELS = ALL_PANELS


class HeadView(View):
    """All layers × heads: thumbnails of their patterns, or coloured by a (layer, head) field."""

    PANELS = ("heads",)


class TokenView(View):
    """The prompt, token by token, coloured by a field under the selection; and what would come next."""

    PANELS = ("text", "next")


class LayerView(View):
    """Layer × position: the logit lens, or any such field."""

    PANELS = ("layers",)


class PatternView(View):
    """One head's pattern: a matrix with zoom, or arcs."""

    PANELS = ("pattern",)
