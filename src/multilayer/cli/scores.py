"""The scores that the commands print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from multilayer.tabular.scoring import SMALLEST_IN_SCORES, log_losses

__all__ = [
    "OUT_OF_FOLD",
    "OutOfFold",
    "below_baseline",
    "class_scores",
    "number_scores",
    "out_of_fold",
    "scores",
    "scores_of_parts",
]


OUT_OF_FOLD = "out of fold"  # the rows, each scored by networks that did not learn from it


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
        As from `class_scores` (the log-loss in nats), or "R²", and "RMSE" and "MAE" (in units of
        y).
    """
    if hasattr(model, "classes_"):
        return class_scores(model.classes_, np.asarray(model.predict_proba(X)), y)
    return number_scores(np.asarray(model.predict(X), dtype=np.float64), y)


def scores_of_parts(
    model: Any, X: Any, y: NDArray[Any], parts: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Measure a fitted estimator on each part of the rows, given by indices."""
    return {name: scores(model, X[rows], y[rows]) for name, rows in parts.items()}


def class_scores(
    classes: NDArray[Any],
    H: NDArray[Any],
    y: NDArray[Any],
    predicted: NDArray[Any] | None = None,
) -> dict[str, float]:
    """Compute the scores of probabilities H (m, n_classes).

    Those that order the rows by a probability need rows of every class. F1 and average precision
    are of the second of two classes, or means over all classes where there are more.

    Parameters
    ----------
    classes : ndarray, shape (n_classes,)
    H : ndarray, shape (m, n_classes)
    y : ndarray, shape (m,)
    predicted : ndarray, shape (m,), optional
        The predicted classes; by default the most probable ones.
    """
    at = np.searchsorted(classes, y)
    labels = np.asarray(H.argmax(axis=1) if predicted is None else classes.searchsorted(predicted))
    values = {
        "accuracy": float(np.mean(labels == at)),
        "log-loss": float(log_losses(H, at, SMALLEST_IN_SCORES).mean()),
    }
    if len(np.unique(at)) == len(classes):
        indicator = at[:, None] == np.arange(len(classes))
        if len(classes) == 2:
            indicator, H = indicator[:, 1], H[:, 1]
        values["ROC AUC"] = float(metrics.roc_auc_score(indicator, H))
        values["average precision"] = float(metrics.average_precision_score(indicator, H))
    average = "binary" if len(classes) == 2 else "macro"
    values["F1"] = float(metrics.f1_score(at, labels, average=average, zero_division=0.0))
    return values


def number_scores(h: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """Compute R², RMSE and MAE of predictions h (m,)."""
    return {
        "R²": float(metrics.r2_score(y, h)) if len(y) > 1 else float("nan"),
        "RMSE": float(metrics.root_mean_squared_error(y, h)),
        "MAE": float(metrics.mean_absolute_error(y, h)),
    }


def below_baseline(values: Mapping[str, float], y: NDArray[Any]) -> list[str]:
    """Return a warning if the scores of rows with targets y (m,) are below those of a constant."""
    if "accuracy" in values:
        baseline = float(np.unique(y, return_counts=True)[1].max() / len(y))
        name, score, constant = "accuracy", values["accuracy"], "the most frequent class"
    else:
        baseline, name, score, constant = 0.0, "R²", values.get("R²", 0.0), "the mean"
    if not score < baseline:  # NaN of a single row is not below
        return []
    return [
        f"the {name}, {score:.3f}, is below {baseline:.3f}, that of always predicting {constant}: "
        "the model has learned nothing that helps; look at the columns, or train with other options"
    ]


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
