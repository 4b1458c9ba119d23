"""Attack every promise of docs/inside/correctness.md, and say in a table what came of it.

    python prove/run.py [STEP ...]

Two steps run at a time. What a step says goes to build/prove/STEP.log; its lines that count are
printed. The exit status is 1 if a step fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
LOGS = ROOT / "build" / "prove"
# Programs that no package of Python brings, and Debian's packages for them.
NEEDED = {
    "clang++": "clang",
    "valgrind": "valgrind",
    "qemu-aarch64": "qemu-user",
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
}
# OpenBLAS and polars would have threads for each of the two steps.
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


class Step(NamedTuple):
    """A step: its name, its command, and the lines of what it says that count."""

    name: str
    command: list[str]
    counts: str


def python(script: str, *words: str) -> list[str]:
    """Return the command for a script beside this one."""
    return [sys.executable, str(Path(__file__).parent / script), *words]


def steps() -> list[Step]:
    """List all steps, those first that take longest."""
    tests = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    fuzzers = [
        Step(f"fuzz-{target}", python("fuzz/run.py", target, "--seconds", "240"), r"^fuzzing \w+:")
        for target in ("engine", "model_file", "checkpoint", "table", "messages")
    ]
    return [
        Step("sanitizers", ["make", "sanitize"], r"passed"),
        Step("mutants", python("mutants.py"), r"^ *mutants|survived"),
        Step("neon", ["make", "neon"], r"passed"),
        *fuzzers,
        Step("dask-kills", python("dask_kills.py", "--times", "100"), r"^kills"),
        Step("kills", python("kills.py", "--times", "100"), r"^kills"),
        Step("full-disk", python("full_disk.py"), r": "),
        Step("closed-pipes", python("closed_pipes.py"), r": "),
        Step("valgrind", python("memory.py"), r"^ *valgrind"),
        Step("golden", [*tests, "tests/persistence/test_golden.py"], r"passed|failed"),
        Step("same-bits", [*tests, "tests/estimators/test_same_bits.py"], r"passed|failed"),
    ]


class Outcome(NamedTuple):
    """What came of a step."""

    step: Step
    passed: bool
    seconds: float
    said: list[str]


def run(step: Step) -> Outcome:
    """Run one step."""
    begun = time.monotonic()
    log = LOGS / f"{step.name}.log"
    with log.open("w") as file:
        done = subprocess.run(
            step.command,
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    lines = log.read_text(errors="replace").splitlines()
    said = [line.strip(" =") for line in lines if re.search(step.counts, line)]
    passed = done.returncode == 0 and bool(said)
    if not passed:
        said += ["", *lines[-15:]]
    return Outcome(step, passed, time.monotonic() - begun, said)


def main() -> None:
    """Run the steps, two at a time, and print the table."""
    everything = {step.name: step for step in steps()}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", choices=[*everything, []], metavar="STEP")
    chosen = parser.parse_args().steps or [*everything]
    missing = sorted({package for program, package in NEEDED.items() if not shutil.which(program)})
    if missing:
        raise SystemExit(f"make prove needs {', '.join(missing)}: apt install {' '.join(missing)}")
    LOGS.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    console = Console()
    table = Table("step", "seconds", "", "what it says")
    outcomes = []
    with ThreadPoolExecutor(2) as two:
        for outcome in two.map(run, [everything[name] for name in chosen]):
            outcomes.append(outcome)
            word = "passed" if outcome.passed else "FAILED"
            console.print(f"{outcome.step.name}: {word} after {outcome.seconds:.0f} s")
            table.add_row(
                outcome.step.name, f"{outcome.seconds:.0f}", word, "\n".join(outcome.said)
            )
    console.print(table)
    failed = [outcome.step.name for outcome in outcomes if not outcome.passed]
    console.print(f"{len(outcomes)} steps in {time.monotonic() - begun:.0f} s; failed: {failed}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
