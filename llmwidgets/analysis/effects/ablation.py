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
from llmwidgets.experiments.intervention import Intervention, Interventions
from llmwidgets.experiments.metric import Metric

from .asked import REPLACEMENTS, captures_among, layers_of, places_within, replacement_of
from .table import OnOutcome, Place, effect_table, told

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture
    from llmwidgets.capture.recorder import Cancelled, Progress

WHAT = {"head": "z", "attention": "attn_out", "mlp": "mlp_out", "neuron": "mlp_post"}


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
    if neurons is not None and what != "neuron":
        raise ValueError(f'neurons came with what={what!r}; say what="neuron" to ablate single neurons')
    put = replacement_of(run, replacement, references)
    at_layers = layers_of(run, layers, WHAT[what])
    coords: dict[str, Sequence[int]] = {"layer": at_layers}
    at_positions = None if positions is None else places_within(positions, run.n_tokens, "positions")
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
        coords["neuron"] = range(width) if neurons is None else places_within(neurons, width, "neurons")
        for i, layer in enumerate(at_layers):
            for j, neuron in enumerate(coords["neuron"]):
                changes[i, j] = Intervention("mlp_post", layer, position=at_positions, neuron=neuron, replacement=put)
    else:
        for i, layer in enumerate(at_layers):
            changes[(i,)] = Intervention(WHAT[what], layer, position=at_positions, replacement=put)
    known = captures_among(references)
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


def _one_replacement(together: Interventions) -> str:
    how = {one.replacement.how for one in together if one.replacement is not None}
    name = {"other": "resample"}.get(next(iter(how), ""), next(iter(how), ""))
    return name if len(how) == 1 and name in REPLACEMENTS else "several"
