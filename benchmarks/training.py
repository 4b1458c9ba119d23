"""Compare the time of training: multilayer, scikit-learn, PyTorch, JAX and plain NumPy.

The libraries alternate on every network for several rounds, each in a process of its own, with one
thread and with all. A figure is the time of a fit of one epoch, of a fit of many, and of the steady
epoch: the difference of two fits divided by the difference of their epochs. Figures of all threads
are compared only if the machine was in the same state (machine.py). The peak of the machine is
measured in the same run. Results: training.md and training.json in results/.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import pandas as pd
import training_report
from shapes import OTHERS, SHAPES, Shape
from workers import Worker

from multilayer import _native

RESULTS = Path(__file__).parent / "results"
PEERS = ("scikit-learn", "PyTorch", "JAX", "NumPy")
PAUSE = 0.05  # s; OpenMP's and OpenBLAS's threads wait busily for a while after their work
MOST_REPEATS = 20


@dataclass(frozen=True)
class Plan:
    """The fits of a network that are measured; the numbers of epochs are the same for all."""

    shape: Shape
    few: int
    many: int
    budget: float  # seconds a figure takes at least, unless it has MOST_REPEATS fits of a kind

    def figure(self, worker: Worker, first: float, epoch: float) -> dict[str, float]:
        """Measure seconds, given how long a fit of one epoch and an epoch take about."""
        ones = min(MOST_REPEATS, max(1, int(self.budget / 5 / first)))
        pairs = min(MOST_REPEATS, max(1, int(self.budget / (self.few + self.many) / epoch)))
        time.sleep(PAUSE)
        taken = worker.seconds(self.shape, [1] * ones + [self.few, self.many] * pairs)
        few, many = (statistics.median(taken[ones + i :: 2]) for i in (0, 1))
        steady = (many - few) / (self.many - self.few)
        return {"epoch": steady, "first fit": statistics.median(taken[:ones]), "whole fit": many}


def speed(worker: Worker, shape: Shape, budget: float) -> tuple[float, float]:
    """Return about how many seconds a fit of one epoch takes, and an epoch of a longer fit."""
    (first,) = worker.seconds(shape, [1])
    epochs, taken = 1, first
    while taken < budget / 5:
        epochs *= int(min(10, max(2, budget / 4 / taken)))
        (taken,) = worker.seconds(shape, [epochs])
    return first, taken / epochs


def measure(shape: Shape, workers: list[Worker], rounds: int, budget: float) -> list[dict]:
    """Let the workers take turns, for more rounds if no state has enough figures of each."""
    for worker in workers:
        worker.seconds(shape, [1])  # imports, compiles, starts threads
    speeds = [speed(worker, shape, budget) for worker in workers]
    epochs = [epoch for _, epoch in speeds]
    many = max(5, int(min(budget / min(epochs), 4 * budget / max(epochs))))
    plan = Plan(shape, max(1, many // 4), many, budget)
    figures: list[dict[str, Any]] = []
    for number in range(2 * rounds):
        if number >= rounds and training_report.states(pd.DataFrame(figures), rounds):
            break
        for worker, (first, epoch) in zip(workers, speeds, strict=True):
            about = {"network": shape.name, "epochs": plan.many}
            about |= {"contender": worker.name, "threads": worker.threads}
            if worker.threads == "all":
                taken, state, discarded = machine.in_one_state(
                    lambda w=worker, f=first, e=epoch: plan.figure(w, f, e)
                )
                about |= {"state": state.name, "round trip": state.nanoseconds}
                figures.append({**about, "discarded": discarded, **(taken or {})})
            elif number < rounds:  # the time of one thread does not depend on the state
                figures.append({**about, "state": "any", **plan.figure(worker, first, epoch)})
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a figure")
    parser.add_argument("--only", nargs="*", metavar="NETWORK", help="only these networks")
    parser.add_argument("--extra", action="store_true", help="other networks in addition")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, metavar="LIBRARY")
    parser.add_argument(
        "--before", type=Path, metavar="SRC", help="src of another version, with its module"
    )
    parser.add_argument("--compare", type=Path, metavar="JSON", help="results of another run")
    options = parser.parse_args()
    shapes = [*SHAPES, *OTHERS] if options.extra or options.only else SHAPES
    shapes = [shape for shape in shapes if not options.only or shape.name in options.only]
    other = json.loads(options.compare.read_text()) if options.compare else None

    start = time.perf_counter()
    cores = machine.cores()
    names = ["multilayer", *options.peers]
    sources = {"before": options.before} if options.before else {}
    whole: dict[str, Any] = {
        "processor": machine.processor(),
        "cores": cores,
        "instruction set": _native.instruction_set(),
        "load": os.getloadavg()[0],  # how busy other programs keep the machine
        "peak GFLOP/s (one thread, all)": machine.peak(),
        "rounds": options.rounds,
        "figures": [],
    }
    workers = [
        Worker(name, threads, sources.get(name))
        for name in [*names[:1], *sources, *names[1:]]
        for threads in (("all", "one") if cores > 1 else ("all",))
    ]
    for shape in shapes:
        takes_part = [w for w in workers if shape.full_batch or w.name != "NumPy"]
        whole["figures"] += measure(shape, takes_part, options.rounds, options.seconds)
        print(f"{shape.name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    for worker in workers:
        worker.close()

    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "training.json").write_text(json.dumps(whole, indent=1) + "\n")
    text = training_report.report(whole)
    (RESULTS / "training.md").write_text(text + "\n")
    print(text)
    if other:
        print(training_report.comparison(other, whole))


if __name__ == "__main__":
    main()
