"""Scores with confidence intervals, beside those of the best constant prediction."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Listing, Section, number
from multilayer.tabular.scoring import SMALLEST_IN_SCORES, log_losses

__all__ = ["CLASS_SCORES", "NUMBER_SCORES", "scores"]

Array = NDArray[Any]
# A score is prepared once for y and H; the result is a function of the weights of rows, (m,).
Score = Callable[[Array], Any]

RESAMPLES, MOST_DRAWN = 400, 8_000_000


def _mean(values: Array) -> Score:
    return lambda w: w @ values / w.sum()


def _balanced(y: Array, H: Array) -> Score:
    right = H.argmax(axis=1) == y
    return lambda w: np.nanmean(np.bincount(y, w * right) / np.bincount(y, w))


def _area(y: Array, H: Array) -> Score:
    """Prepare the mean over classes of P(a row of it ranks above another row), ties count half."""
    classes = [1] if H.shape[1] == 2 else range(H.shape[1])
    levels = [np.unique(H[:, k], return_inverse=True)[1] for k in classes]

    def area(w: Array) -> Any:
        areas = []
        for k, level in zip(classes, levels, strict=True):
            own, other = (np.bincount(level, w * part) for part in (y == k, y != k))
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
        middle = (
            np.array([below[-1] + 1, below[-1] + 2]) // 2
        )  # once or twice, if their number is odd or even
        return errors[order[np.searchsorted(below, middle)]].mean()

    return median


CLASS_SCORES: dict[str, tuple[Callable[[Array, Array], Score], str]] = {
    "accuracy": (
        lambda y, H: _mean(H.argmax(axis=1) == y),
        "share of correct predictions; best 1",
    ),
    "balanced accuracy": (_balanced, "mean recall of the classes; best 1"),
    "ROC AUC": (_area, "probability that a row of a class ranks above another; best 1"),
    "log-loss": (_log_loss, "mean of −ln p of the true class; best 0"),
    "Brier score": (
        lambda y, H: _mean(((H - np.eye(H.shape[1])[y]) ** 2).sum(axis=1) / 2),
        "mean squared error of p; best 0",
    ),
}
NUMBER_SCORES: dict[str, tuple[Callable[[Array, Array], Score], str]] = {
    "R²": (_explained, "share of the variance explained; best 1"),
    "RMSE": (_rmse, "root mean squared error; best 0"),
    "MAE": (
        lambda y, h: _mean(np.abs(y - h)),
        "mean absolute error; best 0",
    ),
    "median error": (_median, "half of the rows have smaller errors; best 0"),
}


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def scores(evaluation: Evaluation) -> Section:
    """Score the model, with intervals by resampling the rows (percentile bootstrap; Efron)."""
    y, H, m = evaluation.y, evaluation.H, len(evaluation.y)
    if evaluation.classifies:
        without = np.tile(np.bincount(y, minlength=H.shape[1]) / m, (m, 1))
    else:
        without = np.full(m, y.mean())
    write = _share if evaluation.classifies else number
    rng = np.random.RandomState(0)
    n = max(100, min(RESAMPLES, MOST_DRAWN // m))
    weights = [np.bincount(rng.randint(m, size=m), minlength=m) for _ in range(n)]
    rows = []
    for name, (prepare, meaning) in (
        CLASS_SCORES if evaluation.classifies else NUMBER_SCORES
    ).items():
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore")  # about a class without rows, whose score is NaN
            score, plain = prepare(y, H), prepare(y, without)
            found = np.array([score(w) for w in weights])
            value, other = (float(s(np.ones(m, int))) for s in (score, plain))
        found = found[np.isfinite(found)]
        low, high = np.percentile(found, [2.5, 97.5]) if len(found) else (np.nan, np.nan)
        texts = write(value), f"{write(low)} to {write(high)}", write(other)
        rows.append(((name, meaning), *texts))
    head = ("score", "value", "95 % interval", "baseline")
    return Section(
        "scores",
        "Scores",
        "The interval is a 95 % confidence interval, by resampling the rows. The baseline is the "
        "best prediction that is the same for every row.",
        [Listing(head, rows, (1, 2, 3))],
    )
