"""Columns of a dataframe of polars that are no features, and types that become others."""

from __future__ import annotations

import re

import polars as pl

__all__ = ["counts_rows", "usual_types"]

_NESTED = {pl.List: "lists", pl.Array: "arrays", pl.Struct: "structs", pl.Binary: "bytes"}
_NESTED[pl.Object] = "objects"
_WIDE = (pl.Int128, *([pl.UInt128] if hasattr(pl, "UInt128") else []))  # which NumPy lacks
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_UNNAMED = re.compile(r"Unnamed: 0(\.\d+)?|__UNNAMED__0|index_level_0|")


def usual_types(frame: pl.DataFrame, index: str) -> tuple[pl.DataFrame, list[str]]:
    """Leave out columns that are no features, and make decimals floats.

    Parameters
    ----------
    frame : polars.DataFrame
    index : str
        The name of a column of row numbers.

    Returns
    -------
    frame : polars.DataFrame
    remarks : list of str
        The columns left out, with the reason.
    """
    remarks, dropped = [], []
    for name, dtype in frame.schema.items():
        nested = next((what for kind, what in _NESTED.items() if dtype == kind), None)
        if nested is not None:
            remarks.append(f"column {name!r} holds {nested} and is left out")
        elif _PANDAS_INDEX.fullmatch(name):
            remarks.append(f"column {name!r} is the index of pandas and is left out")
        elif name == index:
            remarks.append("the first column has no name, counts the rows and is left out")
        elif _UNNAMED.fullmatch(name) and name == frame.columns[0] and counts_rows(frame[name]):
            remarks.append(f"column {name!r} counts the rows and is left out")
        else:
            continue
        dropped.append(name)
    frame = frame.drop(dropped)
    wide = [name for name, dtype in frame.schema.items() if dtype.is_decimal() or dtype in _WIDE]
    return frame.with_columns(pl.col(wide).cast(pl.Float64)), remarks


def counts_rows(column: pl.Series) -> bool:
    """Return whether a column holds whole numbers that are all different, as row numbers are."""
    if len(column) < 2 or column.null_count():
        return False
    if column.dtype != pl.String and not column.dtype.is_numeric():
        return False
    numbers = column.cast(pl.Int64, strict=False)
    if numbers.null_count() or (column.dtype.is_float() and (column != numbers).any()):
        return False
    return bool((numbers >= 0).all() and numbers.n_unique() == len(numbers))
