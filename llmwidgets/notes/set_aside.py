"""What was set aside in a file: what there is now, and of what nobody was told yet.

Always true: each line is told of once, be it read again or torn first and foreign later. A torn last line is told of only when it is sure
that nobody is just writing it.
"""

from __future__ import annotations

from .lines import Aside
from .log import Reading


class SetAside:
    """The lines of one file that were set aside."""

    def __init__(self) -> None:
        self._lines: list[Aside] = []
        self._torn: Aside | None = None
        self._known: set[bytes] = set()
        self._news: list[Aside] = []

    def take_in(self, reading: Reading) -> None:
        """What a reading set aside."""
        if reading.anew:
            self._lines.clear()
        self._lines += reading.aside
        self._torn = reading.torn
        for one in reading.aside:
            self._tell_of(one)

    @property
    def doubtful(self) -> bool:
        """Whether the last line is torn, or just being written, and nobody was told of it."""
        return self._torn is not None and self._torn.digest not in self._known

    def be_sure(self) -> None:
        """Nobody is writing, so that a last line that is torn stays torn."""
        if self._torn is not None:
            self._tell_of(self._torn)

    def all(self) -> list[Aside]:
        """What there is now."""
        return [*self._lines, *([] if self._torn is None else [self._torn])]

    def news(self) -> list[Aside]:
        """Of what nobody was told, until now."""
        news, self._news = self._news, []
        return news

    def _tell_of(self, one: Aside) -> None:
        if one.digest not in self._known:
            self._known.add(one.digest)
            self._news.append(one)
