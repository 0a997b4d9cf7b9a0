"""The beginning of "show the code": the lines that make the runs, the metric and the changes that a field is of.

Always true: whatever a user or a prompt brought in (texts, names, numbers) stands in the code by its `repr`, never as it came; only public
names are used, and the same prompt gives the same run. What is computed with them stands in fields.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from ...experiments.intervention import Intervention, Interventions
from ...experiments.metric import Metric
from ...experiments.replacement import CUT, ZERO, Replacement
from ...models.demo import DEMO_NAME
from ...models.errors import DetachedError

if TYPE_CHECKING:
    from ...capture import Capture


def first_run(run: Capture) -> list[str]:
    """Lines that make `run`."""
    lines = ["import llmwidgets as lw"]
    if run.model_name == DEMO_NAME:
        lines.append(f"run = lw.capture(lw.demo_model(), {prompt(run)})")
    else:
        lines += ["# model: the model that is shown, or (model, tokenizer)", f"run = lw.capture(model, {prompt(run)})"]
    if run.change:  # the view was given a changed run
        lines.append(f"run = lw.intervene(run, {together(_made_in(run), {})})")
    return lines


def second_run(second: Capture) -> list[str]:
    """Lines that make the second prompt's run, in the same model."""
    lines = [f"second = run.again({prompt(second)})"]
    if second.change:
        lines.append(f"second = lw.intervene(second, {together(_made_in(second), {})})")
    return lines


def prompt(run: Capture) -> str:
    """The prompt as an expression: its text where that leads to these tokens, else ids (with the mask where there is padding)."""
    ids, mask = run.token_ids, run.inputs.attention_mask
    if not bool(mask.all()):
        return repr({"input_ids": ids, "attention_mask": mask.tolist()})
    return repr(run.prompt) if run.prompt is not None and _is_encoded_so(run, run.prompt) else repr(ids)


def metric_of(metric: Metric) -> str:
    """A metric as an expression."""
    given = [repr(metric.target)]
    given += [f"foil={metric.foil!r}"] if metric.foil is not None else []
    given += [f"position={metric.position}"] if metric.position != -1 else []
    given += [f"quantity={metric.quantity!r}"] if metric.quantity != "logit_difference" else []
    return f"lw.Metric({', '.join(given)})"


def together(changes: Iterable[Intervention], others: Mapping[str, Capture]) -> str:
    """Changes as an expression: one Intervention, or a list of them. others: runs by the names that they have in the code."""
    each = [one_change(change, others) for change in changes]
    return each[0] if len(each) == 1 else "[" + ", ".join(each) + "]"


def one_change(change: Intervention, others: Mapping[str, Capture]) -> str:
    """One Intervention as an expression; its name is left out."""
    given = [repr(change.site)]
    for field in fields(change):
        value = getattr(change, field.name)
        if field.name not in ("site", "replacement", "name") and value is not None:
            given.append(f"{field.name}={list(value) if isinstance(value, tuple) else value!r}")
    if change.replacement is not None and change.replacement not in (ZERO, CUT):
        given.append(f"replacement={_replacement(change.replacement, others)}")
    return f"lw.Intervention({', '.join(given)})"


def donors_of(changes: Interventions, others: Mapping[str, Capture]) -> list[str]:
    """Names of the runs that these changes take values from."""
    return [name for name, run in others.items() if any(one.replacement and _is_from(one.replacement, run) for one in changes)]


def known(names: Sequence[str]) -> str:
    """These runs as a keyword argument, or nothing."""
    return f", known=[{', '.join(names)}]" if names else ""


def _replacement(replacement: Replacement, others: Mapping[str, Capture]) -> str:
    if replacement.how == "other":
        for name, run in others.items():
            if replacement == Replacement.other(run, replacement.positions):
                positions = "" if replacement.positions is None else f", positions={list(replacement.positions)}"
                return f"lw.Replacement.other({name}{positions})"
    return f"lw.{replacement!r}"


def _is_from(replacement: Replacement, run: Capture) -> bool:
    return tuple(run.token_ids) in replacement.prompts


def _made_in(run: Capture) -> Interventions:
    return Interventions.from_json(json.loads(run.change))


def _is_encoded_so(run: Capture, text: str) -> bool:
    """A chat's text, encoded once more as a text, may begin with another special token."""
    try:
        tokenizer = run.subject.tokenizer
    except DetachedError:
        return True
    return tokenizer is None or list(tokenizer(text)["input_ids"]) == run.token_ids
