"""`show`: from whatever is given to one live Inspector in the cell.

Always true: what is wrong with the input is raised before anything is displayed, and no dead widget stays; the Inspector stands
once in the cell's output, also when it is the last line; outside IPython it is only returned. Capturing is llmwidgets.capture's,
everything on screen the widgets'.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .widgets import in_cell
from .widgets import settings as how
from .widgets.view import View
from .widgets.views import Inspector

if TYPE_CHECKING:
    from .capture import Capture
    from .widgets.selection import Selection


def show(
    model: Any = None,
    prompt: Any = None,
    *,
    tokenizer: Any = None,
    selection: Selection | None = None,
    compare: Any = None,
    notes: Any = None,
    max_bytes: int | None = None,
    **settings: Any,
) -> Inspector:
    """Show what a model does with a prompt: one Inspector, live, in this cell.

    model: a hub name or local folder, a PreTrainedModel, a (model, tokenizer) pair, or a Capture (then without prompt). Left out: the
        built-in model
    prompt: a str (encoded exactly as `tokenizer(prompt)` does), token ids (a list, or a tensor of T or 1 × T), a chat (a list of messages),
        a BatchEncoding of one row. Left out: with the built-in model, a prompt of its own
    selection: an lw.Selection to share with other views
    compare: a second prompt for the same model, to stand beside the first, or a Capture of it
    notes: the file of its notes, or an lw.Notes; llmwidgets-notes.jsonl in the working folder by default, made with the first note
    max_bytes: bytes of memory that the first capture may take, past which it goes to temporary files; half of what is free by default
    settings: theme, palette, pattern_view, text_field, head_field and more (see lw.Inspector)

    Returns the Inspector: its `.capture`, `.selection`, `.metric`, `.interventions`, `.shown`, `.add(array)`, `.compare(prompt)`,
    `.annotate(text)`, `.notes`, and `.close()`, which lets go of the captures.

    Interrupting the kernel stops the capture. Running the cell again closes the view that it showed before. Raises what `lw.capture`
    raises (PromptError, ModelError, NotATransformerError, ...), TypeError for an unknown keyword, ValueError for a setting or a field that
    there is not.

    >>> view = show()
    >>> view
    Inspector(llmwidgets-demo, 4 layers × 4 heads, 14 tokens; layer 3 head ...)
    >>> view.close()
    """
    how.checked(how.from_keywords(settings))
    if isinstance(model, View):
        raise TypeError(f"{type(model).__name__} is a view already; put it last in a cell to see it, or write lw.show(view.capture)")
    if _is_capture(model):
        if prompt is not None:
            raise TypeError("a Capture came with a prompt; show it alone, or run another: lw.show(run.again(prompt))")
        for name, given in (("tokenizer", tokenizer), ("max_bytes", max_bytes)):
            if given is not None:
                raise TypeError(f"a Capture came with {name}=, which is for making one; give it to lw.capture")
        second = compare if compare is None or _is_capture(compare) else model.again(compare)
        view = Inspector(model, selection=selection, compare=second, notes=notes, **settings)
        in_cell.display(view)
        return view
    return _captured(*_given(model, prompt, tokenizer), compare, max_bytes, {"selection": selection, "notes": notes, **settings})


def _captured(subject: Any, prompt: Any, compare: Any, max_bytes: int | None, keywords: dict[str, Any]) -> Inspector:
    from .capture import capture
    from .models.prompt import encode

    second = None if compare is None or _is_capture(compare) else encode(subject, compare)

    view = Inspector(**keywords)
    begun, shown = time.monotonic(), False

    def work(progress: Any, cancelled: Any) -> Capture:
        def told(done: int, total: int, what: str) -> None:
            nonlocal shown
            if not shown and time.monotonic() - begun > in_cell.SOON:
                shown = True
                in_cell.display(view)
            progress(done, total, what)

        return capture(subject, prompt, max_bytes=max_bytes, progress=told, cancelled=cancelled)

    try:
        run = view.run_here(work, prompt.text)
        if compare is not None:
            view.compare(compare if second is None else run.again(second))
    except BaseException:  # also the kernel's interrupt
        view.close()
        raise
    in_cell.finish(view, before_run=shown)
    return view


def _given(model: Any, prompt: Any, tokenizer: Any) -> tuple[Any, Any]:
    """The model and the encoded prompt; raises for what cannot be captured."""
    from .models.demo import DEMO_PROMPT, demo_model
    from .models.loading import resolve
    from .models.prompt import encode

    if model is None:
        if tokenizer is not None:
            raise TypeError("a tokenizer came without a model; give both, or neither for the built-in model")
        model = demo_model()
        prompt = DEMO_PROMPT if prompt is None else prompt
    elif prompt is None:
        raise TypeError("a model came without a prompt; write lw.show(model, prompt), with a text or token ids")
    subject = resolve(model, tokenizer)
    return subject, encode(subject, prompt)


def _is_capture(model: Any) -> bool:
    from .capture import Capture

    return isinstance(model, Capture)
