"""Activation patching: one run with an activation of another put in its place (Meng et al. 2022; Wang et al. 2022).

Denoising puts the clean run's activation into the corrupted run: is it enough to restore the answer? Noising puts the corrupted one into
the clean run: is it needed to keep it? They differ. Always true: prompts of equally many tokens are aligned by position, others by the
pairs that are given; recovery is 0 at the corrupted run and 1 at the clean one, in both directions; where the two runs hardly differ there
is no ratio, and the result says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.edits import head_count
from llmwidgets.experiments.intervention import COORDINATES, HEAD_SITES, STREAM_SITES, Intervention, Interventions
from llmwidgets.experiments.metric import Metric
from llmwidgets.experiments.places import listed
from llmwidgets.experiments.replacement import Replacement
from llmwidgets.experiments.sweep import sweep

from .asked import layers_of, places_within
from .pairing import pairing
from .separation import separation
from .table import OnOutcome, Place, effect_table, told

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture
    from llmwidgets.capture.recorder import Cancelled, Progress

_IN_WORDS = {
    "denoise": "activation patching, denoising: the corrupted run with the clean run's activation",
    "noise": "activation patching, noising: the clean run with the corrupted run's activation",
}


@over_prompts
def patch(
    clean: Capture,
    corrupted: Capture,
    metric: Metric,
    *,
    site: str = "resid_pre",
    direction: str = "denoise",
    by_position: bool | None = None,
    layers: Sequence[int] | None = None,
    positions: Sequence[int] | None = None,
    neurons: Sequence[int] | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    on_outcome: OnOutcome | None = None,
) -> xarray.Dataset:
    """Put each activation of one run into the other, one at a time, and measure what that restores or destroys.

    clean, corrupted: Captures of the same model on prompts of equally many tokens. metric: asked at the same position of both.
    pairs: (position in clean, position in corrupted), rising, for prompts that are not aligned by position (`alignment.align` proposes
    some): an activation goes to its partner's place, a position without one is left as it is and, where positions are taken apart, NaN;
    the metric is asked at its position in the clean run, and at that one's partner in the corrupted run. q and k bring their own rotation
    along.
    site: "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", by (layer, position); "z", "q", "pattern", by (layer, head), with
    by_position also by position (of "pattern": the query's row); "k", "v" by (layer, kv_head), the heads that queries share; "mlp_post"
    by (layer, neuron), for the `neurons` asked for.
    direction: "denoise" (clean into corrupted: enough to restore?) or "noise" (corrupted into clean: needed to keep?). by_position: None
    takes positions apart for the stream, and together for heads and neurons. layers, positions: None for all.
    progress, cancelled, on_outcome: as in `ablate`.

    A Dataset, float64: `effect` (after - before, of the run that was patched), `recovery` (0: as corrupted, 1: as clean; left out where the
    prompts do not separate, attrs["no_ratio"] says so), and the values after in every quantity (kl: from the clean run's distribution).
    attrs: clean and corrupted (each quantity on both runs), before, direction, site, method, evidence, caveat; with pairs, these and
    metric_positions.

    Raises PromptError for prompts of two models, of unequal length without pairs, and where the metric's position has no partner;
    ValueError for pairs that are none; UndefinedHereError for a site that this architecture lacks, and patterns over unlike keys.

    >>> import llmwidgets as lw
    >>> clean = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> corrupted = clean.again("When Mary and John went to the store, Mary gave a drink to")
    >>> found = patch(clean, corrupted, Metric(" Mary", foil=" John"), site="resid_pre", positions=[-1])
    >>> found.recovery.dims, bool(abs(found.recovery.sel(layer=0, position=13)) < 1e-4)
    (('layer', 'position'), True)
    """
    for run in (clean, corrupted):
        require_capture(run)
    way = pairing(clean, corrupted, metric, direction, pairs)
    base, donor = way.base, way.donor
    positions = None if positions is None else listed(positions, "positions")
    changes, coords = _places(base, donor, site, by_position, layers, positions, neurons, way.pairs)
    asked = metric.on(clean)
    found = effect_table(
        base, changes, way.metric, coords, known=[donor], reference=asked, progress=progress, cancelled=cancelled, on_outcome=on_outcome
    ).assign_attrs(metric=asked.name)
    apart = separation(clean, corrupted, metric, way.metric_there)
    if apart.gap is not None:
        before = found.attrs["before"][metric.quantity]
        recovery = (found.effect + before - apart.corrupted[metric.quantity]) / apart.gap
        unit = {"unit": "share of clean minus corrupted", "title": f"recovery of {found.attrs['metric']}"}
        found = found.assign(recovery=recovery.assign_attrs(unit))
    else:
        found = found.assign_attrs(no_ratio=apart.no_ratio)
    return told(
        found,
        [name for name in ("effect", "recovery") if name in found],
        title=f"{direction} {site}",
        method_name=direction,
        site=site,
        direction=direction,
        method=_IN_WORDS[direction],
        replacement="other",
        clean=apart.clean,
        corrupted=apart.corrupted,
        positions="all" if positions is None else places_within(positions, base.n_tokens, "positions"),
        caveat=caveat(direction),
        **way.attrs,
    )


def patched_values(
    base: Capture,
    donor: Capture,
    metric: Metric,
    site: str,
    places: Sequence[Mapping[str, int]],
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield (index of the place, every quantity after) as each single place of `base` is patched from `donor`; a place names layer, and
    head (or kv_head), position (or query) or neuron. pairs: (position of base, position of donor)."""
    put = Replacement.other(donor, pairs)
    changes = [Intervention(site, **{_field(name): at for name, at in place.items()}, replacement=put) for place in places]
    for outcome in sweep(base, changes, metric, known=[donor], progress=progress, cancelled=cancelled):
        yield outcome.index, outcome.after


def _field(coordinate: str) -> str:
    return {"kv_head": "head", "query": "position"}.get(coordinate, coordinate)


def _places(
    base: Capture,
    donor: Capture,
    site: str,
    by_position: bool | None,
    layers: Sequence[int] | None,
    positions: Sequence[int] | None,
    neurons: Sequence[int] | None,
    pairs: Sequence[tuple[int, int]] | None,
) -> tuple[dict[Place, Intervention | Interventions], dict[str, Sequence[int]]]:
    if site not in COORDINATES or site == "scores":
        raise ValueError(f"site={site!r} came; expected one of {', '.join(name for name in COORDINATES if name != 'scores')}")
    if neurons is not None and site != "mlp_post":
        raise ValueError(f'neurons came with site={site!r}; single neurons are of site="mlp_post"')
    at_layers = layers_of(base, layers, site)
    apart = site in STREAM_SITES if by_position is None else by_position
    at_positions = None if positions is None else places_within(positions, base.n_tokens, "positions")
    coords: dict[str, Sequence[int]] = {"layer": at_layers}
    inner: list[tuple[str, str]] = []  # (dimension, coordinate of an Intervention)
    if site in HEAD_SITES:
        dim = "kv_head" if site in ("k", "v") else "head"
        coords[dim] = range(max(head_count(base, site, layer) for layer in at_layers))
        inner.append((dim, "head"))
    elif site == "mlp_post":
        if neurons is None:
            raise ValueError("single neurons are many: name those that are wanted (neurons=); attribution_patching screens all of them")
        coords["neuron"] = places_within(neurons, base["mlp_post", at_layers[0]].shape[-1], "neurons")
        inner.append(("neuron", "neuron"))
    if apart:
        dim = "query" if site == "pattern" else "position"
        coords[dim] = range(base.n_tokens) if at_positions is None else at_positions
        inner.append((dim, "position"))
    put = Replacement.other(donor, pairs)
    paired = None if pairs is None else {own for own, _ in pairs}
    changes: dict[Place, Intervention | Interventions] = {}
    for i, layer in enumerate(at_layers):
        for place in product(*(range(len(coords[dim])) for dim, _ in inner)):
            at = {name: coords[dim][k] for (dim, name), k in zip(inner, place, strict=True)}
            if "head" in at and at["head"] >= head_count(base, site, layer):
                continue
            if apart and paired is not None and at["position"] not in paired:
                continue
            if not apart and at_positions is not None:
                at["position"] = at_positions
            changes[(i, *place)] = Intervention(site, layer, **at, replacement=put)
    return changes, coords
