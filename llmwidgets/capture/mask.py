"""Which looks a model's mask allows, kept in closed form where it has one.

Causal, sliding-window and full masks are recognised by comparing every cell and then kept as two numbers
instead of tokens x tokens; any other mask is kept as it is. Additive values other than "forbidden" (ALiBi,
relative positions) come out separately as a bias on the scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

_ROWS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class Mask:
    """Allowed looks: those of `explicit` if given; else all, or if `causal` key <= query and query - key < `window`."""

    n_keys: int
    causal: bool
    window: int | None = None
    explicit: Tensor | None = None  # (1 or head, query, key) bool, True = allowed
    _last: dict[str, tuple[tuple[int, ...], Tensor]] = field(default_factory=dict, repr=False)

    def columns(self, first_query: int, last_query: int) -> tuple[int, int]:
        """The range of keys outside which none of these queries may look."""
        stop = min(last_query + 1, self.n_keys) if self.causal else self.n_keys
        start = max(0, first_query - self.window + 1) if self.window is not None else 0
        return start, stop

    def allowed(self, heads: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
        """Return (1 or head, query, key) bool."""
        if self.explicit is not None:
            of_heads = self.explicit if self.explicit.shape[0] == 1 else self.explicit[heads.to(self.explicit.device)]
            queries, keys = queries.to(self.explicit.device), keys.to(self.explicit.device)
            return of_heads[:, queries][:, :, keys]
        rows, columns = queries[:, None], keys[None, :]
        if not self.causal:
            return torch.ones(1, len(queries), len(keys), dtype=torch.bool, device=queries.device)
        allowed = columns <= rows
        if self.window is not None:
            allowed &= columns > rows - self.window
        return allowed[None]  # (1, query, key)

    def forbidden(self, heads: Tensor, queries: Tensor, keys: range) -> Tensor:
        """Return (1 or head, query, key) bool, not to be written to: the opposite of `allowed` for keys that follow each other.

        The last answer of a closed form is kept: head after head, and layer after layer, is asked for the same band.
        """
        if self.explicit is not None or not follow_each_other(queries):
            return ~self.allowed(heads, queries, torch.arange(keys.start, keys.stop))
        asked = (int(queries[0]), len(queries), keys.start, keys.stop)
        found = self._last.get("band")
        if found is None or found[0] != asked:
            found = (asked, ~self.allowed(heads, queries, torch.arange(keys.start, keys.stop)))
            self._last["band"] = found
        return found[1]


def follow_each_other(at: Tensor) -> bool:
    """Whether indices (n,), n >= 1, are a range that counts up by 1."""
    return len(at) == 1 or (int(at[-1]) - int(at[0]) == len(at) - 1 and bool((at.diff() == 1).all()))


def read_mask(given: Tensor | None, is_causal: bool, n_keys: int, window: int | None = None) -> tuple[Mask, Tensor | None]:
    """Return the mask, and the bias that an additive mask also carries, from what the attention was given.

    `given` is (1, 1 or head, query, key): bool with True = allowed, or additive; or, as flash attention takes it, the
    padding alone, (1, key) with 0 = forbidden. `is_causal` and `window` count only where no full mask was given.
    """
    if given is None or given.ndim == 2:
        closed = Mask(n_keys, is_causal, window if is_causal and window is not None and window < n_keys else None)
        if given is None or bool(given.all()):
            return closed, None
        everything = torch.arange(n_keys, device=given.device)
        return Mask(n_keys, causal=False, explicit=closed.allowed(everything, everything, everything) & given[0, :n_keys].bool()), None
    given = given[0, ..., :n_keys]  # (1 or head, query, key)
    if given.dtype == torch.bool:
        return _recognise(given, n_keys), None
    forbidden = given <= torch.finfo(given.dtype).min / 2
    bias = given.masked_fill(forbidden, 0.0)
    return _recognise(~forbidden, n_keys), (bias if bool(bias.count_nonzero()) else None)


def _recognise(allowed: Tensor, n_keys: int) -> Mask:
    n_queries = allowed.shape[1]
    if allowed.shape[0] == 1 and n_queries == n_keys:
        if bool(allowed[0, 0].all()) and bool(allowed.all()):
            return Mask(n_keys, causal=False)
        reach = int(allowed[0, -1].count_nonzero())
        closed = Mask(n_keys, causal=True, window=None if reach >= n_keys else max(reach, 1))
        if _equals(closed, allowed):
            return closed
    return Mask(n_keys, causal=False, explicit=allowed.clone())


def _equals(closed: Mask, allowed: Tensor) -> bool:
    no_heads = torch.zeros(0, dtype=torch.long)
    keys = torch.arange(closed.n_keys, device=allowed.device)
    for queries in keys.split(_ROWS_AT_ONCE):
        if not torch.equal(closed.allowed(no_heads, queries, keys), allowed[:, queries]):
            return False
    return True
