"""The scores that the commands print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from multilayer.tabular.scoring import SMALLEST_IN_SCORES, log_losses

__all__ = ["OutOfFold", "class_scores", "number_scores", "out_of_fold", "scores", "scores_of_parts"]


class OutOfFold(NamedTuple):
    """The rows that members of an ensemble left out: the truth, the predictions, their scores."""

    y: NDArray[Any]
    predicted: NDArray[Any]
    scores: dict[str, float]


def scores(model: Any, X: Any, y: NDArray[Any]) -> dict[str, float]:
    """Measure a fitted estimator on rows.

    Parameters
    ----------
    model : estimator
        With `classes_` if it is a classifier.
    X : array-like, shape (m, n)
    y : ndarray, shape (m,)

    Returns
    -------
    dict
        "accuracy" and "log-loss" (in nats), or "R²", and "RMSE" and "MAE" (in units of y).
    """
    if hasattr(model, "classes_"):
        return class_scores(model.classes_, np.asarray(model.predict_proba(X)), y)
    return number_scores(np.asarray(model.predict(X), dtype=np.float64), y)


def scores_of_parts(
    model: Any, X: Any, y: NDArray[Any], parts: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Measure a fitted estimator on each part of the rows, given by indices."""
    return {name: scores(model, X[rows], y[rows]) for name, rows in parts.items()}


def class_scores(classes: NDArray[Any], H: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """Compute accuracy and log-loss of probabilities H (m, n_classes)."""
    at = np.searchsorted(classes, y)
    return {
        "accuracy": float(np.mean(classes[H.argmax(axis=1)] == y)),
        "log-loss": float(log_losses(H, at, SMALLEST_IN_SCORES).mean()),
    }


def number_scores(h: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """Compute R², RMSE and MAE of predictions h (m,)."""
    return {
        "R²": float(metrics.r2_score(y, h)) if len(y) > 1 else float("nan"),
        "RMSE": float(metrics.root_mean_squared_error(y, h)),
        "MAE": float(metrics.mean_absolute_error(y, h)),
    }


def out_of_fold(model: Any, y: NDArray[Any]) -> OutOfFold | None:
    """Evaluate a model, just fitted to y (m,), on the rows that its members left out, if any."""
    classifies = hasattr(model, "classes_")
    h = (model.oof_decision_ if classifies else model.oof_prediction_)[: len(y)]
    known = ~np.isnan(h[:, 0] if classifies else h)
    h, y = h[known], y[known]
    if not len(y):
        return None
    if classifies:
        predicted = model.classes_[h.argmax(axis=1)]
        return OutOfFold(y, predicted, class_scores(model.classes_, h, y))
    return OutOfFold(y, h, number_scores(h, y))
