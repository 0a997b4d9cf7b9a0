"""What an experiment asks of the model: how much more it favours one token than another, at one position.

Always true: a `Metric` is plain data (it can be printed, saved, and used on any run of a like prompt); asked of a run it becomes an
`AskedOf`, which turns logits into numbers in float64. The logit difference equals the difference of log-probabilities, exactly; the
other quantities stand beside it, since each of them can mislead alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from llmwidgets.experiments.places import whole_number, within
from llmwidgets.models.errors import FoilNeededError, TokenError

if TYPE_CHECKING:
    from llmwidgets.capture import Capture

QUANTITIES = ("logit_difference", "log_probability", "probability", "kl", "rank")
UNITS = {"logit_difference": "logits", "log_probability": "nats", "probability": "probability", "kl": "nats", "rank": "rank"}


@dataclass(frozen=True)
class Metric:
    """The target token against the foil, at a position (negative ones count from the end).

    target, foil: a token's text (with its leading space) or its id. quantity: what an effect is measured in: "logit_difference",
    "log_probability" (of the target, nats), "probability", "kl" (from the clean run's distribution, nats), or "rank" (1 is the likeliest).
    All of them are reported beside the one chosen; only the logit difference needs a foil.

    >>> import llmwidgets as lw
    >>> run = lw.capture(lw.demo_model(), "When Mary and John went to the store, John gave a drink to")
    >>> asked = Metric(" Mary", foil=" John").on(run)
    >>> asked.name
    "logit(' Mary') - logit(' John') at position 13"
    >>> asked.before["rank"]
    1.0
    """

    target: str | int
    foil: str | int | None = None
    position: int = -1
    quantity: str = "logit_difference"

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise ValueError(f"quantity={self.quantity!r} came; expected one of {', '.join(QUANTITIES)}")
        for name in ("target", "foil"):
            given = getattr(self, name)
            if isinstance(given, bool) or not (isinstance(given, str) or (name == "foil" and given is None)):
                object.__setattr__(self, name, whole_number(given, name, "a token's text or its id"))
        object.__setattr__(self, "position", whole_number(self.position, "position"))

    @classmethod
    def proposed(cls, run: Capture, position: int = -1, quantity: str = "logit_difference") -> Metric:
        """The model's first choice at `position` against its second."""
        at = _at(run, position)
        logits = _logits_at(run, at)
        _require_numbers(logits, [])
        first, second = logits.topk(2).indices.tolist()
        return cls(_named(run, first), _named(run, second), at, quantity)

    def on(self, run: Capture, foil_needed: bool = True) -> AskedOf:
        """Return this metric asked of `run`.

        Raises TokenError where target or foil is no single token, FoilNeededError where the foil is missing (with a proposal),
        IndexError for a position outside or of padding, and ValueError where the logits there are no numbers.
        """
        at = _at(run, self.position)
        target = token_id(run, self.target, "target")
        foil = None if self.foil is None else token_id(run, self.foil, "foil")
        clean = _logits_at(run, at)
        _require_numbers(clean, [target, *([] if foil is None else [foil])])
        if foil is None and foil_needed and self.quantity == "logit_difference":
            proposal = next(token for token in clean.topk(2).indices.tolist() if token != target)
            share = float(clean.softmax(-1)[proposal])
            raise FoilNeededError(
                f"a logit difference needs a foil: the token that the target is measured against. The model's likeliest other token here "
                f"is {_named(run, proposal)!r} (probability {share:.3g}): {replace(self, foil=_named(run, proposal))!r}. "
                'Or measure another quantity, such as quantity="log_probability"'
            )
        if foil == target:
            raise TokenError(f"target and foil are the same token ({_word(run, target)}); give two")
        words = (_word(run, target), None if foil is None else _word(run, foil))
        return AskedOf(target, foil, at, self.quantity, words, clean)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Metric:
        """Return the Metric of `to_json`'s data."""
        return cls(**data)


@dataclass(frozen=True, eq=False)
class AskedOf:
    """A metric on one run: ids in place of texts, a position that counts from 0, and the clean run's logits there."""

    target_id: int
    foil_id: int | None
    position: int
    quantity: str
    words: tuple[str, str | None]  # target and foil, quoted
    clean: Tensor  # (vocab,) float64

    @property
    def name(self) -> str:
        """What is measured, in words."""
        target, foil = self.words
        measured = {
            "logit_difference": f"logit({target}) - logit({foil})" if foil else f"logit({target}) - mean logit",
            "log_probability": f"log-probability of {target}",
            "probability": f"probability of {target}",
            "kl": "KL divergence from the clean run",
            "rank": f"rank of {target}",
        }
        return f"{measured[self.quantity]} at position {self.position}"

    @property
    def unit(self) -> str:
        """The unit of the quantity."""
        return UNITS[self.quantity]

    @property
    def quantities(self) -> tuple[str, ...]:
        """What can be given: all, but for the logit difference without a foil."""
        return tuple(name for name in QUANTITIES if name != "logit_difference" or self.foil_id is not None)

    @cached_property
    def before(self) -> dict[str, float]:
        """Every quantity on the clean run."""
        return {name: float(values[0]) for name, values in self.values(self.clean[None]).items()}

    def logits_of(self, run: Capture) -> Tensor:
        """Another run's logits (vocab,) at the position, float64; it has as many tokens."""
        return _logits_at(run, self.position)

    def values_of(self, run: Capture) -> dict[str, float]:
        """Every quantity on another run of as many tokens."""
        return {name: float(values[0]) for name, values in self.values(self.logits_of(run)[None]).items()}

    def of(self, logits: Tensor) -> Tensor:
        """The quantity (n,) of logits (n, vocab) at the position, in float64; differentiable, but for the rank."""
        return self._quantity(self.quantity, logits.double())

    def values(self, logits: Tensor) -> dict[str, Tensor]:
        """Every quantity, (n,) float64 each, of logits (n, vocab) at the position."""
        logits = logits.double()
        log_shares = logits.log_softmax(-1)
        return {name: self._quantity(name, logits, log_shares) for name in self.quantities}

    @cached_property
    def _clean_log_shares(self) -> Tensor:
        return self.clean.log_softmax(-1)  # (vocab,)

    def _quantity(self, name: str, logits: Tensor, log_shares: Tensor | None = None) -> Tensor:
        if name == "logit_difference":
            other = logits.mean(-1) if self.foil_id is None else logits[:, self.foil_id]
            return logits[:, self.target_id] - other
        if name == "rank":
            return 1 + (logits > logits[:, self.target_id, None]).sum(-1).double()
        log_shares = logits.log_softmax(-1) if log_shares is None else log_shares
        if name == "kl":
            clean = self._clean_log_shares.to(logits.device)
            gone = clean == -torch.inf  # what the clean run rules out adds nothing
            return (clean.exp() * (clean - log_shares)).masked_fill(gone, 0.0).sum(-1)
        return log_shares[:, self.target_id] if name == "log_probability" else log_shares[:, self.target_id].exp()


def token_id(run: Capture, token: str | int, name: str) -> int:
    """Return the id of one token given as text or id; `name` is what it is called in the errors (TokenError)."""
    if not isinstance(token, str):
        if not 0 <= token < run.vocab_size:
            raise TokenError(f"{name} {token} is no token id; this vocabulary has 0 to {run.vocab_size - 1}")
        return token
    tokenizer = run.subject.tokenizer
    if tokenizer is None:
        raise TokenError(f"{name} {token!r} is text, but the run has no tokenizer; give the token's id")
    ids = tokenizer(token, add_special_tokens=False)["input_ids"]
    if len(ids) == 1:
        return int(ids[0])
    if not ids:
        raise TokenError(f"{name} {token!r} is no token of this vocabulary; give one token's text or its id")
    pieces = ", ".join(repr(piece) for piece in run.token_text(ids))
    spaced = tokenizer(" " + token, add_special_tokens=False)["input_ids"]
    hint = f" With a space before it ({' ' + token!r}) it is one." if len(spaced) == 1 else " Compare first tokens: give the first of them."
    raise TokenError(f"{name} {token!r} is {len(ids)} tokens here ({pieces}); a metric compares single tokens.{hint}")


def _require_numbers(logits: Tensor, tokens: list[int]) -> None:
    if bool(logits.isnan().any()):
        raise ValueError("the model's logits at this position are not numbers (NaN), so nothing can be measured on them")
    if not bool(logits[tokens].isfinite().all()):
        raise ValueError("the model rules target or foil out here (a logit of minus infinity), so no difference of them is a number")


def _at(run: Capture, position: int) -> int:
    at = within([position], run.n_tokens, "position")[0]
    if not int(run.inputs.attention_mask[at]):
        raise IndexError(f"position {at} is padding, of which the model says nothing; give a position of the prompt's own tokens")
    return at


def _logits_at(run: Capture, position: int) -> Tensor:
    return run.read_out(run["resid_post", run.n_layers - 1][[position]])[0].double()  # (vocab,)


def _named(run: Capture, token: int) -> str | int:
    """The token's text where that leads back to it, else its id."""
    tokenizer = run.subject.tokenizer
    if tokenizer is None:
        return token
    text = run.token_text([token])[0]
    return text if list(tokenizer(text, add_special_tokens=False)["input_ids"]) == [token] else token


def _word(run: Capture, token: int) -> str:
    return repr(run.token_text([token])[0])
