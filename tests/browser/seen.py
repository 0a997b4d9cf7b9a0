"""What a test asserts of the text panel: each token wears the colour that its share of attention has to have."""

from __future__ import annotations

import numpy as np

from tests.browser.inspector import Inspector
from tests.browser.palette import attention_colours

# A half has 11 significant bits and the colour table 1,024 steps: a colour may be off by a little, never by a shade.
TOLERANCE = 3


def assert_text_shows(view: Inspector, row: np.ndarray, query: int, mode: str = "light") -> None:
    """The tokens wear the colours of one row of a pattern, as seen from `query`; later ones, which it cannot see, the quiet ground of
    what a mask forbids. row: (key,)"""
    view.wait_until_quiet()
    seen = np.array(view.token_colours(), dtype=float)
    expected = attention_colours(row, view.colour("bg"), mode)
    expected[query + 1 :] = view.colour("soft")
    np.testing.assert_allclose(seen, expected, atol=TOLERANCE)


def row_of(view: Inspector, layer: int, head: int, query: int, capture: str = "view.capture") -> np.ndarray:
    """One row of a pattern, computed in the notebook's kernel. (key,)"""
    return np.array(view.notebook.value(f"{capture}.pattern({layer}, {head})[{query}].double().tolist()"))
