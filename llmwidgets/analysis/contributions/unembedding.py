"""How the final residual stream becomes logits: one norm or none, the unembedding, a factor, a soft cap. Found by running the tail.

Always true: logits = cap(factor * (N(x_L) @ W_U + b_U)) holds for this run, or the model is refused with what stands in between. The cap
bends every logit by its own amount, so what adds up is what goes into it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from llmwidgets.analysis.memo import once
from llmwidgets.experiments.metric import AskedOf
from llmwidgets.models.errors import UndefinedHereError
from llmwidgets.models.inputs import device_of
from llmwidgets.models.matrices import matrix_of
from llmwidgets.models.norms import FrozenNorm, norm_form
from llmwidgets.models.stacks import first_tensor, is_norm, stream_input

from .closing import closeness, dtype_of, not_finite

if TYPE_CHECKING:
    from llmwidgets.capture import Capture
    from llmwidgets.capture.bench import Bench


@dataclass(frozen=True, eq=False)
class Unembedding:
    """The way from the residual stream to the logits, with the final norm frozen at every position of the run."""

    norm: FrozenNorm | None  # over all positions
    factor: float  # what the raw logits are multiplied by
    cap: float | None


@dataclass(frozen=True, eq=False)
class Towards:
    """A metric's direction: target minus foil (or minus the mean over the vocabulary), the model's factor in it."""

    vector: Tensor  # (d_model,) float64, on the normed stream
    offset: float  # b_U's part
    norm: FrozenNorm | None

    def at(self, positions: Sequence[int]) -> Tensor:
        """The direction (n, d_model), float64, on the final residual stream at `positions`."""
        rows = self.vector.expand(len(positions), -1)
        return rows if self.norm is None else self.norm.at(torch.tensor(positions)).pull_back(rows)

    @property
    def constant(self) -> float:
        """What no part brings: the final norm's beta and the unembedding's bias."""
        return self.offset + (0.0 if self.norm is None else float(self.norm.form.beta.double() @ self.vector))


def unembedding_of(run: Capture) -> Unembedding:
    """How this run's stream becomes logits; kept for the run. Raises UndefinedHereError where it is another way."""
    run.bench("finding the way to the logits")  # refuses a model that has changed since
    return once(run, "unembedding", lambda: _found(run))


def towards(run: Capture, asked: AskedOf) -> Towards:
    """The direction of a metric's target minus its foil (minus the mean over the vocabulary, without one)."""
    way = unembedding_of(run)
    bench = run.bench("reading the unembedding")
    target, foil = asked.target_id, asked.foil_id

    def difference(outputs: Tensor) -> Tensor:
        other = outputs.mean(-1, keepdim=True, dtype=torch.float64) if foil is None else outputs[:, [foil]].double()
        return outputs[:, [target]].double() - other

    with bench.twin.ready() as model:
        matrix = matrix_of(model.get_output_embeddings(), run.d_model, dtype_of(model), keep=difference)
    return Towards(way.factor * matrix.weight[:, 0], way.factor * float(matrix.offset[0]), way.norm)


def before_cap(run: Capture, asked: AskedOf) -> float:
    """The metric's logit difference as the model computes it, before any soft cap."""
    way = unembedding_of(run)
    clean = asked.clean
    if way.cap is not None:
        clean = way.factor * _tail(run.bench("reading out logits"), run["resid_post", run.n_layers - 1][[asked.position]]).raw[0]
    return float(clean[asked.target_id] - (clean.mean() if asked.foil_id is None else clean[asked.foil_id]))


@dataclass(frozen=True, eq=False)
class _Tail:
    given: Tensor  # (n, d_model) float64, the unembedding's input
    raw: Tensor  # (n, vocab) float64, its output
    logits: Tensor  # (n, vocab) float64
    between: tuple[str, ...]  # modules that ran between the last block and the unembedding


def _found(run: Capture) -> Unembedding:
    bench = run.bench("finding the way to the logits")
    if not bench.anatomy.has_head:
        raise UndefinedHereError("this model has no output head, so no part of it has a share in a logit")
    stream = run["resid_post", run.n_layers - 1]  # (position, d_model)
    finite = stream.isfinite().all(-1).nonzero()[:, 0].tolist()
    if not finite:
        raise not_finite("the final residual stream of this run")
    some = sorted({finite[0], finite[len(finite) // 2], finite[-1]})
    tail = _tail(bench, stream[some])
    if not tail.logits.isfinite().all():
        raise not_finite("what this model makes of its final residual stream")
    with bench.twin.ready() as model:
        modules = [model.get_submodule(name) for name in tail.between]
        linear = not modules or (len(modules) == 1 and is_norm(modules[0]))
        expected = stream[some].double()
        norm = None
        if linear and modules:
            norm, normed = _freeze(modules[0], stream, dtype_of(model), tail.between[0])
            expected = normed[some]
        tolerance = closeness(model)
        if not linear or not _agree(expected, tail.given, tolerance):
            standing = f"{', '.join(tail.between)}" if modules else "a computation outside any module"
            raise UndefinedHereError(
                f"between the final residual stream and the unembedding stands more than one norm ({standing}), so the logits are no sum "
                "over parts of the stream; direct logit attribution is undefined here. decompose, norm_weighted_attention, rollout and "
                "ablation are not"
            )
        related = _relation(tail.raw, tail.logits, _numbers(model), tolerance)
    if related is None:
        raise UndefinedHereError(
            "the logits are neither a multiple of the unembedding's output nor a soft cap of it, so they are no sum over parts of the "
            "stream; direct logit attribution is undefined here"
        )
    return Unembedding(norm, *related)


def _tail(bench: Bench, rows: Tensor) -> _Tail:
    """The model's tail run on rows (n, d_model) of the residual stream."""
    seen: list[tuple[Tensor, Tensor]] = []
    between: dict[str, None] = {}
    last = bench.anatomy.blocks[-1].name
    state = {"after": False}
    with bench.twin.ready() as model:
        head = model.get_output_embeddings()

        def watch(name: str) -> Any:
            def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
                given = stream_input(args, kwargs)
                if module is head and given is not None:
                    seen.append((_wide(given[0]), _wide(output[0])))
                    state["after"] = False
                elif name == last:
                    state["after"] = True
                elif state["after"] and first_tensor(output) is not None:
                    between[name] = None

            return hook

        in_blocks = tuple(f"{block.name}." for block in bench.anatomy.blocks)
        handles = []
        try:
            for name, module in model.named_modules():
                is_leaf = not any(True for _ in module.children()) and not isinstance(module, (nn.Dropout, nn.Identity))
                if module is head or name == last or (is_leaf and not name.startswith(in_blocks)):
                    handles.append(module.register_forward_hook(watch(name), with_kwargs=True))
            logits = bench.read_out(rows)
        finally:
            for handle in handles:
                handle.remove()
    if not seen:
        raise UndefinedHereError(
            "this model's logits do not come out of its output embeddings, so what the stream adds to them cannot be told"
        )
    given, raw = (torch.cat(each)[-len(rows) :] for each in zip(*seen, strict=True))
    return _Tail(given, raw, logits.double(), tuple(between))


def _freeze(module: nn.Module, stream: Tensor, dtype: torch.dtype, name: str) -> tuple[FrozenNorm, Tensor]:
    form = norm_form(module, stream.shape[-1], dtype, name)
    given, device = stream.to(dtype), device_of(module)
    gave = torch.cat([_wide(module(rows[None].to(device))[0]) for rows in given.split(1024)])  # (position, d_model)
    return form.frozen(given.double(), gave), gave


def _relation(raw: Tensor, logits: Tensor, numbers: Iterable[float], tolerance: float) -> tuple[float, float | None] | None:
    """(factor, cap) with logits = cap * tanh(factor * raw / cap), or None. A cap is one of the config's numbers that fits far better."""
    if raw.shape != logits.shape:
        return None
    most = float(logits.abs().max())
    found = {cap: _fitted(raw, logits, cap, tolerance) for cap in (None, *(number for number in numbers if number > most))}
    cap = min(found, key=lambda cap: found[cap][1] * (4 if cap else 1))  # the first, no cap, wins where both fit
    factor, error = found[cap]
    return (factor, cap) if error <= tolerance * most else None


def _fitted(raw: Tensor, logits: Tensor, cap: float | None, tolerance: float) -> tuple[float, float]:
    """The factor that fits best under this cap, and the largest error that it leaves."""
    bent, trusted = logits, torch.ones_like(logits, dtype=torch.bool)
    if cap is not None:
        trusted = logits.abs() < 0.9 * cap  # nearer the cap, undoing it only shows rounding
        bent = cap * torch.atanh((logits / cap).clamp(-0.95, 0.95))
    size = float((raw * raw)[trusted].sum())
    factor = float((raw * bent)[trusted].sum()) / size if size else 1.0
    factor = 1.0 if abs(factor - 1) < tolerance else factor
    again = factor * raw if cap is None else cap * torch.tanh(factor * raw / cap)
    error = float((again - logits).abs().max())
    return factor, error if error == error else math.inf


def _numbers(model: nn.Module) -> Iterator[float]:
    """The positive numbers of the model's config: one of them is the cap, where there is one."""
    values = vars(model.config).values() if hasattr(model, "config") else ()
    yield from dict.fromkeys(float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and 0 < v < math.inf)


def _agree(left: Tensor, right: Tensor, tolerance: float) -> bool:
    return left.shape == right.shape and bool(((left - right).abs().max() <= tolerance * right.abs().max()).item())


def _wide(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float64)
