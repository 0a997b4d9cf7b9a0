"""Direct logit attribution: what each part adds to target minus foil by itself, at the metric's position.

Always true: a result's variables, but for `total`, sum to `total`, and total is the model's own logit difference (before a soft cap) up to
the closing error that the result carries. A direction is pulled back to where a part was written: no part is ever carried to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from llmwidgets.analysis.given import require_capture
from llmwidgets.analysis.prompts import over_prompts
from llmwidgets.analysis.sentences import caveat
from llmwidgets.experiments.metric import AskedOf, Metric
from llmwidgets.models.errors import UndefinedHereError

from .carry import pulled_back_to
from .closing import require_closing
from .decompose import embedded
from .layer_shares import LayerShares, Pair
from .terms import terms_at
from .unembedding import before_cap, towards, unembedding_of

if TYPE_CHECKING:
    import xarray

    from llmwidgets.capture import Capture

METHOD = "direct logit attribution, norms frozen at their statistics"

Variables = dict[str, tuple[tuple[str, ...], Any]]


@over_prompts
def direct_logit_attribution(run: Capture, metric: Metric, *, by: str = "head") -> xarray.Dataset:
    """What each part of the model adds directly to logit[target] - logit[foil] at the metric's position.

    metric: its target and foil, or a target alone, which is then measured against the mean over the vocabulary. Its quantity does not
    matter: logit differences are what adds up.
    by: "layer": attention and mlp (layer,), biases with them;
    "head": heads (layer, head), mlp (layer,), bias (layer,), the attention's output bias;
    "position": attention (layer, position), what attention moved from each source position to the metric's; mlp and bias as before;
    "neuron": neurons (layer, neuron), mlp_bias (layer,), attention (layer,), and mlp (layer,) for layers whose MLP is not one matrix.

    A Dataset, float64, in logits. Beside what `by` names: embed (and position_embed where it is told apart), norm_bias where norms in the
    stream have one, mixer for what stands in attention's place or cannot be told apart by heads, constant (the final norm's beta and the
    unembedding's bias) and total. NaN where a layer lacks the head or neuron. All but total sum to total; attrs["closing_error"] is
    |total - the model's logit difference| in logits, attrs["constant"] the constant, attrs["before_cap"] says that the model caps its
    logits and that this is before the cap. The model's own factor on its logits is in every number.

    Raises UndefinedHereError (a ValueError) where more than a norm stands between the stream and the unembedding (BERT), the shares do not
    add up to the model's logits (they are never given then), or nothing is divided as `by` asks; TokenError for a target that is no single
    token; ValueError for another `by`.

    >>> import llmwidgets as lw
    >>> from llmwidgets.experiments.metric import Metric
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> shares = direct_logit_attribution(run, Metric(" Mary", foil=" John"))
    >>> shares.heads.dims, shares.attrs["closing_error"] < 1e-4
    (('layer', 'head'), True)
    """
    require_capture(run)
    if by not in _WAYS:
        raise ValueError(f"by={by!r} came; expected one of {', '.join(_WAYS)}")
    unembedding_of(run)
    asked = replace(metric, quantity="logit_difference").on(run, foil_needed=False)
    direction, terms = towards(run, asked), terms_at(run, [asked.position])
    nodes, norms = [block.anatomy.output for block in terms.blocks], [block.norms for block in terms.blocks]
    inside = pulled_back_to(0, nodes, direction.at([asked.position]), norms)  # type: ignore[arg-type]
    with run.bench("direct logit attribution").twin.ready() as model:
        layers = [LayerShares(run, layer, asked.position, terms.blocks[layer], inside[layer], model) for layer in range(run.n_layers)]
        variables = _WAYS[by](layers)
        start = embedded(terms, model)
    if any(layer.norm_bias() for layer in layers):
        variables["norm_bias"] = _of_layers([layer.norm_bias() for layer in layers])
    for (name, _), part in start.items():
        variables[name.replace(" ", "_")] = ((), float((part[0] * inside[0].entering).sum()))
    variables["constant"] = ((), direction.constant)
    return _dataset(run, asked, by, variables, model)


def _by_layer(layers: Sequence[LayerShares]) -> Variables:
    return {**_whole_attention(layers), "mlp": _of_layers([layer.mlp() for layer in layers])}


def _by_head(layers: Sequence[LayerShares]) -> Variables:
    return _divided_attention(layers, LayerShares.heads, "heads", "head")


def _by_position(layers: Sequence[LayerShares]) -> Variables:
    return _divided_attention(layers, LayerShares.positions, "attention", "position")


def _by_neuron(layers: Sequence[LayerShares]) -> Variables:
    found = [layer.neurons() for layer in layers]
    if not any(found):
        raise UndefinedHereError(
            "no MLP of this model is seen to be one matrix of neurons (a mixture of experts is not, nor is an MLP with adapters in it), so "
            "neurons have no share of their own; "
            'by="layer" gives each MLP as a whole'
        )
    variables: Variables = {
        "neurons": (("layer", "neuron"), _rows(found)),
        "mlp_bias": _of_layers([pair[1] if pair else 0.0 for pair in found]),
        **_whole_attention(layers),
    }
    if not all(found):
        variables["mlp"] = _of_layers([0.0 if pair else layer.mlp() for layer, pair in zip(layers, found, strict=True)])
    return variables


_WAYS: dict[str, Callable[[Sequence[LayerShares]], Variables]] = {
    "layer": _by_layer,
    "head": _by_head,
    "position": _by_position,
    "neuron": _by_neuron,
}


def _whole_attention(layers: Sequence[LayerShares]) -> Variables:
    """Attention of each layer, and apart from it what stands in its place in layers without."""
    variables = {"attention": _of_layers([layer.attention() if layer.has_attention else 0.0 for layer in layers])}
    if not all(layer.has_attention for layer in layers):
        variables["mixer"] = _of_layers([0.0 if layer.has_attention else layer.attention() for layer in layers])
    return variables


def _divided_attention(layers: Sequence[LayerShares], parts: Callable[[LayerShares], Pair | None], name: str, coordinate: str) -> Variables:
    """Attention of each layer in parts and a bias; `mixer` is what could not be divided."""
    found = [parts(layer) for layer in layers]
    if not any(found):
        raise UndefinedHereError(
            "no block of this model has attention whose heads can be told apart, so they have no share of their own; "
            'by="layer" gives what each block adds in its place'
        )
    variables: Variables = {
        name: (("layer", coordinate), _rows(found)),
        "bias": _of_layers([pair[1] if pair else 0.0 for pair in found]),
        "mlp": _of_layers([layer.mlp() for layer in layers]),
    }
    if not all(found):
        variables["mixer"] = _of_layers([0.0 if pair else layer.attention() for layer, pair in zip(layers, found, strict=True)])
    return variables


def _of_layers(values: Sequence[float]) -> tuple[tuple[str, ...], np.ndarray]:
    return ("layer",), np.array(values)


def _rows(found: Sequence[Pair | None]) -> np.ndarray:
    """The parts' shares as rows (layer, n), NaN where a row is shorter or missing."""
    values = np.full((len(found), max(len(pair[0]) for pair in found if pair)), np.nan)
    for row, pair in zip(values, found, strict=True):
        if pair:
            row[: len(pair[0])] = pair[0].numpy()
    return values


def _dataset(run: Capture, asked: AskedOf, by: str, variables: Variables, model: nn.Module) -> xarray.Dataset:
    import xarray

    total = float(sum(np.nansum(values) for _, values in variables.values()))
    error = abs(total - before_cap(run, asked))
    largest = max(float(asked.clean.abs().max()), *(float(np.nanmax(np.abs(values))) for _, values in variables.values()))
    require_closing(run, error, largest, model, "the model's logits")
    variables["total"] = ((), total)
    sizes = {name: size for dims, values in variables.values() for name, size in zip(dims, np.shape(values), strict=True)}
    coordinates: dict[str, Any] = {name: range(size) for name, size in sizes.items()}
    if "position" in sizes:
        coordinates["token"] = ("position", np.array(run.tokens, dtype=object))
    attrs = {
        "title": f"direct contribution to {asked.name}",
        "unit": "logits",
        "evidence": "attribution",
        "method_name": "direct_contribution",
        "caveat": caveat("direct_contribution"),
        "method": METHOD,
        "metric": asked.name,
        "quantity": "logit_difference",
        "before": {"logit_difference": float(asked.of(asked.clean[None]))},
        "by": by,
        "positions": [asked.position],
        "n_prompts": 1,
        "constant": variables["constant"][1],
        "before_cap": unembedding_of(run).cap is not None,
        "closing_error": error,
    }
    return xarray.Dataset(variables, coords=coordinates, attrs=attrs)
