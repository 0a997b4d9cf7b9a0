"""Show the code: the few lines of Python that compute the numbers that a field shows under a cursor.

    run = lw.capture(lw.demo_model(), 'When Mary and John went to the store, John gave a drink to')
    metric = lw.Metric(' Mary', foil=' John', position=13)
    found = lw.ablate(run, metric).effect

Always true: it can be run as it stands (but for `model`, where it is not the built-in one), and `found` then holds the very numbers, up to
the float32 in which a view keeps them; only names of `llmwidgets` itself are used. How runs are made is written in runs.py, fields in
fields.py and causes.py; nothing is computed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...analysis.effects.pairing import metric_there
from ...experiments.intervention import Interventions
from ...experiments.metric import Metric
from . import runs
from .causes import CAUSES, Causes
from .fields import FIELDS, Spot, Tokens, difference, expression

if TYPE_CHECKING:
    from ...capture import Capture

SHOWN = ("clean", "changed", "difference", "second", "second_changed", "second_difference", "prompts")


def code_of(
    name: str,
    *,
    run: Capture,
    metric: Metric | None = None,
    changes: Interventions | None = None,
    shown: str = "clean",
    second: Capture | None = None,
    pairs: Sequence[Sequence[int]] | None = None,
    cursor: Mapping[str, object] | None = None,
) -> str:
    """The code of the field `name`.

    run: the first prompt's unchanged run; metric: as asked of it. changes: those that are made in the run that is shown. shown: which of
    the runs it is (docs/protocol.md, `showing`). second: the second prompt's unchanged run; pairs: (first's position, second's) that stand
    for each other. cursor: layer, head, query, as the page has them.

    A head grid's field is given over (layer, head), a pattern over (query, key), the next token by rank, all else over its axes. A field
    that is not the run's own gives a comment that says where it came from.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> print(code_of("attention", run=run, cursor={"layer": 3, "head": 2}))
    import llmwidgets as lw
    <BLANKLINE>
    run = lw.capture(lw.demo_model(), 'The keys to the cabinet')
    found = run.pattern(layer=3, head=2)
    """
    if shown not in SHOWN:
        raise ValueError(f"shown={shown!r} came; expected one of {', '.join(SHOWN)}")
    if name not in FIELDS and name not in CAUSES:
        return f"# {name!r} is no field of the run itself: it was added with view.add(...)"
    of_second = shown.startswith("second")
    if second is None and (of_second or shown == "prompts" or name.startswith("patching")):
        raise ValueError(f"the field {name!r} came with shown={shown!r}, but without a second run")
    if metric is None and (name in CAUSES or name == "edge_contribution"):
        raise ValueError(f"the field {name!r} is about a metric, and none came")
    base = second if of_second and second is not None else run
    other = {"run": run} if of_second else {} if second is None else {"second": second}
    made = Interventions() if changes is None or shown in ("clean", "second", "prompts") else changes
    donors = runs.donors_of(made, other)
    uneven = _uneven(pairs, run, second)
    causes = Causes(base, "second" if of_second else "run", metric, made, donors, uneven)
    last = _last(name, shown, Spot.of(cursor or {}, base.n_tokens), uneven, causes)
    wanted = "\n".join(last)

    lines = runs.first_run(run)
    if second is not None and (of_second or "second" in (*donors, *re.findall(r"\w+", wanted))):
        lines += runs.second_run(second)
    if metric is not None and "metric" in wanted:
        there = metric_there(metric, run, _uneven(pairs, run, second)) if of_second or "metric_there" in wanted else metric
        lines.append(f"metric = {runs.metric_of(there if of_second else metric)}")
        if "metric_there" in wanted:
            lines.append(f"metric_there = {runs.metric_of(there)}  # in the second prompt")
    if shown.endswith(("changed", "difference")):
        lines.append(f"changes = {runs.together(made, other)}")
        lines.append(f"changed = lw.intervene({'second' if of_second else 'run'}, changes{runs.known(donors)})")
    return "\n".join(_with_imports_first([*lines, *last]))


def _with_imports_first(lines: Sequence[str]) -> list[str]:
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    return [*dict.fromkeys(imports), "", *(line for line in lines if line not in imports)]


def _last(name: str, shown: str, spot: Spot, uneven: list[tuple[int, int]] | None, causes: Causes) -> list[str]:
    """The lines that compute the numbers, of runs that are there by then."""
    base = "second" if shown.startswith("second") else "run"
    if shown == "prompts" or shown.endswith("difference"):
        (after, metric), pairs = (("second", "metric_there"), uneven) if shown == "prompts" else (("changed", "metric"), None)
        if name in FIELDS:
            return difference(name, after, base, (metric, "metric"), spot, pairs)
        return [*causes.lines(name, after, metric, "new"), *causes.lines(name, base, "metric", "old"), "found = new - old"]
    of = "changed" if shown.endswith("changed") else base
    return [f"found = {expression(name, of, 'metric', spot, Tokens())}"] if name in FIELDS else causes.lines(name, of)


def _uneven(pairs: Sequence[Sequence[int]] | None, run: Capture, second: Capture | None) -> list[tuple[int, int]] | None:
    """The pairs, where they are not simply the same positions."""
    if second is None or not pairs:
        return None
    listed = [(int(first), int(other)) for first, other in pairs]
    return None if run.n_tokens == second.n_tokens and listed == [(i, i) for i in range(run.n_tokens)] else listed
