"""Validation losses, which choose the best epoch of a member: the smaller, the better."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from multilayer.embedding import Floats
from multilayer.engine.functions import exp, log
from multilayer.estimators.scoring import find_scorer

__all__ = [
    "SMALLEST_IN_SCORES",
    "error_and_log_loss",
    "errors_and_log_losses",
    "log_losses",
    "log_probabilities",
    "mean",
    "negated_score",
    "root_mean_squared_error",
    "squared_errors",
]

Array = NDArray[Any]


def mean(values: Array, weights: Array | None) -> float:
    """Compute Σ w v / Σ w, or the plain mean if weights are None or all zero."""
    if weights is None or not weights.any():
        return float(values.mean(dtype=np.float64))
    return float(np.average(values, weights=weights))


# What smaller probabilities count as: in training, and in scores as scikit-learn's `log_loss` does.
SMALLEST = float(np.finfo(np.float32).tiny)
SMALLEST_IN_SCORES = float(np.finfo(np.float32).eps)


def log_probabilities(H: Array, smallest: float = SMALLEST) -> Array:
    """Compute log h in float64; a smaller h counts as `smallest`."""
    return log(np.maximum(H.astype(np.float64), smallest))


def log_losses(H: Array, labels: Array, smallest: float = SMALLEST) -> Array:
    """Compute the log-loss of each row: −log h of its true class, in nats.

    Parameters
    ----------
    H : ndarray, shape (m, n_classes)
        Probabilities.
    labels : ndarray of int, shape (m,)
    smallest : float
        What a smaller probability counts as.
    """
    return -log_probabilities(H[np.arange(len(labels)), labels], smallest)


def error_and_log_loss(H: Floats, labels: Array, weights: Array | None) -> float:
    """Compute the share of wrong classes; the log-loss decides between equal shares."""
    error = mean(H.argmax(axis=1) != labels, weights)
    # Less than one row more or less: it never outweighs the error.
    return error + min(mean(log_losses(H, labels), weights), 1e2) / (1e3 * (len(labels) + 1))


# From 0.07 to 2.5. Label smoothing makes networks less confident than they should be, which a
# temperature below 1 corrects.
_TEMPERATURES = [math.exp(0.3 * k) for k in range(-9, 4)]


def errors_and_log_losses(H: Floats, labels: Array, weights: Array | None) -> Array:
    """Compute 1 for each row whose class is wrong, plus its log-loss at the best temperature, (m,).

    The temperature is the one of 13 at which the mean log-loss is the smallest, so that the loss is
    what remains after calibration. As a criterion for the epoch it is from Berta, Holzmüller,
    Jordan and Bach, arXiv 2501.19195.
    """
    z = log_probabilities(H)
    z -= z.max(axis=1, keepdims=True)
    own = z[np.arange(len(z)), labels]

    def at(k: int) -> Array:
        T = _TEMPERATURES[k]
        return np.asarray(log(exp(z / T).sum(axis=1)) - own / T)

    first, last = 0, len(_TEMPERATURES) - 1
    while first < last:  # the log-loss is a convex function of 1/T
        k = (first + last) // 2
        if mean(at(k), weights) <= mean(at(k + 1), weights):
            last = k
        else:
            first = k + 1
    return np.asarray((H.argmax(axis=1) != labels) + at(first))


def squared_errors(H: Floats, y: Array) -> Array:
    """Compute the squared error of each number (m, 1) in float64, (m,)."""
    return np.asarray((H[:, 0].astype(np.float64) - y[:, 0]) ** 2)


def root_mean_squared_error(H: Floats, y: Array, weights: Array | None) -> float:
    """Compute the root of the mean squared error of numbers (m, 1)."""
    return float(np.sqrt(mean((H[:, 0] - y[:, 0]) ** 2, weights)))


class _Predicted(BaseEstimator):
    """An estimator that returns given predictions, for a scorer that takes an estimator."""

    def __init__(self, H: Array) -> None:
        self.H = H

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _PredictedClasses(ClassifierMixin, _Predicted):
    def __init__(self, H: Array, classes: Array) -> None:
        super().__init__(H)
        self.classes = self.classes_ = classes

    def fit(self, X: Any, y: Any) -> Any:
        return self

    def predict_proba(self, X: Any) -> Array:
        return self.H

    def predict(self, X: Any) -> Array:
        return np.asarray(self.classes_[self.H.argmax(axis=1)])


class _PredictedNumbers(RegressorMixin, _Predicted):
    def fit(self, X: Any, y: Any) -> Any:
        return self

    def predict(self, X: Any) -> Array:
        return self.H


def negated_score(
    scoring: Any, H: Array, classes: Array | None, y: Array, weights: Array | None
) -> float:
    """Compute minus the score of a scorer of scikit-learn.

    Parameters
    ----------
    scoring : str or callable
    H : ndarray
        Probabilities (m, n_classes), or numbers (m,).
    classes : ndarray, optional
        Of a classifier.
    y : ndarray, shape (m,)
        The targets as they were passed to fit.
    weights : ndarray, shape (m,), optional
    """
    estimator = _PredictedNumbers(H) if classes is None else _PredictedClasses(H, classes)
    scorer = find_scorer(estimator, scoring, classes)
    given = {} if weights is None else {"sample_weight": weights}
    return -float(scorer(estimator, np.zeros((len(y), 1)), y, **given))
