"""Fields: named quantities over shared coordinates, asked for a block at a time.

Always true: this floor is vocabulary and arithmetic on numbers that a reader gives. It knows no model, no capture and no widget.
"""

from .axis import COORDINATES, Axis
from .block import Block, pool
from .evidence import EVIDENCE, Evidence, evidence
from .field import CellExtra, Field, Reference
from .from_array import from_array
from .growing import Growing
from .half import ABSENT, MASKED, PENDING, VALUE, decode, encode
from .place import Place, Span
from .registry import UnknownFieldError, make, names, register
from .request import MAX_CELLS, MAX_TEXT_CELLS, BlockRequest, BlockRequestError, Reduction
from .scale import Scale
from .slicing import slice_for
from .stream import BlockCancelled, Cells, Reader

__all__ = [
    "ABSENT", "COORDINATES", "EVIDENCE", "MASKED", "MAX_CELLS", "MAX_TEXT_CELLS", "PENDING", "VALUE",
    "Axis", "Block", "BlockCancelled", "BlockRequest", "BlockRequestError", "CellExtra", "Cells", "Evidence", "Field", "Growing",
    "Place", "Reader", "Reduction", "Reference", "Scale", "Span", "UnknownFieldError",
    "decode", "encode", "evidence", "from_array", "make", "names", "pool", "register", "slice_for",
]  # fmt: skip
