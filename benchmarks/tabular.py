"""The time of a fit of TabularRegressor on 6000 rows of california, with one thread and with all.

Without the folder that MULTILAYER_DATA names, on a made table of the same shape.
"""

from __future__ import annotations

import json
import os
import statistics
import time
import warnings
from pathlib import Path

import machine
import numpy as np
import pandas as pd
from accuracy_data import sets, split
from threadpoolctl import threadpool_limits

from multilayer import TabularRegressor

ROWS, COLUMNS, ROUNDS = 6000, 8, 3
RESULTS = Path(__file__).parent / "results"


def table() -> tuple[str, pd.DataFrame, np.ndarray]:
    if "california" in sets():
        train, _, _ = split("california", 0, ROWS)
        return "california", train.X, train.y
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.lognormal(size=(ROWS, COLUMNS)), columns=[*"abcdefgh"])
    y = np.log(X["a"] + X["b"] * X["c"]) + np.sin(X["d"]) + rng.normal(scale=0.3, size=ROWS)
    return "made", X, y.to_numpy()


def seconds(X: pd.DataFrame, y: np.ndarray, threads: int) -> float:
    os.environ["MULTILAYER_NUM_THREADS"] = str(threads)
    start = time.perf_counter()
    with threadpool_limits(threads):
        TabularRegressor(random_state=0).fit(X, y)
    return time.perf_counter() - start


def main() -> None:
    warnings.simplefilter("ignore")
    name, X, y = table()
    figures: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        figures.setdefault("one thread", []).append(seconds(X, y, 1))
        taken, state, _ = machine.in_one_state(lambda: seconds(X, y, machine.cores()))
        if taken:
            figures.setdefault(f"all threads, {state.name}", []).append(taken)
    best = {threads: statistics.median(values) for threads, values in figures.items()}
    text = f"TabularRegressor on {len(X)} × {X.shape[1]} ({name}), seconds a fit: "
    text += ", ".join(f"{value:.1f} ({threads})" for threads, value in best.items()) + "."
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "tabular.json").write_text(json.dumps({"table": name, "seconds": best}) + "\n")
    (RESULTS / "tabular.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
