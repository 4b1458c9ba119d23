"""A raw table whose cells can be taken from anywhere: rows by number, columns each in its order."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from multilayer.tables.frame import Frame

__all__ = ["Table"]


class Table:
    """View of a dataframe of any library, or of an array.

    Parameters
    ----------
    X : dataframe or array-like, shape (m, n)
    names : sequence of str, optional
        Of the columns, in place of x0, x1 … where X has none.
    """

    def __init__(self, X: Any, names: Any = None) -> None:
        X = X.toarray() if scipy.sparse.issparse(X) else X
        self.frame = Frame(X)
        self._table = self.frame._table
        self.names: list[str] = self.frame.names
        if names is not None and not self.frame.named and len(names) == len(self.names):
            self.names = [str(name) for name in names]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.frame)

    @cached_property
    def kinds(self) -> list[str]:
        """Of each column: number, boolean, date, category or empty."""
        return [self.frame.kind(j) for j in range(len(self.names))]

    def take(self, rows: NDArray[np.intp]) -> Any:
        """Give rows in the kind of table that X was."""
        return nw.to_native(self._table[rows], pass_through=True)

    def mix(self, rows: NDArray[np.intp], columns: list[int], source: NDArray[np.intp]) -> Any:
        """Give rows some of whose cells come from others.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
        columns : list of int, k of them
        source : ndarray of int, shape (m, k)
            The row that each cell of these columns is taken from.
        """
        if isinstance(self._table, np.ndarray):
            mixed = self._table[rows]
            mixed[:, columns] = self._table[source, columns]
            return mixed
        strange = [k for k in range(len(columns)) if not np.array_equal(source[:, k], rows)]
        names = self.frame.names
        frame = self._table[rows].with_columns(
            *(self._table[names[columns[k]]][source[:, k]] for k in strange)
        )
        return nw.to_native(frame)

    def values(self, j: int) -> NDArray[Any]:
        """Give a column: numbers and dates as float with NaN, all else as text with None; (m,)."""
        if self.kinds[j] in ("number", "date"):
            return self.frame.numbers([j])[:, 0]
        return np.array(self.frame.texts(j), dtype=object)

    def cell(self, row: int, j: int) -> Any:
        """Give one cell, a gap as it stands in the table."""
        return self._columns[j][int(row)]

    @cached_property
    def _columns(self) -> list[Any]:
        table = self._table
        return list(table.T if isinstance(table, np.ndarray) else table.iter_columns())
