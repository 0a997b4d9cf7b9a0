"""Captures: one forward pass of a model, of which anything can be asked later."""

from __future__ import annotations

from llmwidgets.capture.integrity import Integrity
from llmwidgets.capture.record_run import capture
from llmwidgets.capture.run import Capture

__all__ = ["Capture", "Integrity", "capture"]
