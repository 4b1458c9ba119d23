"""Scores with confidence intervals, beside those of baselines."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.report.baselines import Baseline
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Listing, Section, Tile, number
from multilayer.tabular.scoring import SMALLEST_IN_SCORES, log_losses

__all__ = ["CLASS_SCORES", "NUMBER_SCORES", "scores"]

Array = NDArray[Any]
# A score is prepared once for y and H; the result is a function of the weights of rows, (m,).
Score = Callable[[Array], Any]

RESAMPLES, MOST_DRAWN = 400, 5_000_000


def _mean(values: Array) -> Score:
    return lambda w: w @ values / w.sum()


def _balanced(y: Array, H: Array) -> Score:
    right = H.argmax(axis=1) == y
    return lambda w: np.nanmean(np.bincount(y, w * right) / np.bincount(y, w))


def _area(y: Array, H: Array) -> Score:
    """Prepare the mean over classes of P(a row of it ranks above another row), ties count half."""
    sorted_rows = []
    for k in [1] if H.shape[1] == 2 else range(H.shape[1]):
        order = np.argsort(H[:, k], kind="stable")
        levels = np.flatnonzero(
            np.diff(H[order, k], prepend=-np.inf)
        )  # where rows of equal h begin
        sorted_rows.append((order, levels, (y == k)[order]))

    def area(w: Array) -> Any:
        areas = []
        for order, levels, of_class in sorted_rows:
            of_rows = w[order]
            own = np.add.reduceat(of_rows * of_class, levels)
            other = np.add.reduceat(of_rows, levels) - own
            before = np.cumsum(other) - other / 2
            areas.append(own @ before / (own.sum() * other.sum()))
        return np.mean(areas)

    return area


def _log_loss(y: Array, H: Array) -> Score:
    return _mean(log_losses(H / H.sum(axis=1, keepdims=True), y, SMALLEST_IN_SCORES))


def _explained(y: Array, h: Array) -> Score:
    def explained(w: Array) -> Any:
        spread = w @ (y - w @ y / w.sum()) ** 2
        return 1 - w @ (y - h) ** 2 / spread if spread else np.nan

    return explained


def _rmse(y: Array, h: Array) -> Score:
    squared = (y - h) ** 2
    return lambda w: np.sqrt(w @ squared / w.sum())


def _median(y: Array, h: Array) -> Score:
    errors = np.abs(y - h)
    order = np.argsort(errors)

    def median(w: Array) -> Any:
        below = np.cumsum(w[order])
        # The same place twice if the number of rows is odd.
        middle = np.array([below[-1] + 1, below[-1] + 2]) // 2
        return errors[order[np.searchsorted(below, middle)]].mean()

    return median


CLASS_SCORES: dict[str, tuple[Callable[[Array, Array], Score], str]] = {
    "Accuracy": (
        lambda y, H: _mean(H.argmax(axis=1) == y),
        "share of correct predictions; best: 1",
    ),
    "Balanced accuracy": (_balanced, "mean recall over the classes; best: 1"),
    "ROC AUC": (_area, "probability that a row of a class ranks above another; best: 1"),
    "Log-loss": (_log_loss, "mean of −ln p of the true class; best: 0"),
    "Brier score": (
        lambda y, H: _mean(((H - np.eye(H.shape[1])[y]) ** 2).sum(axis=1) / 2),
        "mean squared error of p; best: 0",
    ),
}
NUMBER_SCORES: dict[str, tuple[Callable[[Array, Array], Score], str]] = {
    "R²": (_explained, "share of the variance explained; best: 1"),
    "RMSE": (_rmse, "root mean squared error; best: 0"),
    "MAE": (
        lambda y, h: _mean(np.abs(y - h)),
        "mean absolute error; best: 0",
    ),
    "Median error": (_median, "median absolute error; best: 0"),
}


SHOWN_LARGE = 3  # scores in large type


def _share(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")  # which is no negative zero


def scores(evaluation: Evaluation, baseline: Baseline | None = None) -> Section:
    """Score the model and the baselines, with percentile bootstrap intervals (Efron)."""
    y, H, m = evaluation.y, evaluation.H, len(evaluation.y)
    constant = (
        np.tile(np.bincount(y, minlength=H.shape[1]) / m, (m, 1))
        if evaluation.classifies
        else np.full(m, y.mean())
    )
    rng = np.random.RandomState(0)
    n = max(100, min(RESAMPLES, MOST_DRAWN // m))
    weights = [np.bincount(rng.randint(m, size=m), minlength=m).astype(float) for _ in range(n)]
    rows: list[list[str | tuple[str, str]]] = []
    tiles: list[Tile] = []
    for name, (prepare, meaning) in (
        CLASS_SCORES if evaluation.classifies else NUMBER_SCORES
    ).items():
        write = _share if evaluation.classifies or name == "R²" else number
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore")  # about a class without rows, whose score is NaN
            score = prepare(y, H)
            found = np.array([score(w) for w in weights])
            value, of_constant = _at(score, m), _at(prepare(y, constant), m)
            interval = _interval(found, write)
            row: list[str | tuple[str, str]] = [
                (name, meaning), write(value), interval, write(of_constant)]  # fmt: skip
            if baseline is not None:
                other = prepare(y, baseline.H)
                differences = found - [other(w) for w in weights]
                change, ends = (
                    value - _at(other, m),
                    _interval(differences, partial(_signed, write)),
                )
                row += [write(_at(other, m)), f"{_signed(write, change)} ({ends})"]
        rows.append(row)
        if len(tiles) < SHOWN_LARGE:
            tiles.append(Tile(name, write(value), f"95 % interval {interval}"))
    head = ["score", "model", "95 % interval", "constant"]
    reading = (
        "The intervals are 95 % bootstrap percentile intervals: the rows are resampled with "
        f"replacement {n} times, and the middle 95 % of the resampled scores lie within the "
        "interval. They show the uncertainty from the choice of these rows, not that from the "
        "training. The constant is the same prediction for every row: "
        + ("the shares of the classes." if evaluation.classifies else "the mean of the targets.")
    )
    if baseline is not None:
        head += [baseline.name, "difference (95 % interval)"]
        reading += (
            f" {baseline.method} The difference is the score of the model minus that of the "
            f"{baseline.name}; it may be chance where its interval contains 0."
        )
    return Section(
        "scores",
        "Scores",
        reading,
        [Listing(head, rows, range(1, len(head)))],
        tiles=tiles,
        wide=True,
    )


def _at(score: Score, m: int) -> float:
    """Return a score of all m rows, without the last digits, which are those of rounding."""
    return round(float(score(np.ones(m))), 12)


def _interval(found: Array, write: Callable[[float], str]) -> str:
    found = found[np.isfinite(found)]
    low, high = np.percentile(found, [2.5, 97.5]) if len(found) else (np.nan, np.nan)
    return f"{write(low)} to {write(high)}"


def _signed(write: Callable[[float], str], value: float) -> str:
    text = write(value)
    return f"+{text}" if value > 0 and text.strip("0.") else text
