"""Outputs of members for rows that they were not trained on and that did not choose their epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from multilayer.embedding import Floats

__all__ = ["OutOfFold", "RowLosses", "out_of_fold_outputs"]

Rows = NDArray[np.int64]
RowLosses = Callable[[Floats, Rows], NDArray[np.float64]]  # of outputs and the rows they belong to


class OutOfFold:
    """Outputs for the validation rows, where each row takes the epoch that the others choose.

    Outputs of the epoch that is best on all of them would be too optimistic: it was chosen by them.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        The validation rows.
    losses : callable
        From outputs (n, K) and their rows to the loss of each row (n,), whose mean is the loss of
        the epoch.
    weights : ndarray, shape (m,), optional
        Of all rows of the table.
    n_outputs : int
    dtype : dtype

    Attributes
    ----------
    outputs : ndarray, shape (n, n_outputs)
    """

    def __init__(
        self,
        rows: Rows,
        losses: RowLosses,
        weights: NDArray[Any] | None,
        n_outputs: int,
        dtype: np.dtype[Any],
    ) -> None:
        w = np.ones(len(rows)) if weights is None else weights[rows].astype(np.float64)
        if np.count_nonzero(w) < 2:  # the others of some row could not choose
            w = np.ones(len(rows))
        self._rows, self._losses, self._weights = rows, losses, w
        self._least = np.full(len(rows), np.inf)
        self.outputs = np.zeros((len(rows), n_outputs), dtype)

    def update(self, H: Floats) -> None:
        """Take the outputs H (n, n_outputs) of an epoch for the rows whose best it is so far."""
        own = self._weights * self._losses(H, self._rows)
        # The weights of the others do not change, so their sum of losses chooses as the mean does.
        others = own.sum() - own if len(own) > 1 else own
        others[np.isnan(others)] = np.inf
        better = others <= self._least
        self._least[better] = others[better]
        self.outputs[better] = H[better]


def out_of_fold_outputs(estimator: Any, X: Any) -> NDArray[Any] | None:
    """Return what members predict for the rows that they were not trained on.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
        Fitted.
    X : dataframe or array-like, shape (m, n_features_in_)

    Returns
    -------
    ndarray, shape (m, n_classes) or (m,), or None
        NaN for rows that all members were trained on. None if there are no other rows, if X is not
        the table of fit, or if the estimator comes from a model file, which does not hold it.
    """
    if not hasattr(estimator, "_trained_on"):
        return None
    data, _ = estimator._trained_on
    H = estimator.oof_decision_ if is_classifier(estimator) else estimator.oof_prediction_
    if not np.array_equal(estimator.encoder_.transform(X), data.X, equal_nan=True):
        return None
    return None if np.isnan(H).all() else np.asarray(H)
