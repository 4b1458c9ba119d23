"""Outputs of a member for its validation rows, from epochs that these did not choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.embedding import Floats

__all__ = ["OutOfFold", "RowLosses"]

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
