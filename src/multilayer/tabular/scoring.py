"""What chooses a member's best epoch: a number that is small where its outputs are good."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import check_scoring

from multilayer.embedding import Floats

__all__ = ["judge_by_error", "judge_by_rmse", "judge_by_scorer", "mean"]

Array = NDArray[Any]


def mean(values: Array, weights: Array | None) -> float:
    """Give Σ w v / Σ w, or the plain mean where the weights are none or all zero."""
    if weights is None or not weights.any():
        return float(values.mean(dtype=np.float64))
    return float(np.average(values, weights=weights))


def log_losses(H: Floats, labels: Array) -> Array:
    """−log h of the true class of each row, in nats; h counts as at least the least float32."""
    h = np.asarray(H[np.arange(len(labels)), labels], np.float64)
    losses: Array = -np.log(np.maximum(h, np.finfo(np.float32).tiny))
    return losses


def judge_by_error(H: Floats, labels: Array, weights: Array | None) -> float:
    """Share of wrong classes; where epochs are equally wrong, the log-loss decides."""
    error = mean(H.argmax(axis=1) != labels, weights)
    # Less than one row more or less: it never outweighs the error.
    return error + min(mean(log_losses(H, labels), weights), 1e2) / (1e3 * (len(labels) + 1))


def judge_by_rmse(H: Floats, y: Array, weights: Array | None) -> float:
    """Root of the mean squared error of numbers (m, 1)."""
    return float(np.sqrt(mean((H[:, 0] - y[:, 0]) ** 2, weights)))


class _Answers(BaseEstimator):
    """An estimator that has its answers already, for a scorer that asks an estimator."""

    def __init__(self, answers: Array) -> None:
        self.answers = answers

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _Classes(ClassifierMixin, _Answers):
    def __init__(self, answers: Array, classes: Array) -> None:
        super().__init__(answers)
        self.classes = self.classes_ = classes

    def fit(self, X: Any, y: Any) -> Any:
        return self

    def predict_proba(self, X: Any) -> Array:
        return self.answers

    def predict(self, X: Any) -> Array:
        return np.asarray(self.classes_[self.answers.argmax(axis=1)])


class _Numbers(RegressorMixin, _Answers):
    def fit(self, X: Any, y: Any) -> Any:
        return self

    def predict(self, X: Any) -> Array:
        return self.answers


def judge_by_scorer(
    scoring: Any, answers: Array, classes: Array | None, y: Array, weights: Array | None
) -> float:
    """Minus what a scorer of scikit-learn's says.

    Parameters
    ----------
    scoring : str or callable
    answers : ndarray
        Probabilities (m, n_classes), or numbers (m,).
    classes : ndarray, optional
        Of classification.
    y : ndarray, shape (m,)
        The truth, as the user gave it.
    weights : ndarray, shape (m,), optional
    """
    estimator = _Numbers(answers) if classes is None else _Classes(answers, classes)
    scorer = check_scoring(estimator, scoring=scoring)
    given = {} if weights is None else {"sample_weight": weights}
    return -float(scorer(estimator, np.zeros((len(y), 1)), y, **given))
