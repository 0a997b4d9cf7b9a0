"""The fields of causes of one run and one metric: contributions, ablation, direct effects, patching between two prompts.

Always true: making them computes no effect and takes nothing apart; some are computed when they are first read, and those that grow when
they are asked to (`fill`), on one thread of their own. What this architecture has no such numbers for is left out. Other metric, other
changes: other CauseFields. How each is made is makers.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...experiments.intervention import Intervention, Interventions
from ...experiments.metric import Metric
from ...fields import Field
from ..workers import Workers, make_workers
from .growth import Growth
from .makers import Maker

if TYPE_CHECKING:
    from ...capture import Capture


class CauseFields:
    """The fields of causes of one run, one metric, one set of active changes.

    run: the unchanged run; of one that is itself changed there are contributions only. change, changed: what is changed in it, and the
    Capture of it (`lw.intervene(run, change)`): contributions are then those of the changed run, ablation effects further effects on top
    of the changes; what is asked of unchanged runs only is left out.
    second, pairs: a second prompt's run, and which of its positions stand for which; patching is between `run` (clean) and it (corrupted).
    versions: numbers that rise. tell: called, on any thread, when `progress` has changed. known: Captures that replacements name.

    Raises what `metric.on(run)` does: TokenError, FoilNeededError, IndexError, ValueError for logits that are no numbers.
    """

    def __init__(
        self,
        run: Capture,
        metric: Metric,
        *,
        change: Interventions | Intervention | None = None,
        changed: Capture | None = None,
        second: Capture | None = None,
        pairs: Sequence[tuple[int, int]] | None = None,
        versions: Iterator[int],
        tell: Callable[[], None],
        workers: Workers | None = None,
        known: Sequence[Capture] = (),
    ) -> None:
        self._tell_out: Callable[[], None] | None = tell
        self._workers, self._own_workers = workers, workers is None
        maker = Maker(run, metric, Interventions.of(change or ()), changed, second, pairs, tuple(known), lambda note: self._note(note))
        self._growths = {name: Growth(plan, versions, self._tell) for name, plan in maker.plans.items()}
        self.fields: Mapping[str, Field] = maker.fields
        self._fixed = {name: next(versions) for name in self.fields if name not in self._growths and name not in maker.lasting}
        self._notes: dict[str, str] = {}

    def progress(self) -> dict[str, dict[str, Any]]:
        """The `progress` trait: version, state, done, total, message, hint, note of each field that depends on the metric."""
        fixed = {name: {**_READY, "version": version, "note": self._notes.get(name)} for name, version in self._fixed.items()}
        grown = {name: growth.told() for name, growth in self._growths.items()}
        return {name: {**fixed, **grown}[name] for name in self.fields if name in fixed or name in grown}

    def fill(self, name: str) -> None:
        """Begin the sweep of a field, or go on with what is missing; returns at once. KeyError: no such field; ValueError: it grows not."""
        growth = self._growth(name)
        job = None if self._tell_out is None else growth.begin()
        if job is None:
            return
        self._tell()
        if self._workers is None:
            self._workers = make_workers(1, "causes")
        self._workers.submit(job)

    def halt(self, name: str) -> bool:
        """Stop a field's sweep; what it has found stays. False: it does not run. Raises as `fill` does."""
        return self._growth(name).stop()

    def tells_of(self, causes: CauseFields) -> bool:
        """Whether these are the ones."""
        return causes is self

    def close(self) -> None:
        """Stop everything. `tell` is called no more, but for a call that is under way."""
        self._tell_out = None
        for growth in self._growths.values():
            growth.abandon()
        if self._own_workers and self._workers is not None:
            self._workers.close()

    def _growth(self, name: str) -> Growth:
        if name not in self.fields:
            raise KeyError(f"there is no field {name!r} of causes here; there are {', '.join(self.fields) or 'none'}")
        if name not in self._growths:
            growing = ", ".join(self._growths) or "none"
            raise ValueError(f"{name!r} is computed at once when it is read, so there is nothing to fill; fields that grow: {growing}")
        return self._growths[name]

    def _tell(self) -> None:
        tell = self._tell_out
        if tell is not None:
            tell()

    def _note(self, notes: Mapping[str, str]) -> None:
        self._notes = {**self._notes, **notes}
        self._tell()


_READY = {"version": 0, "state": "ready", "done": 0, "total": 0, "message": None, "hint": None, "note": None}
