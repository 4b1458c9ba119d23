"""Outputs of a member for its validation rows, from epochs that these did not choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.embedding import Floats

__all__ = ["EPOCHS_OF_CLASSES", "GROUPS_OF_CLASSES", "OutOfFold", "RowLosses"]

# Many epochs have equally few wrong classes. If each row took the epoch that all others choose, it
# would, of two such epochs, get the one at which it is wrong itself, since the others then have one
# error less. Over six splits each of five tables, the accuracy of groups of an eighth is within .02
# of that of the members on new rows, and varies .75 times as much as with single rows.
GROUPS_OF_CLASSES = 8
# A row is left out by one member, and the mean of all members is better than each: on eight tables
# with three splits, the error on new rows was .179 for one and .156 for the mean, and the log-loss
# of the mean .386. Out of fold they were .185 and .462 at one epoch, and .176 and .429 in the mean
# of four, whose differences are averaged out in part as those of members are.
EPOCHS_OF_CLASSES = 4

Rows = NDArray[np.int64]
RowLosses = Callable[[Floats, Rows], NDArray[np.float64]]  # of outputs and the rows they belong to


class OutOfFold:
    """Outputs for the validation rows, where each group takes the epochs that the others choose.

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
    n_groups : int, optional
        The number of groups that the rows are drawn into; by default each row is one.
    together : ndarray of int, shape (m,), optional
        Rows of all rows of the table that have the same number are in the same group, unless that
        would make a single one.
    n_epochs : int
        The number of best epochs whose outputs are averaged.

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
        n_groups: int | None = None,
        together: NDArray[np.int64] | None = None,
        n_epochs: int = 1,
    ) -> None:
        units = np.arange(len(rows))
        if together is not None and len(rows) and np.ptp(together[rows]):
            units = np.unique(together[rows], return_inverse=True)[1]
        groups = np.random.RandomState(0).permutation(units.max(initial=-1) + 1)
        self._groups = groups[units] if n_groups is None else groups[units] % n_groups
        w = np.ones(len(rows)) if weights is None else weights[rows].astype(np.float64)
        if len(np.unique(self._groups[w > 0])) < 2:  # the others of some group could not choose
            w = np.ones(len(rows))
        self._rows, self._losses, self._weights = rows, losses, w
        self._least = np.full((n_epochs, len(rows)), np.inf)
        self._best = np.zeros((n_epochs, len(rows), n_outputs), dtype)
        self.outputs = np.zeros((len(rows), n_outputs), dtype)

    def update(self, H: Floats) -> None:
        """Take the outputs H (n, n_outputs) of an epoch for the rows for which it is a best one."""
        own = self._weights * self._losses(H, self._rows)
        # The weights of the others do not change, so their sum of losses chooses as the mean does.
        others = own.sum() - np.bincount(self._groups, own)[self._groups] if len(own) > 1 else own
        others[np.isnan(others)] = np.inf
        rows, worst = np.arange(len(own)), self._least.argmax(axis=0)
        better = others <= self._least[worst, rows]
        worst, rows = worst[better], rows[better]
        self._least[worst, rows], self._best[worst, rows] = others[better], H[better]
        known = np.isfinite(self._least[:, rows])
        known[worst[~known.any(axis=0)], ~known.any(axis=0)] = True  # the outputs are not finite
        weights = (known / known.sum(axis=0)).astype(H.dtype)
        with np.errstate(invalid="ignore"):
            kept = np.where(known[..., None], self._best[:, rows], 0)
            self.outputs[rows] = (weights[..., None] * kept).sum(axis=0)
