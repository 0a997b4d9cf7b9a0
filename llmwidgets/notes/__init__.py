"""Findings kept beside the picture that shows them: the note, the file that keeps it, where it belongs, and how it is sent on."""

from .note import Note
from .notes import Notes

__all__ = ["Note", "Notes"]
