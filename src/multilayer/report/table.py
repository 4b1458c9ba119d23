"""A raw table with access to rows by index, and to cells of each column in any order."""

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
    """A view of a dataframe of any library, or of an array.

    Parameters
    ----------
    X : dataframe or array-like, shape (m, n)
    names : sequence of str, optional
        Names of the columns, in place of x0, x1 … where X has none.
    """

    def __init__(self, X: Any, names: Any = None) -> None:
        X = X.toarray() if scipy.sparse.issparse(X) else X
        self.frame = Frame(X)
        self.names: list[str] = self.frame.names
        if names is not None and not self.frame.named and len(names) == len(self.names):
            self.names = [str(name) for name in names]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.frame)

    @cached_property
    def kinds(self) -> list[str]:
        """The kind of each column: number, boolean, date, category or empty."""
        return [self.frame.kind(j) for j in range(len(self.names))]

    @property
    def native(self) -> Any:
        """The whole table, as the kind that X was; a sparse one is dense."""
        return nw.to_native(self.frame.table, pass_through=True)

    def take(self, rows: NDArray[np.intp]) -> Any:
        """Return rows as the kind of table that X was."""
        return nw.to_native(self.frame.table[rows], pass_through=True)

    def mix(self, rows: NDArray[np.intp], columns: list[int], source: NDArray[np.intp]) -> Any:
        """Return rows in which some cells are taken from other rows.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
        columns : list of k int
        source : ndarray of int, shape (m, k)
            The row from which each cell of these columns is taken.
        """
        if isinstance(self.frame.table, np.ndarray):
            mixed = self.frame.table[rows]
            mixed[:, columns] = self.frame.table[source, columns]
            return mixed
        changed = [k for k in range(len(columns)) if not np.array_equal(source[:, k], rows)]
        names = self.frame.names
        frame = self.frame.table[rows].with_columns(
            *(self.frame.table[names[columns[k]]][source[:, k]] for k in changed)
        )
        return nw.to_native(frame)

    @cached_property
    def _columns(self) -> dict[int, NDArray[Any]]:
        return {}

    def values(self, j: int) -> NDArray[Any]:
        """Return a column (m,): numbers and dates as float with NaN, others as text with None."""
        if j not in self._columns:  # several sections read it
            self._columns[j] = (
                self.frame.numbers([j])[:, 0]
                if self.kinds[j] in ("number", "date")
                else np.array(self.frame.texts(j), dtype=object)
            )
        return self._columns[j]

    def cell(self, row: int, j: int) -> Any:
        """Return one cell; a gap is returned as the table has it."""
        return self.frame.columns[j][int(row)]
