"""The columns of a y of several targets, each with its name and the rows that have a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing

from multilayer.tables.frame import Frame

__all__ = ["TargetColumn", "n_targets", "read_targets", "take"]


@dataclass(frozen=True)
class TargetColumn:
    """A column of Y.

    Attributes
    ----------
    name : str
        "y0", "y1" … where the columns of Y have no names.
    values : series, ndarray or list, shape (len(rows),)
        Without gaps, as an estimator of one target takes them.
    rows : ndarray of int
        The rows that have a value, ascending.
    m : int
        The number of all rows.
    """

    name: str
    values: Any
    rows: NDArray[np.intp]
    m: int

    @property
    def n_missing(self) -> int:
        """The number of rows without a value."""
        return self.m - len(self.rows)

    def take(self, X: Any) -> Any:
        """Return the rows of X, or of weights …, that have a value; all of X itself if all have."""
        return X if X is None or not self.n_missing else take(X, self.rows)


def take(X: Any, rows: NDArray[np.intp]) -> Any:
    """Return rows of a dataframe, a series, an array or a list, as the same kind."""
    return _safe_indexing(X, rows)


def n_targets(y: Any) -> int:
    """Return the number of columns of a two-dimensional y, and 1 for everything else.

    Raises
    ------
    ValueError
        If y has more than two dimensions, or is rows of different lengths.
    """
    if isinstance(y, list | tuple):
        if not (len(y) and isinstance(y[0], list | tuple | np.ndarray) and np.ndim(y[0])):
            return 1
        lengths = {len(row) if hasattr(row, "__len__") else 0 for row in y}
        if len(lengths) > 1:
            raise ValueError(
                f"each row of y must have the same number of targets, got {sorted(lengths)}"
            )
        return lengths.pop()
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if len(shape) > 2:
        raise ValueError(
            "y must be one target, of shape (m,), or a column for each target, but has the shape "
            f"{tuple(shape)}"
        )
    return int(shape[1]) if len(shape) == 2 else 1


def read_targets(Y: Any, name: str = "y") -> list[TargetColumn]:
    """Return the columns of Y.

    Parameters
    ----------
    Y : dataframe, array-like or sparse array, shape (m, n_targets); a series or list is one target
    name : str
        Of Y, for errors.

    Raises
    ------
    ValueError
        If two columns have the same name, or one has no value at all.
    """
    if issparse(Y):
        Y = Y.toarray()
    listed = isinstance(Y, list | tuple)
    series = nw.from_native(Y, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        Y = series.to_frame().to_native()
    elif listed and n_targets(Y) == 1 and np.ndim(Y[0]) == 0:
        Y = np.array(Y, dtype=object)[:, None]
    elif getattr(Y, "ndim", 2) == 1:
        Y = Y[:, None]
    frame = Frame(Y)
    names = frame.names if frame.named else [f"y{k}" for k in range(len(frame.names))]
    found = []
    for k, (one, column) in enumerate(zip(names, frame.columns, strict=True)):
        values = nw.to_native(column, pass_through=True)
        values = values.tolist() if listed else values
        rows = np.flatnonzero(~frame.gaps(k))
        if not len(rows):
            raise ValueError(
                f"target {one!r} must have values, but all {len(frame)} of {name} are missing"
            )
        if len(rows) < len(frame):
            values = take(values, rows)
        found.append(TargetColumn(one, values, rows, len(frame)))
    return found
