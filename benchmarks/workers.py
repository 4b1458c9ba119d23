"""Contenders in processes of their own, with one thread or with all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from shapes import Shape

HERE = Path(__file__).parent
LIMITS = [f"{own}_NUM_THREADS" for own in ("MULTILAYER", "OMP", "OPENBLAS", "MKL")]
# Settings that a user does not have; the last two choose another kernel than OpenBLAS would.
FORCED = (*LIMITS, "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Worker:
    """A process that fits networks with one library."""

    def __init__(self, name: str, threads: str, source: Path | None = None) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in FORCED}
        if threads == "one":
            environment |= dict.fromkeys(LIMITS, "1")
        if source:
            environment["PYTHONPATH"] = str(source)
        self.name, self.threads = name, threads
        library = "multilayer" if source else name
        self.process = subprocess.Popen(
            [sys.executable, HERE / "contenders.py", library, threads],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def seconds(self, shape: Shape, epochs: list[int]) -> list[float]:
        """Return the time of a fit for each number of epochs."""
        try:
            print(json.dumps([shape.name, epochs]), file=self.process.stdin, flush=True)
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, ValueError):
            raise SystemExit(f"{self.name}, {self.threads}, failed on {shape.name}") from None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
