"""Outputs of a member for its validation rows, from epochs that these did not choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.embedding import Floats

__all__ = ["EPOCHS_OF_CLASSES", "GROUPS_OF_CLASSES", "RowLosses", "groups_of", "out_of_fold"]

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


def groups_of(
    rows: Rows, n_groups: int | None = None, together: NDArray[np.int64] | None = None
) -> Rows:
    """Draw groups of rows that choose epochs for each other, and return the group of each row.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
    n_groups : int, optional
        The number of groups; by default each row is one.
    together : ndarray of int, shape (m,), optional
        Rows of all rows of the table that have the same number are in the same group, unless that
        would make a single one.
    """
    units = np.arange(len(rows))
    if together is not None and len(rows) and np.ptp(together[rows]):
        units = np.unique(together[rows], return_inverse=True)[1]
    groups = np.random.RandomState(0).permutation(units.max(initial=-1) + 1)
    return groups[units] if n_groups is None else groups[units] % n_groups


def out_of_fold(
    outputs: Floats,
    losses: NDArray[np.float64],
    others: NDArray[np.float64],
    groups: Rows,
    weights: NDArray[Any] | None = None,
    n_best: int = 1,
) -> Floats:
    """Compute outputs for rows, where each group takes the epochs that all other rows choose.

    Outputs of the epoch that is best on all of them would be too optimistic: it was chosen by them.

    Parameters
    ----------
    outputs : ndarray, shape (n_epochs, n, K)
        For the rows at each epoch.
    losses : ndarray, shape (n_epochs, n)
        The losses of the rows.
    others : ndarray, shape (n_epochs,)
        What is added to the mean loss of the rows of a member that choose.
    groups : ndarray of int, shape (n,)
        The group of each row.
    weights : ndarray, shape (n,), optional
        Of the rows.
    n_best : int
        The number of best epochs whose outputs are averaged.

    Returns
    -------
    ndarray, shape (n, K)
    """
    w = np.ones(len(groups)) if weights is None else weights.astype(np.float64)
    if len(np.unique(groups[w > 0])) < 2:  # the others of some group could not choose
        w = np.ones(len(groups))
    own = np.zeros(losses.shape)
    np.multiply(w, np.where(np.isnan(losses), np.inf, losses), out=own, where=w > 0)
    if len(np.unique(groups)) < 2:
        chosen_by = own.sum(axis=1, keepdims=True) / w.sum()
    else:
        sums = np.array([np.bincount(groups, row)[groups] for row in own])
        with np.errstate(invalid="ignore"):  # ∞ − ∞
            total = own.sum(axis=1, keepdims=True) - sums
        chosen_by = total / (w.sum() - np.bincount(groups, w)[groups])
    score = np.nan_to_num(chosen_by, nan=np.inf) + others[:, None]
    # Of equal epochs the last one comes first.
    best = len(losses) - 1 - np.argsort(score[::-1], axis=0, kind="stable")[:n_best]
    best = np.broadcast_to(best, (len(best), len(groups)))
    return np.asarray(outputs[best, np.arange(len(groups))].mean(axis=0), outputs.dtype)
