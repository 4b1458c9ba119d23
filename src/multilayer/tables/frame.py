"""One view of every kind of table: the kind of each column, and columns as numbers or as texts.

Dataframes (pandas, polars, pyarrow and others) are read through narwhals; all else is a 2-D array.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
from narwhals.dependencies import is_pandas_dataframe, is_polars_dataframe
from narwhals.exceptions import DuplicateError
from numpy.typing import NDArray
from sklearn.utils import check_array

from multilayer.tables.foreign_errors import as_value_errors
from multilayer.tables.values import is_gap, kind_of_type, number_of, plural_of_type, text_of

__all__ = ["Frame"]

_UNIT_OF_TIME: dict[str, tuple[Any, float]] = dict.fromkeys(("day", "s", "ms"), ("ms", 1e3))
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


class Frame:
    """A table as columns.

    A single row of pandas or polars is read cell by cell: where rows are predicted one at a time,
    making columns of them would take most of the time.

    Parameters
    ----------
    X : dataframe or array-like, shape (m, n)
    first : int
        Index of its first row, where it is a part of a longer table.

    Attributes
    ----------
    names : list of str
        Of the columns; "x0", "x1" … for an array, or where a name is not a text.
    named : bool
        Whether the columns of X have names.

    Raises
    ------
    ValueError
        If there is no row, no column, or two columns have the same name.
    TypeError
        If X is sparse, or is not two-dimensional.
    """

    def __init__(self, X: Any, first: int = 0) -> None:
        self._first = first
        self._given = nw.to_native(X, pass_through=True)
        row = _one_row(self._given)
        self._cells: Sequence[Any] | None = None
        if row is not None:
            given, self._cells = row
            self._rows = 1
        else:
            given = (
                range(self.table.shape[1])
                if isinstance(self.table, np.ndarray)
                else self.table.columns
            )
            self._rows = int(self.table.shape[0])
        self.named = all(isinstance(name, str) for name in given)
        self.names = [str(name) if self.named else f"x{j}" for j, name in enumerate(given)]

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._rows

    def pieces(self, most: int) -> Iterator[tuple[slice, Frame]]:
        """Yield parts of a limited number of rows, each with the slice of its rows."""
        if self._rows <= most:
            yield slice(None), self
            return
        for start in range(0, self._rows, most):
            place = slice(start, min(start + most, self._rows))
            yield place, Frame(self.table[place], self._first + start)

    def kind(self, j: int) -> str:
        """Return the kind of a column.

        Returns
        -------
        str
            "number", "boolean", "date", "category", "empty" (objects, all of them gaps), or "other"
            where a table cannot be encoded from it; see `held`.
        """
        column = self.columns[j]
        if isinstance(column, nw.Series):
            dtype = self._dtypes[j]
            for kind, holds in (
                ("boolean", dtype == nw.Boolean),
                ("number", dtype.is_numeric()),
                ("date", dtype.is_temporal()),
                ("category", dtype in (nw.String, nw.Categorical) or isinstance(dtype, nw.Enum)),
                ("other", self._nested(j)),
            ):
                if holds:
                    return kind
        else:
            known = {"b": "boolean", "M": "date", "m": "date", "U": "category"}
            known |= dict.fromkeys("iuf", "number")
            if column.dtype.kind in known:
                return known[column.dtype.kind]
        return self._kind_of_objects(j)

    def held(self, j: int) -> str:
        """Return what a column of kind "other" holds, in words."""
        nested = self._nested(j) if isinstance(self.columns[j], nw.Series) else ""
        if nested:
            return nested
        types = (type(v) for v in self._objects(j) if v is not None)
        return plural_of_type(next(t for t in types if kind_of_type(t) is None))

    def numbers(
        self, columns: Sequence[int], kinds: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Return columns as numbers, gaps as NaN, dates and times in seconds.

        Parameters
        ----------
        columns : sequence of n int
        kinds : sequence of n str, optional
            Their kinds in fit: a column of dates may hold dates as texts now.

        Returns
        -------
        ndarray, shape (m, n)
            A new array.

        Raises
        ------
        ValueError
            If a value is infinite, or is not a number.
        """
        kinds = ["number"] * len(columns) if kinds is None else kinds
        if self._cells is not None:
            cells = zip(columns, kinds, strict=True)
            values = np.array([[self._from_objects([self._cells[j]], j, k)[0] for j, k in cells]])
        elif isinstance(self.table, np.ndarray) and self.table.dtype.kind in "biuf":
            values = self.table[:, columns].astype(np.float64)
        else:
            values = np.empty((self._rows, len(columns)), order="F")
            plain = [k for k, j in enumerate(columns) if self._is_plain(j)]
            if plain:
                values[:, plain] = self.table[:, [columns[k] for k in plain]].to_numpy()
            for k in set(range(len(columns))) - set(plain):
                with as_value_errors(f"column {self.names[columns[k]]!r}"):
                    values[:, k] = self._one_as_numbers(columns[k], kinds[k])
        # The largest float32: to a network, numbers beyond it are infinite.
        limit = float(np.finfo(np.float32).max)
        too_large = np.abs(values) > limit
        if too_large.any():
            row, k = np.argwhere(too_large)[0]
            raise ValueError(
                f"column {self.names[columns[k]]!r} must hold finite numbers of at most "
                f"±{limit:.1e}, but holds {values[row, k]} at index {self._first + row}"
            )
        return values

    def texts(self, j: int) -> list[str | None]:
        """Return a column as texts, gaps as None; the same value has the same text."""
        values = self._objects(j)
        types = set(map(type, values)) - {type(None)}
        if types <= {str}:
            return values
        if types in ({int}, {float}):  # often, and of few values: categories that are numbers
            known = {v: None if v is None else text_of(v) for v in set(values)}
            return [known[v] for v in values]
        return [None if v is None else text_of(v) for v in values]

    def gaps(self, j: int) -> NDArray[np.bool_]:
        """Return which values of a column are missing, (m,)."""
        return np.array([v is None for v in self._objects(j)], bool)

    def n_distinct(self, j: int) -> int:
        """Count the different values of a column, without gaps."""
        column = self.columns[j]
        if not isinstance(column, nw.Series) or column.dtype == nw.Object:
            return len(set(self.texts(j)) - {None})
        column = column.drop_nulls()
        if column.dtype.is_float():
            column = column.filter(~column.is_nan())
        return int(column.n_unique())

    @cached_property
    def table(self) -> Any:
        """The table as a dataframe of narwhals, or an array."""
        try:
            with as_value_errors("a table"):
                frame = nw.from_native(self._given, pass_through=True)
        except DuplicateError as error:
            raise ValueError(" ".join(str(error).split())) from None
        if isinstance(frame, nw.LazyFrame):
            raise TypeError(
                "a table must be in memory, but this one is lazy: call its collect() first"
            )
        if not isinstance(frame, nw.DataFrame):
            # From lists, NumPy would make a text of every number next to a text.
            rows = np.array(frame, dtype=object) if isinstance(frame, list | tuple) else frame
            return check_array(rows, dtype=None, ensure_all_finite=False)
        for what, met in zip(("sample", "feature"), frame.shape, strict=True):
            if met == 0:
                raise ValueError(
                    f"Found 0 {what}(s) (shape={frame.shape}) while a minimum of 1 is required."
                )
        return frame

    @cached_property
    def columns(self) -> list[Any]:
        """The columns as series of narwhals, or arrays."""
        table = self.table
        return list(table.T if isinstance(table, np.ndarray) else table.iter_columns())

    @cached_property
    def _dtypes(self) -> list[Any]:
        return list(self.table.schema.values())

    def _is_plain(self, j: int) -> bool:
        """Whether the column can be read from a dataframe together with other numeric ones."""
        if isinstance(self.table, np.ndarray):
            return False
        dtype = self._dtypes[j]
        wide = dtype in (nw.Int128, nw.UInt128)  # which NumPy does not have
        return bool(dtype.is_float() or (dtype.is_integer() and not wide))

    def _nested(self, j: int) -> str:
        """Return what a column of a dataframe holds by its dtype, if that is no single value."""
        dtype = self._dtypes[j]
        for plural, types in (
            ("lists", (nw.List, nw.Array)),
            ("structs", (nw.Struct,)),
            ("bytes", (nw.Binary,)),
        ):
            if isinstance(dtype, types) or dtype in types:
                return plural
        return ""

    def _one_as_numbers(self, j: int, kind: str) -> NDArray[Any]:
        column = self.columns[j]
        if isinstance(column, nw.Series):
            dtype = self._dtypes[j]
            if dtype == nw.Boolean or dtype.is_numeric():
                return column.cast(nw.Float64).to_numpy()
            if dtype in (nw.Date, nw.Datetime):
                # Not in a finer unit than its own, in which moments far away would be others.
                unit, second = _UNIT_OF_TIME.get(_unit(dtype), ("us", 1e6))
                return _as_floats(column.dt.timestamp(unit)) / second
            if dtype == nw.Duration:
                if _unit(dtype) in _UNIT_OF_TIME:
                    return _as_floats(column.dt.total_milliseconds()) / 1e3
                return _as_floats(column.dt.total_microseconds()) / 1e6
        elif column.dtype.kind in "Mm":
            unit, step = np.datetime_data(column.dtype)
            if unit not in _UNITS:
                column, unit, step = column.astype(f"{column.dtype.kind}8[s]"), "s", 1
            counted = column.astype(np.int64) * (step * _UNITS[unit])
            return np.where(np.isnat(column), np.nan, counted)
        return np.array(self._from_objects(self._objects(j), j, kind))

    def _from_objects(self, values: Sequence[Any], j: int, kind: str) -> list[float]:
        try:
            return [number_of(v, kind) for v in values]
        except (ValueError, TypeError):
            row = next(row for row, v in enumerate(values) if not _is_number(v, kind))
            raise ValueError(
                f"column {self.names[j]!r} must hold {kind}s, as in fit, but holds "
                f"{values[row]!r:.60} at index {self._first + row}"
            ) from None

    def _objects(self, j: int) -> list[Any]:
        """Return a column as Python objects, gaps as None."""
        if self._cells is not None:
            return [self._cells[j]]
        column = self.columns[j]
        if isinstance(column, nw.Series):
            with as_value_errors(f"column {self.names[j]!r}"):
                values = column.to_list()
            if not self._dtypes[j].is_float() and self._dtypes[j] != nw.Object:
                if not column.null_count():
                    return values
                gaps = column.is_null().to_list()
                return [None if gap else v for v, gap in zip(values, gaps, strict=True)]
            return [None if is_gap(v) else v for v in values]  # to polars, NaN is no gap
        return [None if is_gap(v) else v for v in column.tolist()]

    def _kind_of_objects(self, j: int) -> str:
        values = self._objects(j)
        kinds = {kind_of_type(t) for t in set(map(type, values)) - {type(None)}}
        if None in kinds:
            return "other"
        if len(kinds) == 1:
            return str(kinds.pop())
        if not kinds:
            return "empty"
        return "number" if kinds == {"number", "boolean"} else "category"


def _one_row(X: Any) -> tuple[Sequence[Any], list[Any]] | None:
    """Return names and cells (gaps None) of a dataframe of pandas or polars with one row."""
    try:
        with as_value_errors("a row"):
            if is_pandas_dataframe(X) and len(X) == 1 and len(X.columns) and X.columns.is_unique:
                names = X.columns.tolist()
                cell = X.iat  # a row of pandas has one dtype: 1 next to 0.5 would be 1.0
                row: Iterable[Any] = [cell[0, j] for j in range(len(names))]
            elif is_polars_dataframe(X) and len(X) == 1:
                names, row = X.columns, X.row(0)
            else:
                return None
    except ValueError:  # Python has no such value, as of a year beyond 9999, but the column has
        return None
    return names, [None if is_gap(v) else v for v in row]


def _as_floats(counts: nw.Series[Any]) -> NDArray[np.float64]:
    """Return whole numbers as floats, gaps as NaN; pyarrow casts none beyond 2⁵³."""
    values = counts.fill_null(0).to_numpy().astype(np.float64)
    values[counts.is_null().to_numpy()] = np.nan
    return values


def _unit(dtype: Any) -> str:
    """Return the unit of a dtype of dates, moments or durations."""
    return getattr(dtype, "time_unit", "day")


def _is_number(value: Any, kind: str) -> bool:
    try:
        number_of(value, kind)
    except (ValueError, TypeError):
        return False
    return True
