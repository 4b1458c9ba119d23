"""What a member predicts for its validation rows as if they were new rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.embedding import Floats

__all__ = ["OutOfFold", "RowLosses", "encode_as_new"]

Rows = NDArray[np.int64]
RowLosses = Callable[[Floats, Rows], NDArray[np.float64]]  # of outputs and the rows they belong to


def encode_as_new(X: Floats, rows: Rows, training: Rows, n_plain: int) -> Floats:
    """Return encoded rows as if the encoder had learned from the training rows of a member only.

    Fit encodes a table as a whole, so the ends of a column's range may come from rows that a member
    is not trained on. A new row beyond the range is encoded as the end of it, and a new category
    as 0. The same is done here with the range and the categories of the training rows.

    Parameters
    ----------
    X : ndarray, shape (m, n_columns)
        The encoded table.
    rows, training : ndarray of int
        The rows to return, and those that the member is trained on.
    n_plain : int
        Number of leading columns of numbers; the other columns hold codes of categories.

    Returns
    -------
    ndarray, shape (rows, n_columns)
    """
    found = X[rows]
    if not len(rows) or not len(training):
        return found
    known = X[training]
    plain = known[:, :n_plain]
    np.clip(found[:, :n_plain], plain.min(axis=0), plain.max(axis=0), out=found[:, :n_plain])
    for column in range(n_plain, X.shape[1]):
        new = ~np.isin(found[:, column], np.unique(known[:, column]))
        found[new, column] = 0
    return found


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

    def update(self, H: Floats, H_new: Floats) -> None:
        """Take the outputs of an epoch for the rows whose best epoch it is so far.

        Parameters
        ----------
        H : ndarray, shape (n, n_outputs)
            By which epochs are chosen.
        H_new : ndarray, shape (n, n_outputs)
            Which are kept.
        """
        own = self._weights * self._losses(H, self._rows)
        # The weights of the others do not change, so their sum of losses chooses as the mean does.
        others = own.sum() - own if len(own) > 1 else own
        others[np.isnan(others)] = np.inf
        better = others <= self._least
        self._least[better] = others[better]
        self.outputs[better] = H_new[better]
