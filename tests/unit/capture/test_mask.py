"""A mask is kept in closed form where it has one, and cell by cell where it has none."""

from __future__ import annotations

import pytest
import torch

from llmwidgets.capture.mask import Mask, read_mask

N = 12
EVERY = torch.arange(N)
BACK = EVERY[:, None] - EVERY
CAUSAL = BACK >= 0
WINDOW = CAUSAL & (BACK < 4)


def additive(allowed: torch.Tensor) -> torch.Tensor:
    return torch.where(allowed, 0.0, torch.finfo(torch.float32).min)


@pytest.mark.parametrize("write", [lambda allowed: allowed, additive], ids=["bool", "additive"])
@pytest.mark.parametrize(
    "allowed, causal, window", [(CAUSAL, True, None), (WINDOW, True, 4), (torch.ones(N, N, dtype=torch.bool), False, None)]
)
def test_the_usual_masks_take_no_memory(write, allowed: torch.Tensor, causal: bool, window: int | None) -> None:
    mask, bias = read_mask(write(allowed)[None, None], False, N)
    assert (mask.causal, mask.window, mask.explicit, bias) == (causal, window, None, None)
    assert torch.equal(mask.allowed(EVERY, EVERY, EVERY)[0], allowed)


def test_any_other_mask_is_kept_as_it_is() -> None:
    allowed = CAUSAL & ~torch.eye(N, dtype=torch.bool)[5]
    mask, _ = read_mask(allowed[None, None], False, N)
    assert torch.equal(mask.allowed(EVERY, EVERY[2:5], EVERY[3:])[0], allowed[2:5, 3:])


def test_an_additive_mask_is_told_apart_from_the_bias_it_carries() -> None:
    slopes = -2.0 * BACK[None]
    mask, bias = read_mask(slopes.masked_fill(~CAUSAL, torch.finfo(torch.float32).min)[None], False, N)
    assert (mask.causal, mask.window) == (True, None)
    assert torch.equal(bias.masked_fill(~CAUSAL, 0), slopes.masked_fill(~CAUSAL, 0))


def test_no_mask_means_causal_within_the_window_that_the_call_names() -> None:
    mask, _ = read_mask(None, True, N, 4)
    assert torch.equal(mask.allowed(EVERY, EVERY, EVERY)[0], WINDOW)
    assert read_mask(None, False, N)[0].allowed(EVERY, EVERY, EVERY).all()


def test_padding_alone_forbids_those_keys_on_top_of_causality() -> None:
    padding = torch.tensor([[0, 0, *[1] * (N - 2)]])
    mask, _ = read_mask(padding, True, N)
    assert torch.equal(mask.allowed(EVERY, EVERY, EVERY)[0], CAUSAL & padding.bool())


@pytest.mark.parametrize("first, last, columns", [(0, 3, (0, 4)), (6, 7, (3, 8)), (11, 11, (8, 12))])
def test_the_columns_outside_which_no_row_looks_are_known(first: int, last: int, columns: tuple[int, int]) -> None:
    mask, _ = read_mask(WINDOW[None, None], False, N)
    assert mask.columns(first, last) == columns


def test_what_is_forbidden_does_not_depend_on_what_was_asked_before() -> None:
    mask, every = Mask(9, causal=True, window=3), torch.arange(9)
    truth = (every[None, :] > every[:, None]) | (every[None, :] <= every[:, None] - 3)
    for queries in ([2, 3, 4], [2, 2, 4], [2, 3, 4], [4, 3, 2], [3, 4, 5], [2, 4, 4]):
        for keys in (range(5), range(1, 6), range(5)):
            found = mask.forbidden(torch.tensor([0]), torch.tensor(queries), keys)
            assert torch.equal(found[0], truth[queries][:, list(keys)])
