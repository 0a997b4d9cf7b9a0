"""The model's own tail on any residual: what it would say if the stream ended here (logit lens).

The twin runs with every block stubbed to hand on the given residual, so final norm, head, scaling and soft
cap are the model's own code, bit-equal to the plain pass (nostalgebraist 2020, "interpreting GPT: the logit
lens"). Rows are independent in the tail, so they go through in chunks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from llmwidgets.models.anatomy import Anatomy
from llmwidgets.models.errors import ActivationUnavailableError
from llmwidgets.models.inputs import forward_inputs
from llmwidgets.models.stubs import stubbed
from llmwidgets.models.twin import Twin

_ROWS_AT_ONCE = 256


def read_out(twin: Twin, anatomy: Anatomy, residual: Tensor, token_id: int, max_rows: int | None) -> Tensor:
    """Return the logits (n, vocab) of `residual` (n, d_model), on the CPU, float32 (float64 for a float64 model).

    `token_id` is any valid id, for the embedding that is computed and thrown away; `max_rows` the context length.
    """
    if not anatomy.has_head:
        raise ActivationUnavailableError("this model has no output head, so nothing can be read out as logits")
    rows = min(_ROWS_AT_ONCE, max_rows or _ROWS_AT_ONCE)
    chunks = []
    with twin.ready() as model:
        weight = next(model.parameters())
        residual = residual.detach().to(weight.dtype if weight.is_floating_point() else residual.dtype)
        for chunk in residual.split(rows):
            ids = torch.full((len(chunk),), token_id)

            def hand_on(given: Tensor | None, stream: Tensor = chunk[None]) -> Tensor:
                # A tail may write over what it is given.
                return (stream if given is None else stream.to(given.device)).clone()  # (1, row, d_model)

            with stubbed(model, anatomy, len(anatomy.blocks), hand_on):
                logits = model(**forward_inputs(model, ids, torch.ones_like(ids))).logits[0]  # (row, vocab)
            chunks.append(logits.to("cpu", torch.float64 if logits.dtype == torch.float64 else torch.float32))
    return torch.cat(chunks)
