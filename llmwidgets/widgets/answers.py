"""What the page may ask about a run: blocks, cells, tokens.

Always true: an answer is worked out from one `Served`, which never changes, so a reply cannot mix two runs; a request that names
another epoch gets `Stale`. How requests come and go is rpc.py's, what a field computes is the field's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..fields import BlockCancelled, BlockRequest, BlockRequestError, Field
from .cache import BlockCache, Encoded, key_of
from .failures import BadRequest, Failure
from .rpc import Answer, Method

if TYPE_CHECKING:
    from ..capture import Capture
    from .causes.fields import CauseFields

Cancelled = Callable[[], bool]

KIND_LETTERS = {"text": "t", "special": "s", "byte": "b"}
MOST_TOKENS = 20_000  # in one answer


def never() -> bool:
    """Nobody takes it back."""
    return False


@dataclass(frozen=True)
class Served:
    """A run as the page sees it under one epoch.

    shown: which run it is, with the ids of the changes in it and what it answers (docs/protocol.md). causes: its fields of causes
    problems: what could not be made of it
    """

    epoch: int
    capture: Capture
    fields: Mapping[str, Field]
    cache: BlockCache = field(default_factory=BlockCache)
    shown: Mapping[str, Any] = field(default_factory=dict)
    causes: CauseFields | None = None
    problems: tuple[dict[str, Any], ...] = ()

    def block(self, raw: Any, cancelled: Cancelled = never) -> Encoded:
        """Header and bytes of the block that a request (JSON) names."""
        chosen = self._field(raw)
        try:
            request = BlockRequest.parse(raw)
            key = key_of(request.to_json())
            return self.cache.get_or_make(key, lambda: chosen.block(request, cancelled).encode())
        except BlockRequestError as error:
            raise BadRequest(str(error)) from error
        except BlockCancelled as error:
            raise Failure("Cancelled", "the request was taken back") from error

    def cell(self, raw: Any) -> dict[str, Any]:
        """One cell: the exact value, its state, its words."""
        chosen = self._field(raw)
        index = raw.get("index")
        if not isinstance(index, Mapping):
            raise BadRequest(f"index must be an object with an integer for each coordinate; {index!r} came")
        try:
            return chosen.cell(**{str(name): place for name, place in index.items()})
        except BlockRequestError as error:
            raise BadRequest(str(error)) from error

    def tokens(self, raw: Any) -> dict[str, Any]:
        """Tokens `start` to `stop`, and their kinds."""
        self._check_epoch(raw)
        total = self.capture.n_tokens
        start, stop = raw.get("start"), raw.get("stop")
        if not (_whole(start) and _whole(stop) and 0 <= start <= stop <= total):
            raise BadRequest(f"tokens {start!r} to {stop!r} were asked; there are 0 to {total}", "give whole numbers, stop excluded")
        if stop - start > MOST_TOKENS:
            raise BadRequest(f"{stop - start:,} tokens were asked at once; at most {MOST_TOKENS:,} fit an answer", "ask for them in parts")
        return {"texts": list(self.capture.tokens[start:stop]), "kinds": kind_letters(self.capture.token_kinds[start:stop])}

    def _field(self, raw: Any) -> Field:
        self._check_epoch(raw)
        name = raw.get("field")
        chosen = self.fields.get(name) if isinstance(name, str) else None
        if chosen is None:
            raise Failure("UnknownField", f"there is no field {name!r}", f"there are {', '.join(self.fields)}")
        return chosen

    def _check_epoch(self, raw: Any) -> None:
        if not isinstance(raw, Mapping):
            raise BadRequest(f"params must be an object; {raw!r:.80} came")
        epoch = raw.get("epoch")
        if not _whole(epoch):
            raise BadRequest(f"epoch must be a whole number; {epoch!r} came")
        if epoch != self.epoch:
            raise Failure("Stale", f"the request is of epoch {epoch}; this is epoch {self.epoch}")


def reading_methods(at: Callable[[Any], Served | None]) -> dict[str, Method]:
    """The methods that read. `at(epoch)` gives the run of an epoch that is answered for, else the one that is shown."""

    def served(params: Any) -> Served:
        now = at(params.get("epoch") if isinstance(params, Mapping) else None)
        if now is None:
            raise Failure("Stale", "there is no run yet", "ask again when the run has come")
        return now

    def block(params: Any, cancelled: Cancelled) -> Answer:
        return Answer(*served(params).block(params, cancelled))

    def cell(params: Any, cancelled: Cancelled) -> Answer:
        return Answer(served(params).cell(params))

    def tokens(params: Any, cancelled: Cancelled) -> Answer:
        return Answer(served(params).tokens(params))

    return {"block": block, "cell": cell, "tokens": tokens}


def kind_letters(kinds: Any) -> str:
    """One letter a token: t text, s special, b byte.

    >>> kind_letters(["text", "special", "byte"])
    'tsb'
    """
    return "".join(KIND_LETTERS.get(kind, "t") for kind in kinds)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
