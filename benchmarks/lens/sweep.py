"""The TransformerLens side of benchmarks.causes: python sweep.py MODEL_FOLDER TOKEN_IDS TARGET FOIL, in the environment beside this file.

Says its versions as one line of JSON, then for each line that it reads the effects of all single-head zero ablations and what they took.
It imports nothing of this project. The loop is the one of TransformerLens's page on its hook system: `run_with_hooks` on
`blocks.{layer}.attn.hook_z`, on a TransformerBridge with the model's weights as they are; since release 4.0 there is no other model
class. `use_cache` and `logits_to_keep` go through to transformers, so that it need not do more than the others.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import torch
from transformer_lens.model_bridge import TransformerBridge


def main(folder: str, ids: torch.Tensor, target: int, foil: int) -> None:
    """Answer each line of the standard input."""
    torch.set_num_threads(1)
    bridge = TransformerBridge.boot_transformers(folder, device="cpu")
    bridge.eval()

    def value(layer: int | None = None, head: int | None = None) -> float:
        def zero(z: torch.Tensor, hook: object) -> torch.Tensor:
            z[:, :, head, :] = 0  # (batch, position, head, width)
            return z

        hooks = [] if layer is None else [(f"blocks.{layer}.attn.hook_z", zero)]
        logits = bridge.run_with_hooks(ids, fwd_hooks=hooks, use_cache=False, logits_to_keep=1)[0, -1].double()
        return float(logits[target] - logits[foil])

    with torch.no_grad():
        before = value()
        for head in range(3):
            value(0, head)
        print(json.dumps({name: version(name) for name in ("transformer-lens", "transformers", "torch")}), flush=True)
        for _ in sys.stdin:
            start, busy = time.perf_counter(), time.process_time()
            effects = [value(layer, head) - before for layer in range(bridge.cfg.n_layers) for head in range(bridge.cfg.n_heads)]
            took = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - busy}
            print(json.dumps(took | {"effects": effects}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], torch.tensor([json.loads(sys.argv[2])]), int(sys.argv[3]), int(sys.argv[4]))
