"""One forward and one backward pass: how steeply the metric rises with each activation of a run, at named sites.

Always true: the pass runs on the twin with the run's own prompt; its graph begins at the first block's input, so that it needs no
parameter with gradients and leaves none behind; nobody's `.grad` or `requires_grad` is touched. The values are those of the capture.
What a gradient is good for (attribution patching, gradient x input) is left to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from llmwidgets.experiments.intervene import change_of
from llmwidgets.experiments.metric import AskedOf
from llmwidgets.models.errors import ActivationUnavailableError, ModelError, UndefinedHereError
from llmwidgets.models.inputs import forward_inputs

from .graph_sites import SITES, GraphListener, Node, has_site

if TYPE_CHECKING:
    from llmwidgets.capture import Capture
    from llmwidgets.capture.recorder import Cancelled, Progress

_NO_SLOPE = {
    "rank": "a rank moves in steps, so it has no gradient",
    "kl": "the divergence from the run itself is smallest at the run, so its gradient there is zero",
}


@dataclass(frozen=True, eq=False)
class Sloped:
    """An activation, and the metric's gradient with respect to it, of one shape; both on the CPU, in float32 (float64 where they are)."""

    activation: Tensor  # (position, width), or (head, position, width) for z, q, k, v and attention_output
    gradient: Tensor


@dataclass(frozen=True, eq=False)
class Gradients:
    """The metric's value, and what was asked for by (site, layer); a layer that lacks a site is absent."""

    value: float
    at: dict[tuple[str, int], Sloped]


def gradients(
    run: Capture, asked: AskedOf, sites: Sequence[str], *, progress: Progress | None = None, cancelled: Cancelled | None = None
) -> Gradients:
    """Return activations and d metric / d activation of `run` at `sites`, in every layer that has them.

    asked: a metric asked of this run (`metric.on(run)`). Raises ValueError for a quantity without a gradient (rank, kl) or an unknown
    site, UndefinedHereError for a changed run, or where no layer has the site or no gradient leads there, CaptureStopped when cancelled,
    and what `run.bench` raises.

    >>> import llmwidgets as lw
    >>> from llmwidgets.experiments.metric import Metric
    >>> run = lw.capture(lw.demo_model(), "The keys to the cabinet")
    >>> found = gradients(run, Metric.proposed(run).on(run), ["z"])
    >>> found.at["z", 0].gradient.shape == run["z", 0].shape
    True
    """
    if asked.quantity in _NO_SLOPE:
        raise ValueError(f"{_NO_SLOPE[asked.quantity]}; measure logit_difference, log_probability or probability")
    for site in sites:
        if site not in SITES:
            raise ValueError(f"site={site!r} came; expected one of {', '.join(SITES)}")
    bench = run.bench("a gradient")
    if run.change:
        raise UndefinedHereError(
            f"this run is itself a changed one ({change_of(run)}), and a gradient is of what the model does by itself. Patch the clean "
            "run: the one that is patched must be unchanged; the activations that are put into it may come from a changed one"
        )
    for site in sites:
        if not any(has_site(block, site) for block in bench.anatomy.blocks):
            raise _undefined(run, site)
    if any(parameter.is_inference() for parameter in run.subject.model.parameters()):
        raise ModelError("the model was made under torch.inference_mode(), which rules out every gradient; load it outside of that")
    # Tensors made in inference mode cannot enter a graph: a caller in it is left out of it for the length of the pass.
    with bench.twin.ready() as model, torch.inference_mode(False), torch.enable_grad():
        ids, mask = run.inputs.ids.clone(), run.inputs.attention_mask.clone()
        listener = GraphListener(model, bench.anatomy, tuple(dict.fromkeys(sites)), progress, cancelled)
        with listener.listening():
            output = model(**forward_inputs(model, ids, mask, keep=torch.tensor([asked.position])))
        value = asked.of(_logits_at(output.logits, asked.position, len(ids)))[0]
        nodes = listener.nodes
        cut = next((place for place, node in nodes.items() if not (value.requires_grad and node.tensor.requires_grad)), None)
        if cut is not None:
            raise _without_path(cut)
        found = torch.autograd.grad(value, [node.tensor for node in nodes.values()], allow_unused=True)
        return Gradients(
            float(value.detach()),
            {place: _sloped(node, slope, place) for (place, node), slope in zip(nodes.items(), found, strict=True)},
        )


def _undefined(run: Capture, site: str) -> UndefinedHereError:
    try:
        run["q" if site == "attention_output" else site, 0]
    except ActivationUnavailableError as refusal:
        return UndefinedHereError(f"{site} is undefined here: {refusal}")
    return UndefinedHereError(f"{site} is undefined here: no block of this model has it as a value of its own")


def _without_path(place: tuple[str, int]) -> UndefinedHereError:
    return UndefinedHereError(
        f"no gradient leads from the model's answer to {place[0]} of block {place[1]}: this model computes a part of the way without one"
    )


def _sloped(node: Node, slope: Tensor | None, place: tuple[str, int]) -> Sloped:
    if slope is None:
        raise _without_path(place)
    return Sloped(*(_given_out(node.shaped(tensor)) for tensor in (node.value, slope / node.factor)))


def _given_out(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float64 if values.dtype == torch.float64 else torch.float32)


def _logits_at(logits: Tensor, position: int, n_tokens: int) -> Tensor:
    """(1, vocab); a model that cannot leave positions out gave them all."""
    at = position if logits.shape[1] == n_tokens else 0
    return logits[:, at]
