"""What notes, moments and tours need of the view that they are in.

Always true: only types live here; noted.py is the view that has all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ...fields import Place
    from ...notes.note import Note
    from ..answers import Served
    from ..inquiry.inquiry import Inquiry
    from ..runner import Runner
    from ..selection import Selection
    from .board import Board


class Shows(Protocol):
    """A view that shows runs: where a moment is brought back."""

    inquiry: Inquiry
    runner: Runner
    settings: Any
    framing: Any
    problems: Any

    @property
    def selection(self) -> Selection: ...

    def hold_sync(self) -> AbstractContextManager[Any]: ...


class Playing(Protocol):
    """The tour that plays in a view."""

    def go(self, at: int) -> None: ...

    def guess(self, text: str) -> None: ...

    def reveal(self) -> None: ...

    def end(self) -> None: ...


class Host(Shows, Protocol):
    """A view that has notes."""

    board: Board
    comm: Any
    tour: Any
    touring: Playing | None

    @property
    def served(self) -> Served | None: ...

    def write(self, text: str, place: Place, **more: Any) -> Note: ...

    def draw(self, note: Note, served: Served | None) -> Note: ...

    def later(self, task: Callable[[], Any]) -> None: ...

    def snapshot(self) -> dict[str, Any]: ...

    def return_to(self, note: Note | str | None, prompt: bool = False, *, stood: Places | None = None) -> list[str]: ...

    def observe(self, handler: Callable[[Any], Any], names: str) -> None: ...

    def unobserve(self, handler: Callable[[Any], Any], names: str) -> None: ...


Places = Mapping[str, Any]
"""What a note is about, as a caller gives it: layer, head, heads, query, key, tokens, change."""
