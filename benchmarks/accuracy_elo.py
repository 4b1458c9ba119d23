"""Elo ratings of methods from their results, as TabArena computes them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

_RESAMPLES = 200
REFERENCE, OF_REFERENCE = "RandomForest", 1000.0


def ratings(results: pd.DataFrame, metrics: tuple[str, ...], reference: str) -> pd.DataFrame:
    """Return the Elo of each method, with a 95 % bootstrap interval over the sets.

    A method beats another one on a set where the mean of its errors over the splits is smaller;
    equal ones share the win. Classification is counted by log-loss, regression by nRMSE. An Elo
    that is 400 larger means ten wins for each loss (Bradley and Terry, 1952).

    Parameters
    ----------
    results : DataFrame
        With the columns set, method and those of the metrics; a row for each split.
    metrics : tuple of str
    reference : str
        The method whose Elo is 1000.
    """
    tables = []
    for metric in metrics:
        if metric in results:
            known = results.dropna(subset=metric)
            cells = known.pivot_table(index="set", columns="method", values=metric, observed=True)
            tables.append(cells.dropna())
    cells = pd.concat(tables)
    methods = list(cells.columns)
    place = methods.index(reference)
    errors = cells.to_numpy()
    rng = np.random.RandomState(0)
    drawn = [_elo(errors[rng.randint(len(errors), size=len(errors))]) for _ in range(_RESAMPLES)]
    low, high = np.percentile([elo - elo[place] for elo in drawn], [2.5, 97.5], axis=0)
    elo = _elo(errors)
    shown = {"Elo": elo - elo[place], "from": low, "to": high}
    return (pd.DataFrame(shown, index=methods) + OF_REFERENCE).sort_values("Elo", ascending=False)


def _elo(errors: np.ndarray) -> np.ndarray:
    """Return the ratings by the errors (n_sets, n_methods), up to a constant."""
    n = errors.shape[1]
    rows, wins, weights = [], [], []
    for first in range(n):
        for second in range(first + 1, n):
            difference = errors[:, first] - errors[:, second]
            won = np.sum(difference < 0) + np.sum(difference == 0) / 2
            row = np.zeros(n)
            row[first], row[second] = 1, -1
            for outcome, count in ((1, won), (0, len(difference) - won)):
                rows.append(row)
                wins.append(outcome)
                weights.append(count)
    # A weak penalty keeps the rating of a method that wins or loses everywhere finite.
    model = LogisticRegression(C=100, fit_intercept=False, max_iter=1000)
    model.fit(np.array(rows), wins, sample_weight=np.array(weights))
    return model.coef_[0] * 400 / np.log(10)
