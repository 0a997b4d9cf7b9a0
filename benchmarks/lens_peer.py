"""TransformerLens in a process and an environment of its own, which sweeps over the heads each time it is asked.

The environment is made by the Makefile (benchmarks/lens/.venv, from benchmarks/lens/requirements.txt). Without it, or when the process
ends, `failed` says why and nothing is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "lens"
PYTHON = HERE / ".venv" / "bin" / "python"
MADE_BY = "make benchmarks/lens/.venv/.made"


class LensPeer:
    """Use as `with LensPeer(folder of the model, token ids, target id, foil id) as lens:`; `versions` says what it runs on."""

    def __init__(self, model: Path, ids: list[int], target: int, foil: int):
        self.failed: str | None = None
        self.versions: dict[str, str] = {}
        self._log = model / "stderr.txt"
        self._command = [str(PYTHON), str(HERE / "sweep.py"), str(model), json.dumps(ids), str(target), str(foil)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> LensPeer:
        if not PYTHON.exists():
            self.failed = f"no environment for it; make one: {MADE_BY}"
            return self
        offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | offline
            )
        try:
            self.versions = self._answer()
        except RuntimeError as error:
            self.failed = str(error)
        return self

    def sweep(self) -> tuple[list[float], float, float]:
        """The effects by layer and head, and the seconds of wall and of CPU that they took. Raises RuntimeError where it ends."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write("sweep\n")
        self._process.stdin.flush()
        found = self._answer()
        return found["effects"], found["wall_s"], found["cpu_s"]

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.communicate()  # the end of its input is the end of its work

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        said = self._log.read_text(errors="replace").strip().splitlines()
        raise RuntimeError(f"TransformerLens ended: {said[-1][:200] if said else 'without a word'}")
