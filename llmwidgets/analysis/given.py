"""What an analysis is given: a Capture, or a clear error about what came instead.

Always true: anything that reads like a Capture passes, so that a subclass or a test's stand-in may be analysed.
"""

from __future__ import annotations

from typing import Any


def require_capture(run: Any) -> None:
    """Raise TypeError unless `run` has what a Capture has.

    >>> require_capture("gpt2")
    Traceback (most recent call last):
        ...
    TypeError: an analysis reads a Capture, but a str came; make one with lw.capture(model, prompt)
    """
    if hasattr(run, "heads_per_layer") and hasattr(run, "n_tokens"):
        return
    if hasattr(getattr(run, "capture", None), "heads_per_layer"):
        raise TypeError(f"an analysis reads a Capture, but the view {type(run).__name__} came; give its .capture")
    raise TypeError(f"an analysis reads a Capture, but a {type(run).__name__} came; make one with lw.capture(model, prompt)")
