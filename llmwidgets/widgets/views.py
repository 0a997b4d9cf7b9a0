"""The views that a user names: the Inspector with all panels, and single panels for cells of their own.

Always true: they differ in their panels only. Two of them given one `lw.Selection` move together, also from different cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .view import ALL_PANELS, View

if TYPE_CHECKING:
    from ..notes import Note


class Inspector(View):
    """Everything about one prompt: the bar, the text, the next token, heads, the selected head's pattern, layers, notes.

    capture: a Capture, or None until one is shown
    selection: an lw.Selection to share with other views; its own by default
    text_field, head_field, layer_field: names of fields that colour the text, the heads and the layers; `capture.fields` lists them
    theme: "auto", "light", "dark"; palette: "blue", "viridis", "cividis"; pattern_view: "matrix", "arcs"
    notes: the file of its notes, or an lw.Notes to share; llmwidgets-notes.jsonl in the working folder by default

    A view holds its capture until `close()`, or until its cell is run again. Raises TypeError for an unknown keyword, ValueError for an
    unknown value.

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
    """All layers × heads: thumbnails of their patterns, or coloured by a (layer, head) field.

    Takes a Capture, `selection=` (an lw.Selection to share) and the settings that `lw.Inspector` takes.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> together = lw.Selection()
    >>> heads, tokens = lw.HeadView(run, selection=together), lw.TokenView(run, selection=together)
    >>> heads.selection.layer = 2
    >>> tokens.selection.layer
    2
    >>> heads.close(), tokens.close()
    (None, None)
    """

    PANELS = ("heads",)


class TokenView(View):
    """The prompt, token by token, coloured by a field under the selection; and what would come next.

    Takes a Capture, `selection=` (an lw.Selection to share) and the settings that `lw.Inspector` takes.
    """

    PANELS = ("text", "next")


class LayerView(View):
    """Layer × position: the logit lens, or any such field.

    Takes a Capture, `selection=` (an lw.Selection to share) and the settings that `lw.Inspector` takes.
    """

    PANELS = ("layers",)


class PatternView(View):
    """One head's pattern: a matrix with zoom, or arcs.

    Takes a Capture, `selection=` (an lw.Selection to share) and the settings that `lw.Inspector` takes.
    """

    PANELS = ("pattern",)


class NotesView(View):
    """The notes of a file as cards: filter them, open one, and views with the same selection go to what it is about.

    Takes a Capture, `selection=` (an lw.Selection to share), `notes=` (the file, or lw.Notes) and the settings that `lw.Inspector` takes.
    """

    PANELS = ("notes",)

    def return_to(self, note: Note | str | None, prompt: bool = False, wait: bool = False, **more: Any) -> list[str]:
        """Return the views with the same selection and notes to the moment of a note, for this one draws nothing of it; alone, itself."""
        self._require_open()
        others = self.others()
        if not others:
            return super().return_to(note, prompt, wait, **more)
        return list(dict.fromkeys(said for other in others for said in other.return_to(note, prompt, wait, **more)))
