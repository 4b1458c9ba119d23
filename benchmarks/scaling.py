"""Scaling of the time of an epoch with rows, width, depth and threads; simultaneous fits.

The time of two threads is measured while the machine stays in one state (machine.py).
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from itertools import pairwise
from pathlib import Path

import machine
import numpy as np
from joblib import Parallel, delayed

from multilayer import MLPClassifier

HERE = Path(__file__).parent


def data(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.RandomState(0).randn(rows, columns).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] > 0).astype(np.int64)


def fit(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], epochs: int, seed: int = 0) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier(
            hidden,
            batch_size=min(256, len(X)),
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=np.inf,
            random_state=seed,
        ).fit(X, y)


def seconds_an_epoch(rows: int, hidden: tuple[int, ...], threads: int) -> float:
    """Return the median of five; the difference from fewer epochs leaves out the start-up time."""
    os.environ["MULTILAYER_NUM_THREADS"] = str(threads)
    X, y = data(rows, 32)
    few, times = 2, []
    start = time.perf_counter()
    fit(X, y, hidden, few)
    many = few + max(2, int(0.2 * few / (time.perf_counter() - start)))
    for _ in range(5):
        start = time.perf_counter()
        fit(X, y, hidden, few)
        middle = time.perf_counter()
        fit(X, y, hidden, many)
        times.append((time.perf_counter() - middle - (middle - start)) / (many - few))
    return statistics.median(times)


def gflop(rows: int, hidden: tuple[int, ...]) -> float:
    products = [a * b for a, b in pairwise((32, *hidden, 1))]
    return 2e-9 * rows * (3 * sum(products) - products[0])


def fits_a_second(backend: str, jobs: int, fits: int = 24) -> float:
    os.environ.pop("MULTILAYER_NUM_THREADS", None)
    X, y = data(5000, 20)
    with Parallel(n_jobs=jobs, backend=backend) as parallel:
        parallel(delayed(fit)(X, y, (64, 64), 1) for _ in range(jobs))  # starts the workers
        start = time.perf_counter()
        parallel(delayed(fit)(X, y, (64, 64), 20, seed) for seed in range(fits))
        return fits / (time.perf_counter() - start)


def main() -> None:
    lines = [
        "| rows | hidden layers | one thread | two threads | state | GFLOP/s | gain |",
        "|--:|---|--:|--:|---|--:|--:|",
    ]
    cases = [(rows, (64, 64)) for rows in (1000, 10_000, 100_000)]
    cases += [(10_000, (width, width)) for width in (16, 256, 1024)]
    cases += [(10_000, (64,) * depth) for depth in (1, 4, 8)]
    for rows, hidden in cases:
        one = seconds_an_epoch(rows, hidden, 1)
        two, state, _ = machine.in_one_state(lambda r=rows, h=hidden: seconds_an_epoch(r, h, 2))
        two = two or float("nan")
        layers = f"{len(hidden)} × {hidden[0]}"
        cells = [
            f"{rows:_}".replace("_", " "),
            layers,
            f"{one * 1e3:.3g} ms",
            f"{two * 1e3:.3g} ms",
            state.name,
        ]
        cells += [f"{gflop(rows, hidden) / two:.0f}", f"{one / two:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    rates = {
        "sequential": fits_a_second("sequential", 1),
        "joblib, 2 threads": fits_a_second("threading", 2),
        "joblib, 2 processes": fits_a_second("loky", 2),
    }
    lines += ["", "Fits per second (5000 × 20-64-64-1, 20 epochs): "]
    lines[-1] += ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items()) + "."
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "scaling.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
