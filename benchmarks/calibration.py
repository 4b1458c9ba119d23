"""Compare ways to calibrate probabilities, on tables of few rows.

Each of the tables of accuracy.py is split at random into training rows, 30 to 450, and test rows.
The log-loss of the test rows is shown for each way, divided by that without calibration. Training
does not depend on the temperature: the outputs of each fit are kept in a folder, so that another
way is measured in seconds.

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
from scipy.optimize import minimize_scalar
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from multilayer import TabularClassifier
from multilayer.tabular.base import prepare_training
from multilayer.tabular.calibration import biased, find_biases, find_temperature, tempered
from multilayer.tabular.ensemble import train_members
from multilayer.tabular.recipe import recipe_of
from multilayer.tabular.scoring import SMALLEST_IN_SCORES, errors_and_log_losses, log_losses

Array = np.ndarray
TABLES = ["iris", "wine", "breast_cancer", "digits", "german", "titanic", "vowel", "car"]
SIZES = [30, 60, 75, 100, 150, 300, 450]
MODES = ["fast", "default"]
TEST_ROWS = 1000


def least_log_loss(H: Array, labels: Array) -> float:
    """Find the T with the smallest log-loss (Guo et al., arXiv 1706.04599), at least 0.05."""

    def loss(log_t: float) -> float:
        return log_losses(tempered(H.astype(float), np.exp(log_t)), labels).mean()

    return np.exp(minimize_scalar(loss, bounds=np.log([0.05, 20]), method="bounded").x)


def with_biases(H: Array, labels: Array, n_members: int) -> tuple[float, Array]:
    """Return what a `TabularClassifier` of three or more classes is calibrated by."""
    T = find_temperature(H, labels, None, n_members)
    return T, find_biases(tempered(H, T), labels, None)


# The temperature, and biases that are added to log(h)/T.
Way = Callable[[Array, Array, int], tuple[float, Array | float]]
WAYS: dict[str, Way] = {
    "none": lambda H, labels, n_members: (1.0, 0.0),
    "least log-loss": lambda H, labels, n_members: (least_log_loss(H, labels), 0.0),
    "temperature": lambda H, labels, n_members: (find_temperature(H, labels, None, n_members), 0.0),
    "and biases": with_biases,
}


def fit(name: str, rows: int, fast: bool, seed: int) -> dict[str, Array]:
    """Train the members on a part of a table, as `TabularClassifier.fit` does.

    Returns
    -------
    dict of arrays
        H, labels : outputs (m, K) for rows that the members left out, and their classes.
        H_test, labels_test : outputs (members, m, K) for test rows, and their classes.
    """
    X, y, _ = table(name)
    A, B, a, b = train_test_split(X, y, train_size=rows, stratify=y, random_state=seed)
    B, b = B[:TEST_ROWS], b[:TEST_ROWS]
    B, b = B[np.isin(b, a)], b[np.isin(b, a)]
    model, rng = TabularClassifier(fast=fast), check_random_state(seed)
    data, folds = prepare_training(model, A, a, None, None, None, rng)
    members, _ = train_members(
        data,
        folds,
        recipe_of(model, len(folds[0].training)),
        rng.randint(2**31, size=len(folds)).tolist(),
        lambda H, rows: errors_and_log_losses(H, data.Y[rows], None),
    )
    encoded = model.encoder_.transform(B)
    return {
        "H": np.concatenate([m.network.forward(data.X[m.fold.validation]) for m in members]),
        "labels": np.concatenate([data.Y[m.fold.validation] for m in members]),
        "H_test": np.stack([m.network.forward(encoded) for m in members]),
        "labels_test": np.searchsorted(model.classes_, b),
    }


def outputs(folder: Path, name: str, rows: int, mode: str, seed: int) -> dict[str, Array]:
    """Return what `fit` returns, from the folder if it has been there before."""
    file = folder / f"{name}-{rows}-{mode}-{seed}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / "unfinished.npz"
        np.savez(unfinished, **fit(name, rows, mode == "fast", seed))
        unfinished.rename(file)
    with np.load(file) as arrays:
        return dict(arrays)


def losses(found: dict[str, Array]) -> dict[str, float]:
    """Return the log-loss of the test rows and the temperature of each way."""
    result = {}
    for way, calibrate in WAYS.items():
        T, b = calibrate(found["H"], found["labels"], len(found["H_test"]))
        b = np.broadcast_to(b, found["H"].shape[1:])
        H = np.mean([biased(tempered(of_member, T), b) for of_member in found["H_test"]], axis=0)
        result[way] = log_losses(H, found["labels_test"], SMALLEST_IN_SCORES).mean()
        result[f"T, {way}"] = T
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the outputs of the networks are kept")
    parser.add_argument("--tables", nargs="+", choices=sets(), default=TABLES, metavar="TABLE")
    parser.add_argument("--rows", nargs="+", type=int, default=SIZES)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--splits", type=int, default=10)
    options = parser.parse_args()
    results = []
    for mode, rows, seed, name in itertools.product(
        options.modes, options.rows, range(options.splits), options.tables
    ):
        X, y, _ = table(name)
        if len(np.unique(y)) <= rows < len(X):
            found = outputs(options.folder, name, rows, mode, seed)
            results.append({"table": name, "rows": rows, "mode": mode, **losses(found)})
    means = pd.DataFrame(results).groupby(["mode", "table", "rows"]).mean()
    ways = [way for way in WAYS if way != "none"]
    means[ways] = means[ways].div(means["none"], axis=0)
    print(means.drop(columns="T, none").to_string(float_format="{:.3f}".format))
    by = ["mode", "rows"]
    summary = {
        "geometric mean": np.exp(np.log(means[ways]).groupby(by).mean()),
        "largest quotient": means[ways].groupby(by).max(),
    }
    print()
    print(pd.concat(summary, axis=1).to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
