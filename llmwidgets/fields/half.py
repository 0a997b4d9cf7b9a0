"""Numbers as float16 with one power-of-two exponent a block, and the state of a cell in the payload of a NaN.

Always true, for a finite value v of a block whose largest magnitude is M, with the exponent e that `exponent_for(M)` gives:
|decoded - v| <= max(|v| * 2**-11, 2**(e - 25)), where 2**(e - 25) is below M * 2**-32. NaN, infinities and the three states come back as
they were. The page decodes the same bits by the same rule (docs/protocol.md).

Exponents step by 8, so that the blocks of one field nearly always share one and the page's tables of colours, which are made
for an exponent, are used again; -15 covers every largest share between 0.008 and 1.99.
"""

from __future__ import annotations

import math

import numpy as np

VALUE, MASKED, ABSENT, PENDING = 0, 1, 2, 3
"""States of a cell: it has a value (which may be NaN or infinite), a mask forbids it, it does not exist, it is not computed yet."""

HALF_NAN, HALF_MASKED, HALF_ABSENT, HALF_PENDING = 0x7E00, 0x7E01, 0x7E02, 0x7E03

_LARGEST_HALF = 65504.0
_STEP, _OFFSET = 8, 1


def exponent_for(magnitude: float) -> int:
    """The exponent under which `magnitude`, the largest finite one of a block, still fits; 0 for an empty or zero block.

    >>> exponent_for(1.0), exponent_for(0.25), exponent_for(3000.0)
    (-15, -15, 1)
    """
    if not magnitude > 0 or math.isinf(magnitude):
        return 0
    needed = math.frexp(magnitude)[1] - 16  # 2**needed * 65536 is above magnitude
    if math.ldexp(magnitude, -needed) > _LARGEST_HALF:
        needed += 1
    return math.ceil((needed - _OFFSET) / _STEP) * _STEP + _OFFSET


def encode(values: np.ndarray, state: np.ndarray | None = None) -> tuple[np.ndarray, int]:
    """Halves of `values` (float, any shape) as little-endian uint16 bits of that shape, and their exponent.

    state: uint8 of the same shape (VALUE, MASKED, ABSENT, PENDING), or None where every cell has a value.

    >>> bits, exponent = encode(np.array([0.5, np.nan], np.float32), np.array([0, 1], np.uint8))
    >>> [hex(b) for b in bits], exponent
    (['0x7400', '0x7e01'], -15)
    """
    values = np.asarray(values)
    finite = np.isfinite(values)
    if state is not None:
        finite &= state == VALUE
    magnitude = float(np.max(np.abs(values), where=finite, initial=0.0))
    exponent = exponent_for(magnitude)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        bits = np.ldexp(values, -exponent).astype("<f2").view("<u2")
    bits = np.where(np.isnan(values), np.uint16(HALF_NAN), bits).astype("<u2", copy=False)
    if state is not None:
        bits[state == MASKED] = HALF_MASKED
        bits[state == ABSENT] = HALF_ABSENT
        bits[state == PENDING] = HALF_PENDING
    return bits, exponent


def decode(bits: np.ndarray | bytes, exponent: int) -> tuple[np.ndarray, np.ndarray]:
    """Values (float32) and states (uint8) of halves; a cell without a value holds NaN.

    bits: uint16 array of any shape, or the bytes of a little-endian one (then the answer has one dimension).
    """
    if isinstance(bits, (bytes, bytearray, memoryview)):
        bits = np.frombuffer(bits, dtype="<u2")
    bits = np.ascontiguousarray(bits, dtype="<u2")
    exact = np.ldexp(bits.view("<f2").astype(np.float64), exponent)
    largest = float(np.finfo(np.float32).max)  # a half close to it may have been rounded past it
    values = np.where(np.isinf(exact), exact, np.clip(exact, -largest, largest)).astype(np.float32)
    state = np.zeros(bits.shape, np.uint8)
    state[bits == HALF_MASKED] = MASKED
    state[bits == HALF_ABSENT] = ABSENT
    state[bits == HALF_PENDING] = PENDING
    return values, state
