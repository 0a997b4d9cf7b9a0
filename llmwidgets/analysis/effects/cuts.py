"""Which looks a knockout forbids: by query and key, in each layer that lets them be.

Always true: what is asked for is checked here, before any pass: positions outside, looks that no mask lets be, and rows that would have
nothing left to look at. Layers may have windows of their own, so what is there to forbid is a layer's own matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.places import listed, within
from llmwidgets.models.errors import UndefinedHereError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

_CELLS_AT_ONCE = 1 << 24  # of patterns that are summed

Places = int | Sequence[int] | None


class Cuts:
    """The looks from `query` to `key` in `layers`; where one of the two is None (all), a query's own position is left to it."""

    def __init__(self, run: Capture, query: Places, key: Places, layers: Sequence[int]) -> None:
        if query is None and key is None:
            raise ValueError("neither query nor key came; say which looks to forbid: a query's (query=), those at a key (key=), or both")
        self._run = run
        self._layers = list(layers)
        self._keeps_own = query is None or key is None
        rows, columns = _positions(run, query, "query"), _positions(run, key, "key")
        wanted = torch.zeros(run.n_tokens, run.n_tokens, dtype=torch.bool)  # (query, key)
        wanted[torch.tensor(rows)[:, None], torch.tensor(columns)] = True
        if self._keeps_own:
            wanted.fill_diagonal_(False)
        self._wanted = wanted
        if not bool(self.there.any()):
            raise ValueError(f"there is no look from query {query} to key {key} to forbid: the mask lets none of them see such a key")

    @cached_property
    def _allowed(self) -> dict[int, Tensor]:
        """By layer: (query, key), what the mask lets be; a layer's heads share one."""
        return {layer: self._run.allowed(layer, 0) for layer in self._layers}

    @cached_property
    def there(self) -> Tensor:
        """(query, key): the looks that are there to be forbidden in some layer."""
        return torch.stack([self._wanted & allowed for allowed in self._allowed.values()]).any(0)

    @property
    def queries(self) -> list[int]:
        """The queries that lose a look."""
        return self.there.any(1).nonzero()[:, 0].tolist()

    @property
    def keys(self) -> list[int]:
        """The keys that are not looked at any more."""
        return self.there.any(0).nonzero()[:, 0].tolist()

    def any_in(self, layers: Sequence[int]) -> bool:
        """Whether there is anything to forbid in these layers."""
        return any(bool((self._wanted & self._allowed[layer]).any()) for layer in layers)

    def only_look(self, query: int, key: int) -> bool:
        """Whether this is all that the query may look at in some layer, so that it cannot be forbidden alone."""
        rows = (self._allowed[layer][query] for layer in self._layers if not self._has_sink(layer))
        return any(bool(row[key]) and int(row.sum()) == 1 for row in rows)

    def require_something_left(self) -> None:
        """Raise UndefinedHereError where all of it together would leave a row nothing to look at."""
        for layer in self._layers:
            if self._has_sink(layer):
                continue
            allowed = self._allowed[layer]
            emptied = (allowed & ~self._wanted).any(1) < allowed.any(1)
            if bool(emptied.any()):
                raise UndefinedHereError(
                    f"position {int(emptied.nonzero()[0])} may look nowhere in layer {layer} once these looks are cut; a softmax over "
                    "nothing is undefined. Leave it at least one key (its own position, for example), or ablate the heads there"
                )

    def interventions(self, layers: Sequence[int], heads: int | Sequence[int] | None) -> Interventions:
        """All of them in these layers and heads; queries that lose the same keys in one Intervention."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for query in self.queries:
            alike.setdefault(tuple(self._wanted[query].nonzero()[:, 0].tolist()), []).append(query)
        return Interventions(Intervention("scores", layers, heads, position=rows, key=keys) for keys, rows in alike.items())

    def moved(self, layer: int, heads: Sequence[int]) -> np.ndarray:
        """(head, query): the attention that stood on these keys in the clean run; NaN for queries that had no such look in this layer."""
        rows, columns = self.queries, self.keys
        at = torch.tensor(rows)[:, None], torch.tensor(columns)
        here = (self._wanted & self._allowed[layer])[at]  # (query, key)
        at_once = max(1, _CELLS_AT_ONCE // max(1, here.numel()))
        sums = [
            (self._run.pattern(layer, list(heads[start : start + at_once]), rows, columns).double() * here).sum(-1)
            for start in range(0, len(heads), at_once)
        ]
        return torch.cat(sums).masked_fill(~here.any(1), torch.nan).numpy()

    def _has_sink(self, layer: int) -> bool:
        return getattr(self._run.attention(layer), "sinks", None) is not None


def _positions(run: Capture, given: Places, name: str) -> list[int]:
    if given is None:
        return list(range(run.n_tokens))
    return sorted(set(within(listed(given, name), run.n_tokens, name)))
