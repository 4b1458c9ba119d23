"""How often new targets are inside the prediction intervals of tables with few rows.

The target is x₁ − x₂ plus noise, normal or skewed (exponential). In each repetition, a model is
fitted on rows of its own, and the share of 400 new rows inside its intervals is measured.

    python benchmarks/coverage.py --repetitions 200
"""

from __future__ import annotations

import argparse
import itertools
import warnings

import numpy as np
import pandas as pd

from multilayer import TabularRegressor

NOISES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "skewed": lambda rng, n: rng.exponential(size=n) - 1,
}
COVERAGES = [0.5, 0.8, 0.9, 0.95]
TEST_ROWS = 400


def shares(noise: str, rows: int, fast: bool, seed: int) -> list[float]:
    """Return the share of test rows inside the intervals of each coverage."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(rows + TEST_ROWS, 2))
    y = X @ [1.0, -1.0] + NOISES[noise](rng, len(X))
    model = TabularRegressor(fast=fast, random_state=seed).fit(X[:rows], y[:rows])
    found = []
    for coverage in COVERAGES:
        low, high = model.predict_interval(X[rows:], coverage).T
        found.append(np.mean((low <= y[rows:]) & (y[rows:] <= high)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[20, 50, 100, 1000])
    parser.add_argument("--modes", nargs="+", default=["fast", "default"])
    parser.add_argument("--repetitions", type=int, default=200, help="half of them for each noise")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*is infinite")
    table = {}
    for mode, rows in itertools.product(options.modes, options.rows):
        found = np.array(
            [
                shares(noise, rows, mode == "fast", seed)
                for noise in NOISES
                for seed in range(options.repetitions // 2)
            ]
        )
        table[mode, rows] = [*found.mean(axis=0), (found.std(axis=0) / len(found) ** 0.5).max()]
        columns = [*map(str, COVERAGES), "standard error up to"]
        line = pd.DataFrame(table, index=columns).T.tail(1)
        print(line.round(3).to_string(header=len(table) == 1), flush=True)


if __name__ == "__main__":
    main()
