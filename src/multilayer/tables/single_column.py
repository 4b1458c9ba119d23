"""How well a single column predicts the target of rows that are left out, one at a time.

A category predicts with the other rows of the same level. A number predicts with its nearest
neighbours in the order of the column, so that a target that is any function of the column is found,
not only a linear one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.tables.examined_column import ExaminedColumn

__all__ = ["unexplained_share"]

Array = NDArray[Any]
_SIDE = 2  # neighbours on each side
_FEWEST_ERRORS = 5  # that the best constant must make, if the absence of errors is to mean anything
_MOST_CELLS = 10_000_000  # of a table of levels × classes


def unexplained_share(column: ExaminedColumn, y: Array, classes: bool) -> float:
    """Compute the share of the target that a column leaves unexplained.

    Parameters
    ----------
    column : ExaminedColumn
        Of m rows.
    y : ndarray, shape (m,)
    classes : bool

    Returns
    -------
    float
        For classes, errors divided by those of always predicting the most frequent class; for
        numbers, 1 − R². Each row is predicted from other rows. 1 if there are too few rows.
    """
    if column.n_distinct + (column.gap_share > 0) < 2:
        return 1.0
    if not classes:
        return _unexplained_variance(column, y.astype(np.float64))
    labels, codes = np.unique(y.astype(str) if y.dtype == object else y, return_inverse=True)
    fewest = len(y) - np.bincount(codes).max()
    levels = column.n_distinct + 1
    if fewest < _FEWEST_ERRORS or levels * len(labels) > _MOST_CELLS:
        return 1.0
    if column.values is None:
        counts = np.bincount(
            (column.codes + 1) * len(labels) + codes, minlength=levels * len(labels)
        ).reshape(levels, -1)
        of_row = counts[column.codes + 1]  # (m, n_classes)
        own = of_row[np.arange(len(codes)), codes] - 1
        of_row[np.arange(len(codes)), codes] = -1
        wrong = own <= of_row.max(axis=1).clip(min=0)
    else:
        # Of three, so that a row beside a threshold has a majority on its own side.
        near = codes[_neighbours(column)[:, :3]]
        wrong = (near == codes[:, None]).sum(axis=1) < 2
    return float(wrong.sum() / fewest)


def _unexplained_variance(column: ExaminedColumn, y: Array) -> float:
    m, total = len(y), float(((y - y.mean()) ** 2).sum())
    if total == 0:
        return 1.0
    if column.values is None:
        level = column.codes + 1
        sums, sizes = np.bincount(level, y), np.bincount(level)
        others = sizes[level] - 1
        mean = np.full(m, y.mean())
        np.divide(sums[level] - y, others, out=mean, where=others > 0)
    else:
        mean = y[_neighbours(column)].mean(axis=1)
    return float(((y - mean) ** 2).sum() / total)


def _neighbours(column: ExaminedColumn) -> NDArray[np.intp]:
    """Return for each row four rows around it by the value of a column, the nearest first, (m, 4).

    Equal values, and gaps, which come last, are in random order: the order of the rows must not
    stand for the target, by which a file may be sorted.
    """
    assert column.values is not None
    m = len(column.values)
    # A gap is at distance 0 from a gap, and far from everything else.
    values = np.where(np.isnan(column.values), np.finfo(np.float64).max, column.values)
    order = np.random.RandomState(0).permutation(m)
    order = order[np.argsort(values[order], kind="stable")]
    steps = np.array([s for s in range(-_SIDE, _SIDE + 1) if s])
    places = np.arange(m)[:, None] + steps
    # At the ends there are neighbours on one side only.
    places = np.where(places < 0, places + 2 * _SIDE + 1, places)
    places = np.where(places >= m, places - 2 * _SIDE - 1, places)
    ascending = values[order]
    distance = np.abs(ascending[places] - ascending[:, None])
    places = np.take_along_axis(places, np.argsort(distance, axis=1, kind="stable"), axis=1)
    near = np.empty((m, 2 * _SIDE), dtype=np.intp)
    near[order] = order[places]
    return near
