"""Compare ways to find the temperature of probabilities, on tables of few rows.

Each of the tables of accuracy.py is split at random into training rows, 30 to 450, and test rows.
The log-loss of the test rows is shown for each way, divided by that without calibration.

    MULTILAYER_DATA=… python benchmarks/calibration.py /tmp/fits --splits 10
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy_data import sets, table
from few_rows import fit, kept
from scipy.optimize import minimize_scalar
from sklearn.model_selection import train_test_split

from multilayer import TabularClassifier
from multilayer.tabular.calibration import find_temperature, tempered
from multilayer.tabular.scoring import SMALLEST_IN_SCORES, log_losses

Array = np.ndarray
TABLES = ["iris", "wine", "breast_cancer", "digits", "german", "titanic", "vowel", "car"]
SIZES = [30, 60, 75, 100, 150, 300, 450]
TEST_ROWS = 1000


def least_log_loss(H: Array, labels: Array) -> float:
    """Find the T with the smallest log-loss (Guo et al., arXiv 1706.04599), at least 0.05."""

    def loss(log_t: float) -> float:
        return log_losses(tempered(H.astype(float), np.exp(log_t)), labels).mean()

    return np.exp(minimize_scalar(loss, bounds=np.log([0.05, 20]), method="bounded").x)


WAYS: dict[str, Callable[[Array, Array, int], float]] = {
    "least log-loss": lambda H, labels, n_members: least_log_loss(H, labels),
    "multilayer": lambda H, labels, n_members: find_temperature(H, labels, None, n_members),
}


def outputs(folder: Path, name: str, rows: int, fast: bool, seed: int) -> dict[str, Array]:
    """Fit a part of a table, or read what a fit gave; "truth" holds the labels of test rows."""

    def make() -> dict[str, Array]:
        X, y, _ = table(name)
        A, B, a, b = train_test_split(X, y, train_size=rows, stratify=y, random_state=seed)
        B, b = B[:TEST_ROWS], b[:TEST_ROWS]
        known = np.isin(b, a)
        model = TabularClassifier(fast=fast, random_state=seed)
        found = fit(model, A, a, B[known])
        return {**found, "truth": np.searchsorted(model.classes_, b[known])}

    return kept(folder / f"{name}-{rows}-{'fast' if fast else 'default'}-{seed}.npz", make)


def losses(found: dict[str, Array]) -> dict[str, float]:
    """Return the log-loss of the test rows and the temperature of each way."""
    labels = found["targets"][found["rows"]]
    result = {}
    for way, temperature in {"none": lambda H, labels, n_members: 1.0, **WAYS}.items():
        T = temperature(found["best"], labels, len(found["test"]))
        H = np.mean([tempered(of_member, T) for of_member in found["test"]], axis=0)
        result[way] = log_losses(H, found["truth"], SMALLEST_IN_SCORES).mean()
        result[f"T, {way}"] = T
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the outputs of the networks are kept")
    parser.add_argument("--tables", nargs="+", choices=sets(), default=TABLES, metavar="TABLE")
    parser.add_argument("--rows", nargs="+", type=int, default=SIZES)
    parser.add_argument(
        "--modes", nargs="+", choices=["fast", "default"], default=["fast", "default"]
    )
    parser.add_argument("--splits", type=int, default=10)
    options = parser.parse_args()
    results = []
    for mode, rows, seed, name in itertools.product(
        options.modes, options.rows, range(options.splits), options.tables
    ):
        X, y, _ = table(name)
        if rows >= len(X) or rows < len(np.unique(y)):
            continue
        found = outputs(options.folder, name, rows, mode == "fast", seed)
        results.append({"table": name, "rows": rows, "mode": mode, **losses(found)})
    means = pd.DataFrame(results).groupby(["mode", "table", "rows"]).mean()
    for way in WAYS:
        means[way] /= means["none"]
    print(means.to_string(float_format="{:.3f}".format))
    ratios = means[list(WAYS)]
    by = ["mode", "rows"]
    summary = {
        "geometric mean": np.exp(np.log(ratios).groupby(by).mean()),
        "largest quotient": ratios.groupby(by).max(),
    }
    print()
    print(pd.concat(summary, axis=1).to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
