"""Ablation: what the answer loses when a head, an MLP, a layer's attention or a neuron is taken away.

Always true: each part is taken away alone, at all positions (or those asked for), and the model computes everything later anew. What takes
its place changes the ranking, and is named in the result. Several parts at once: `effect_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import caveat
from llmwidgets.analysis.sentences.caveats import BACKUP
from llmwidgets.experiments.edits import require_site, sites_of
from llmwidgets.experiments.intervention import Intervention, Interventions, listed
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.replacement import ZERO, Replacement
from llmwidgets.models.errors import UndefinedHereError

from .table import Cancelled, OnOutcome, Place, Progress, effect_table, told

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

WHAT = {"head": "z", "attention": "attn_out", "mlp": "mlp_out", "neuron": "mlp_post"}
REPLACEMENTS = ("zero", "mean", "resample")


@over_prompts
def ablate(
    run: Capture,
    metric: Metric,
    *,
    what: str = "head",
    layers: Sequence[int] | None = None,
    neurons: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
    replacement: str = "zero",
    references: Sequence[Any] = (),
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    on_outcome: OnOutcome | None = None,
) -> xarray.Dataset:
    """Take away each part alone, and measure what the answer loses: effect = metric after - metric before.

    what: "head" (its z, before the output matrix), "attention" (all that a layer's attention adds), "mlp", or "neuron" (of `layers`, which
    are then needed). layers, neurons, positions: None for all.
    replacement: "zero"; "mean", over `references` at the same position; "resample", the value in references[0]. references: Captures of
    the same model (or token ids) as long as the prompt.
    progress(done, total, what), cancelled() (asked before each block; what was found by then comes back, with attrs["stopped"]), and
    on_outcome(place, outcome), called as each result comes.

    A Dataset over (layer, head), (layer,) or (layer, neuron), float64: `effect`, and the values after in every quantity (read the rank as
    found["rank"]: xarray has a method of that name); NaN for heads that a layer lacks.
    attrs: metric, before, replacement, positions, method, evidence, caveat. A list of runs gives means with intervals.

    Raises what `Metric.on` does, ValueError for a replacement without its references, PromptError for references of another length.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> found = ablate(run, Metric(" Mary", foil=" John"))
    >>> found.effect.shape, found.attrs["before"]["rank"]
    ((4, 4), 1.0)
    """
    require_capture(run)
    if what not in WHAT:
        raise ValueError(f"what={what!r} came; expected one of {', '.join(WHAT)}")
    put = replacement_of(run, replacement, references)
    known = [other for other in references if hasattr(other, "token_ids")]
    at_layers = layers_of(run, layers, WHAT[what])
    coords: dict[str, Sequence[int]] = {"layer": at_layers}
    at_positions = None if positions is None else listed(positions, "positions")
    changes: dict[Place, Intervention | Interventions] = {}
    if what == "head":
        coords["head"] = range(max(run.heads_per_layer[layer] for layer in at_layers))
        for i, layer in enumerate(at_layers):
            for head in range(run.heads_per_layer[layer]):
                changes[i, head] = Intervention("z", layer, head, at_positions, replacement=put)
    elif what == "neuron":
        if layers is None and neurons is None:
            raise ValueError("single neurons are many: name their layers= or the neurons= that are wanted")
        width = run["mlp_post", at_layers[0]].shape[-1]
        coords["neuron"] = range(width) if neurons is None else listed(neurons, "neurons")
        for i, layer in enumerate(at_layers):
            for j, neuron in enumerate(coords["neuron"]):
                changes[i, j] = Intervention("mlp_post", layer, position=at_positions, neuron=neuron, replacement=put)
    else:
        for i, layer in enumerate(at_layers):
            changes[(i,)] = Intervention(WHAT[what], layer, position=at_positions, replacement=put)
    found = effect_table(run, changes, metric, coords, known=known, progress=progress, cancelled=cancelled, on_outcome=on_outcome)
    return told(
        found,
        ("effect",),
        title=f"effect of taking away each {what}" if what != "attention" else "effect of taking away each layer's attention",
        method_name="ablation",
        site=WHAT[what],
        method=f"{what} ablation: {put.in_words}, everything later computed anew",
        replacement=replacement,
        positions="all" if at_positions is None else at_positions,
        caveat=caveat("ablation", replacement=replacement),
    )


@over_prompts
def effect_of(
    run: Capture,
    metric: Metric,
    change: Intervention | Iterable[Intervention],
    *,
    references: Sequence[Capture] = (),
) -> xarray.Dataset:
    """Make all of `change` at once, and measure the answer: `effect` and every quantity after, each a single float64.

    change: an Intervention or several (`a + b`), such as two heads that may back each other up. references: Captures of the prompts that
    its replacements name, if at hand.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "key lamp river clock orange ; key lamp river clock")
    >>> metric = Metric.proposed(run)
    >>> bool(effect_of(run, metric, Intervention("z", layer=1)).effect < -1)
    True
    """
    require_capture(run)
    together = Interventions.of(change)
    found = effect_table(run, {(): together}, metric, {}, known=references)
    replacement = _one_replacement(together)
    return told(
        found,
        ("effect",),
        title="effect of these changes together",
        method_name="ablation",
        change=str(together),
        interventions=together.to_json(),
        method="the changes made together, everything later computed anew",
        replacement=replacement,
        caveat=caveat("ablation", replacement=replacement) if replacement in REPLACEMENTS else BACKUP,
    )


def replacement_of(run: Capture, replacement: str, references: Sequence[Any]) -> Replacement:
    """The Replacement called "zero", "mean" or "resample"."""
    if replacement not in REPLACEMENTS:
        raise ValueError(f"replacement={replacement!r} came; expected one of {', '.join(REPLACEMENTS)}")
    if replacement == "zero":
        if len(references):
            raise ValueError('references came, but replacement="zero" uses none; say replacement="mean" or "resample"')
        return ZERO
    if not len(references) or (replacement == "resample" and len(references) != 1):
        wanted = "prompts to take the mean over" if replacement == "mean" else "exactly one prompt to take the value from"
        raise ValueError(
            f"replacement={replacement!r} came with {len(references)} references; give references=[...]: {wanted}, "
            f"each a capture (run.again(text)) of {run.n_tokens} tokens, as this prompt"
        )
    return Replacement.mean(references) if replacement == "mean" else Replacement.other(references[0])


def layers_of(run: Capture, layers: Sequence[int] | int | None, site: str) -> list[int]:
    """The layers asked for, from 0; for None those that have the site. UndefinedHereError where one asked for lacks it, or all do."""
    if layers is not None:
        asked = listed(layers, "layers")
        outside = [layer for layer in asked if not -run.n_layers <= layer < run.n_layers]
        if outside:
            raise IndexError(f"layer {outside[0]} came; this run has 0 to {run.n_layers - 1}")
        found = [layer % run.n_layers for layer in asked]
        for layer in found:
            require_site(run, site, layer)
        return found
    having = [layer for layer in range(run.n_layers) if site in sites_of(run, layer)]
    if not having:
        Interventions((Intervention(site),))  # the site is known
        raise UndefinedHereError(f"no block of this model has {site}; {run.bench('an experiment').anatomy.blocks[0].expression}")
    return having


def _one_replacement(together: Interventions) -> str:
    how = {one.replacement.how for one in together if one.replacement is not None}
    name = {"other": "resample"}.get(next(iter(how), ""), next(iter(how), ""))
    return name if len(how) == 1 and name in REPLACEMENTS else "several"
