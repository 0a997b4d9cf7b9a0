"""The runs that a view can show, each made once: the clean one, the changed one, their difference, and the same of a second prompt.

Always true: each has an epoch of its own, under which it is answered for until many newer ones came; what was made for one question is
never handed out for another. A difference is made of the runs that it compares. Which of them is shown is asked.py's, and the view's to
publish.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from ...analysis.differences import field_differences
from ...experiments.donors import is_same_model
from ...experiments.intervene import intervene
from ...fields import Field
from ..answers import Cancelled, Served
from ..causes.differences import CauseDifferences
from ..causes.fields import CauseFields
from ..fields_of_run import fields_of
from .asked import UNCHANGED, Asked, changed_of, is_difference, run_of
from .measuring import answers_of, metric_on

if TYPE_CHECKING:
    from ...capture import Capture

KEPT, KEPT_BYTES = 6, 1 << 30
"""Runs that are answered for at a time, past which the one that was shown longest ago goes; and what the activations of changed runs may
take, past which as few are kept as there must be."""

Progress = Callable[[int, int, str], None]
Key = tuple[Any, ...]


def key_of(asked: Asked, which: str) -> Key:
    """What tells one exhibit from another, but for the metric, which clean and changed runs do not depend on."""
    run = run_of(which)
    changes = [] if which in UNCHANGED else [replace(change, name="").to_json() for change in asked.active(run)]
    pairs = asked.pairs if which == "prompts" else ()
    metric = json.dumps(asked.metric.to_json()) if asked.metric is not None and is_difference(which) else ""
    return which, _made_of(asked, which), json.dumps(changes), pairs, metric


class Exhibits:
    """Makes and keeps them. `tell(served)` is called, from any thread, when fields of causes have come further."""

    def __init__(self, tell: Callable[[Served], None]) -> None:
        self._tell = tell
        self._epochs, self._versions = count(1), count(1)
        self._kept: OrderedDict[Key, Served] = OrderedDict()
        self._lock = threading.RLock()
        self.own: dict[str, Field] = {}

    @property
    def live(self) -> list[int]:
        """Epochs that are answered for."""
        with self._lock:
            return sorted(served.epoch for served in self._kept.values())

    def at(self, epoch: Any) -> Served | None:
        """What is answered for under an epoch."""
        with self._lock:
            return next((served for served in self._kept.values() if served.epoch == epoch), None)

    def kept(self, asked: Asked, which: str) -> Served | None:
        """What was made already."""
        with self._lock:
            return self._kept.get(key_of(asked, which))

    def made(self, asked: Asked, which: str, progress: Progress | None = None, cancelled: Cancelled | None = None) -> Served:
        """The run `which` of what is asked. Raises what `intervene` raises."""
        key = key_of(asked, which)
        with self._lock:
            if key in self._kept:
                self._use(key)
                self._kept[key] = _of_these(self._kept[key], asked)
                return self._kept[key]
        if is_difference(which):
            run, problems, fields, causes = self._difference(asked, which, progress, cancelled)
        else:
            run = self._run(asked, which, progress, cancelled)
            fields, problems = fields_of(run)
            causes = self._causes(asked, which, run)
        shown = {"which": which, "changes": _made_in(asked, which), **answers_of(asked, which, run)}
        with self._lock:
            if key in self._kept:  # another thread has made it meanwhile
                self._kept[key] = _of_these(self._kept[key], asked)
                return self._kept[key]
            served = Served(next(self._epochs), run, self._all(fields, causes, which), shown=shown, causes=causes, problems=tuple(problems))
            self._keep(key, served)
        return served

    def begun(self, asked: Asked, own: bool) -> Served:
        """The clean run of what is asked, before it is certain that it will be shown (`begin`). own: with the user's fields."""
        assert asked.first is not None
        fields, problems = fields_of(asked.first)
        causes = self._causes(asked, "clean", asked.first)
        shown = {"which": "clean", "changes": [], **answers_of(asked, "clean", asked.first)}
        everything = {**fields, **(causes.fields if causes is not None else {}), **(self.own if own else {})}
        return Served(next(self._epochs), asked.first, everything, shown=shown, causes=causes, problems=tuple(problems))

    def begin(self, asked: Asked, served: Served, own: bool) -> None:
        """From now on there is only this run, that `begun` gave, and what will be made of it."""
        with self._lock:
            self.clear(own=not own)
            self._keep(key_of(asked, "clean"), served)

    def add(self, field: Field, again: bool) -> None:
        """A field of the user's, to the runs of the first prompt. again: in place of one, whose numbers are over, and so are the epochs."""
        with self._lock:
            self.own = {**self.own, field.name: field}
            if again:
                self.clear(own=False)
            for key, served in self._kept.items():
                if _has_own(key[0]):
                    self._kept[key] = replace(served, fields={**served.fields, field.name: field})

    def measure(self, asked: Asked) -> None:
        """Another metric: the fields of causes are others, under the same epochs; differences are made anew when they are shown."""
        with self._lock:
            for key, served in list(self._kept.items()):
                if is_difference(key[0]):
                    self._drop(key)
                    continue
                if served.causes is not None:
                    served.causes.close()
                if key[1] != _made_of(asked, key[0]):
                    self._drop(key)
                    continue
                rest = {name: field for name, field in served.fields.items() if served.causes is None or name not in served.causes.fields}
                causes = self._causes(asked, key[0], served.capture)
                shown = {**served.shown, **answers_of(asked, key[0], served.capture)}
                self._kept[key] = replace(served, fields=self._all(rest, causes, key[0]), causes=causes, shown=shown)

    def clear(self, own: bool = True) -> None:
        """Let all of them go, and what is being computed for them; own: also the user's fields."""
        with self._lock:
            for key in list(self._kept):
                self._drop(key)
            if own:
                self.own = {}

    # How each is made

    def _run(self, asked: Asked, which: str, progress: Progress | None, cancelled: Cancelled | None) -> Capture:
        run = run_of(which)
        base, other = (asked.first, asked.second) if run == "first" else (asked.second, asked.first)
        assert base is not None
        if which != changed_of(run):
            return base
        known = [each for each in (other,) if each is not None and is_same_model(base, each)]
        return intervene(base, asked.active(run), known=known, progress=progress, cancelled=cancelled)

    def _difference(self, asked: Asked, which: str, progress: Progress | None, cancelled: Cancelled | None) -> tuple[Any, ...]:
        if which == "prompts":
            ends, pairs, label, evidence = ("second", "clean"), asked.pairs, "second − first", "observation"
        else:
            run = run_of(which)
            ends, pairs, label, evidence = (
                (changed_of(run), "clean" if run == "first" else "second"),
                None,
                "changed − clean",
                "intervention",
            )
        after, before = (self.made(asked, end, progress, cancelled) for end in ends)
        fields = field_differences(after.capture, before.capture, after.fields, before.fields, pairs=pairs, label=label, evidence=evidence)
        fields = {name: replace(field, title=before.fields[name].title) for name, field in fields.items()}  # the panels say what is shown
        causes = None if after.causes is None or before.causes is None else CauseDifferences(after.causes, before.causes, fields)
        return (before if which == "prompts" else after).capture, (), fields, causes

    def _causes(self, asked: Asked, which: str, run: Capture) -> CauseFields | None:
        if asked.metric is None or asked.first is None:
            return None
        base, other, pairs = (asked.first, asked.second, asked.pairs) if run_of(which) == "first" else (asked.second, None, ())
        metric = metric_on(asked, run_of(which))
        if base is None or metric is None:
            return None
        served: list[CauseFields] = []
        changed = run if which == changed_of(run_of(which)) else None
        served.append(
            CauseFields(
                base,
                metric,
                change=None if changed is None else asked.active(run_of(which)),
                changed=changed,
                second=other,
                pairs=pairs or None,
                versions=self._versions,
                tell=lambda: self._heard(served[0]),
                known=[each for each in (asked.first, asked.second) if each is not None],
            )
        )
        return served[0]

    def _heard(self, causes: CauseFields) -> None:
        with self._lock:
            concerned = [one for one in self._kept.values() if one.causes is not None and one.causes.tells_of(causes)]
        for served in concerned:
            self._tell(served)

    def _all(self, fields: Mapping[str, Field], causes: CauseFields | None, which: str) -> dict[str, Field]:
        found = {**fields, **(causes.fields if causes is not None else {})}
        return {**found, **self.own} if _has_own(which) else found

    def _keep(self, key: Key, served: Served) -> None:
        self._kept[key] = served
        self._use(key)
        needed = {one for one, each in self._kept.items() if one == key or _stands_on(served, each)}
        for old in [one for one in self._kept if one not in needed]:
            changed = {id(each.capture): each.capture.nbytes for one, each in self._kept.items() if one[0] not in UNCHANGED}
            is_too_much = sum(changed.values()) > KEPT_BYTES and old[0] not in UNCHANGED  # clean runs are held anyway
            if old in self._kept and (len(self._kept) > KEPT or is_too_much):
                self._drop(old)

    def _use(self, key: Key) -> None:
        """A difference is only as good as the runs that it compares: they are kept as long as it is."""
        for end in [one for one, served in self._kept.items() if one != key and _stands_on(self._kept[key], served)]:
            self._kept.move_to_end(end)
        self._kept.move_to_end(key)

    def _drop(self, key: Key) -> None:
        served = self._kept.pop(key, None)
        if served is None or served.causes is None:
            return
        served.causes.close()
        for other in [one for one, each in self._kept.items() if _stands_on(each, served)]:
            self._drop(other)


def _made_in(asked: Asked, which: str) -> list[int]:
    """Ids of the changes that are made in a run."""
    return [] if which in UNCHANGED else [entry.id for entry in asked.entries_on(run_of(which))]


def _of_these(served: Served, asked: Asked) -> Served:
    """A run that was kept, with the ids that its changes have now: one may have been taken away and made again."""
    ids = _made_in(asked, served.shown["which"])
    return served if served.shown["changes"] == ids else replace(served, shown={**served.shown, "changes": ids})


def _has_own(which: str) -> bool:
    """Whether the user's arrays are shown with it: they are of the first prompt."""
    return not is_difference(which) and run_of(which) == "first"


def _stands_on(difference: Served, end: Served) -> bool:
    both, one = difference.causes, end.causes
    return both is not None and isinstance(one, CauseFields) and both is not one and both.tells_of(one)


def _made_of(asked: Asked, which: str) -> tuple[int, ...]:
    """The runs of the prompts that it is made of."""
    first, second = id(asked.first), id(asked.second)
    return (first, second) if which == "prompts" else (first,) if run_of(which) == "first" else (second,)


def progress_of(served: Served) -> dict[str, Any]:
    """The `progress` trait."""
    return {} if served.causes is None else served.causes.progress()
