"""Captures: one forward pass of a model, of which anything can be asked later.

The package can be called: ``llmwidgets.capture(model, prompt)`` is this module once it is imported, and does
what ``llmwidgets.capture.capture`` does.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from llmwidgets.capture.integrity import Integrity
from llmwidgets.capture.record_run import capture
from llmwidgets.capture.run import Capture

__all__ = ["Capture", "Integrity", "capture"]


class _CallablePackage(ModuleType):
    # A package and a public function share the name `llmwidgets.capture`; importing the one would hide the other.
    def __call__(self, *args: Any, **kwargs: Any) -> Capture:
        return capture(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
