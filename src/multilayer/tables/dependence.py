"""Rows that depend on each other: the group of each row, and the order of the rows in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _num_samples

from multilayer.tables.frame import Frame

__all__ = ["INDEPENDENT", "Dependence", "read_dependence"]


@dataclass(frozen=True)
class Dependence:
    """How rows depend on each other.

    Attributes
    ----------
    groups : ndarray of int, shape (m,), optional
        The number of each row's group. Rows of a group resemble each other more than new rows.
    time : ndarray of float, shape (m,), optional
        When each row was observed. Later rows are to be predicted from earlier ones.
    """

    groups: NDArray[np.int64] | None = None
    time: NDArray[np.float64] | None = None

    @property
    def is_none(self) -> bool:
        """Whether there are neither groups nor times."""
        return self.groups is None and self.time is None

    def take(self, rows: NDArray[Any]) -> Dependence:
        """Return that of some rows."""
        return Dependence(*(None if a is None else a[rows] for a in (self.groups, self.time)))

    @property
    def arguments(self) -> dict[str, Any]:
        """As `fit` takes it."""
        given = {"groups": self.groups, "time": self.time}
        return {name: array for name, array in given.items() if array is not None}


INDEPENDENT = Dependence()


def read_dependence(
    X: Any, groups: str | ArrayLike | None, time: str | ArrayLike | None
) -> tuple[Any, Dependence]:
    """Read the groups and times of rows, each the name of a column of X or an array.

    Parameters
    ----------
    X : dataframe or array-like, shape (m, n)
    groups : str or array-like, shape (m,), optional
        A row without a value is a group of its own.
    time : str or array-like, shape (m,), optional
        Numbers or dates.

    Returns
    -------
    X : dataframe or array-like
        Without the column of groups: a new row belongs to none of these.
    dependence : Dependence

    Raises
    ------
    ValueError
        If there is no such column, the number of rows differs, there is only one group or time, or
        a time is missing or is neither a number nor a date.
    """
    if groups is None and time is None:
        return X, INDEPENDENT
    moments = None if time is None else _moments(_column(X, time, "time"))
    if groups is None:
        return X, Dependence(None, moments)
    numbers = _numbers_of_groups(_column(X, groups, "groups"))
    if isinstance(groups, str):
        frame = nw.from_native(X, eager_only=True)
        if frame.shape[1] == 1:
            raise ValueError(f"X must have a column besides the groups {groups!r}")
        X = nw.to_native(frame.drop(groups))
    return X, Dependence(numbers, moments)


def _column(X: Any, given: str | ArrayLike, name: str) -> Frame:
    """Return a frame of one column, which is one of X or is given."""
    if isinstance(given, str):
        table = Frame(X).table
        if not isinstance(table, nw.DataFrame):
            raise ValueError(f"{name} names the column {given!r}, but the columns have no names")
        if given not in table.columns:
            raise ValueError(
                f"{name} must be a column of the table, but {given!r} is not one of "
                f"{', '.join(map(repr, table.columns[:8]))}{' …' * (len(table.columns) > 8)}"
            )
        return Frame(table.select(given))
    series = nw.from_native(given, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        column = Frame(series.alias(name).to_frame())
    else:
        values = given if isinstance(given, np.ndarray) else np.array(given, dtype=object)
        if values.ndim != 1:
            raise ValueError(f"{name} must be one column, but its shape is {values.shape}")
        column = Frame(values[:, None])
    if len(column) != _num_samples(X):
        raise ValueError(f"X has {_num_samples(X)} rows, but {name} has {len(column)}")
    return column


def _numbers_of_groups(column: Frame) -> NDArray[np.int64]:
    texts = [f"row {row}" if text is None else text for row, text in enumerate(column.texts(0))]
    names, numbers = np.unique(texts, return_inverse=True)
    if len(names) == 1:
        raise ValueError(f"groups must have at least 2 values, but have only {str(names[0])!r}")
    return np.asarray(numbers, np.int64)


def _moments(column: Frame) -> NDArray[np.float64]:
    kind = column.kind(0)
    if kind not in ("number", "date", "category"):
        raise ValueError(f"time must be numbers or dates, but is of the kind {kind!r}")
    try:
        time = column.numbers([0], ["number" if kind == "number" else "date"])[:, 0]
    except ValueError as error:
        said = str(error).replace(f"column {column.names[0]!r}", "it").replace(", as in fit", "")
        raise ValueError(f"time must be numbers or dates: {said}") from None
    if np.isnan(time).any():
        row = int(np.isnan(time).argmax())
        raise ValueError(f"time must have a value in every row, but has none at index {row}")
    if time.min() == time.max():
        raise ValueError("time must have at least 2 different values, but all rows have the same")
    return time
