"""The live views: anywidget classes, the selection that they share, and the server that answers their pages.

The wire contract is docs/protocol.md; the page's side of it lives in js/src.
"""
