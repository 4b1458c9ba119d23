"""Intervals and sets of classes on real and synthetic tables: coverage, widths, sizes, CRPS.

Each table is split at random into training rows and test rows. A line of the result is the mean
over the splits of one table. Of numbers, it has for each coverage the share of test rows inside
their intervals, the shares in each quarter of the predicted width, and the mean width divided by
that of the constant intervals, which the same model gives without its scale; the CRPS divided by
that of the constant ones; and the splits whose model has a scale. Of classes, it has the share of
test rows whose class is in the set, and the mean size of the sets.

    MULTILAYER_DATA=… python benchmarks/intervals.py --splits 10
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from accuracy_data import Part, sets, split
from sklearn.datasets import make_friedman1

from multilayer import DataWarning, TabularClassifier, TabularRegressor
from multilayer.tabular.crps import crps
from multilayer.tabular.intervals import half_width

Array = np.ndarray
COVERAGES = [0.8, 0.9, 0.95]
TEST_ROWS = 5000


def same(n: int, rng: np.random.RandomState) -> tuple[Array, Array]:
    """Return Friedman's first function with normal noise that is the same everywhere."""
    X, y = make_friedman1(n, random_state=rng)
    return X, y + 2 * rng.normal(size=n)


def column(n: int, rng: np.random.RandomState) -> tuple[Array, Array]:
    """Return Friedman's first function with normal noise that grows with another column."""
    X, y = make_friedman1(n, random_state=rng)
    return X, y + (0.5 + 4 * X[:, 5]) * rng.normal(size=n)


def wave(n: int, rng: np.random.RandomState) -> tuple[Array, Array]:
    """Return a sine with normal noise that grows along it."""
    x = rng.uniform(0, 3, n)
    return x[:, None], np.sin(2 * x) + (0.05 + 0.25 * x) * rng.normal(size=n)


def level(n: int, rng: np.random.RandomState) -> tuple[Array, Array]:
    """Return a gamma distribution, whose standard deviation is half of its mean."""
    X = rng.normal(size=(n, 5))
    return X, np.exp(1 + 0.5 * X[:, 0] + 0.3 * X[:, 1]) * rng.gamma(4, 1 / 4, n)


def kinds(n: int, rng: np.random.RandomState) -> tuple[pd.DataFrame, Array]:
    """Return heavy-tailed noise (t, four degrees of freedom) that depends on a category."""
    kind = rng.choice(3, n)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    y = X["a"] - X["b"] + np.array([0.2, 1, 3])[kind] * rng.standard_t(4, n)
    return X.assign(kind=np.array(["u", "v", "w"])[kind]), y.to_numpy()


SYNTHETIC: dict[str, Callable] = {f.__name__: f for f in (same, column, wave, level, kinds)}


def parts(name: str, seed: int, rows: int) -> tuple[Part, Part, str]:
    """Return training rows, test rows and the task."""
    if name not in SYNTHETIC:
        train, test, task = split(name, seed, rows)
        return train, Part(test.X[:TEST_ROWS], test.y[:TEST_ROWS]), task
    X, y = SYNTHETIC[name](rows + TEST_ROWS, np.random.RandomState(seed))
    X = pd.DataFrame(X)
    return Part(X[:rows], y[:rows]), Part(X[rows:].reset_index(drop=True), y[rows:]), "reg"


def of_numbers(train: Part, test: Part, seed: int) -> dict[str, float]:
    """Measure the intervals of a model, and those that are as wide everywhere."""
    model = TabularRegressor(random_state=seed).fit(train.X, train.y)
    scales = model.predict_scale(test.X)
    constant = constant_residuals(model)
    errors = test.y - model.predict(test.X)
    quarter = np.searchsorted(np.quantile(scales, [0.25, 0.5, 0.75]), scales)
    own, one = model.crps(test.X, test.y), crps(errors, np.ones(len(errors)), constant).mean()
    found = {"scale": float(model.error_scale_ is not None), "CRPS": own / one}
    for coverage in COVERAGES:
        low, high = model.predict_interval(test.X, coverage).T
        inside = (low <= test.y) & (test.y <= high)
        found[f"{coverage:g}"] = inside.mean()
        if model.error_scale_ is not None:
            met = {f"{coverage:g}, Q{k + 1}": inside[quarter == k].mean() for k in range(4)}
            found |= met
        width = 2 * half_width(constant, coverage)
        found[f"width {coverage:g}"] = (high - low).mean() / width
        found[f"constant {coverage:g}"] = np.mean(np.abs(errors) <= width / 2)
    return found


def constant_residuals(model: TabularRegressor) -> Array:
    """Return the residuals that the model has without a scale."""
    data, left_out = model._trained_on
    again = TabularRegressor(n_members=model.n_members)
    again.target_ = model.target_
    again._learn_out_of_fold(data, left_out, 0.0)
    return again.residuals_


def of_classes(train: Part, test: Part, seed: int) -> dict[str, float]:
    """Measure the sets of a model."""
    model = TabularClassifier(random_state=seed).fit(train.X, train.y)
    truth = np.searchsorted(model.classes_, test.y)
    found = {"accuracy": model.score(test.X, test.y)}
    for coverage in COVERAGES:
        met = model.predict_set(test.X, coverage)
        found[f"{coverage:g}"] = met[np.arange(len(met)), truth].mean()
        found[f"size {coverage:g}"] = met.sum(axis=1).mean()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=[*SYNTHETIC, *sets()], metavar="TABLE")
    parser.add_argument("--rows", type=int, default=1000, help="for training, at most")
    parser.add_argument("--splits", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore", DataWarning)
    results: dict[str, dict[str, pd.Series]] = {"reg": {}, "class": {}}
    for name in options.tables or [*SYNTHETIC, *sets()]:
        found = []
        for seed in range(options.splits):
            train, test, task = parts(name, seed, options.rows)
            found.append((of_numbers if task == "reg" else of_classes)(train, test, seed))
        results[task][name] = pd.DataFrame(found).mean()
        print(name, results[task][name].round(3).to_dict(), flush=True)
    for task in results.values():
        print(pd.DataFrame(task).T.round(3).to_string())


if __name__ == "__main__":
    main()
