"""Limits of what is uploaded to the playground: a table is measured before it is parsed."""

from __future__ import annotations

import mmap
import re

import polars as pl
from polars.exceptions import PanicException, PolarsError

from multilayer.reading.cells import sample_of
from multilayer.reading.dialect import detect_dialect
from multilayer.reading.errors import TableError
from multilayer.reading.sources import Source

__all__ = [
    "MAX_BYTES",
    "MAX_COLUMNS",
    "MAX_INPUTS",
    "MAX_MEMORY",
    "MAX_NAME",
    "MAX_SECONDS",
    "MAX_UNPACKED",
    "check_frame",
    "check_source",
]

MAX_BYTES = 50 * 2**20  # of an upload
MAX_UNPACKED = 2 * MAX_BYTES  # of the file that it holds, if it is packed
MAX_MEMORY = 2**31  # bytes of the process that reads uploads
MAX_SECONDS = 30  # in which an upload must be read
MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 10**6, 1000, 2 * 10**7
MAX_LINE, MAX_CELL, MAX_NAME = 10**6, 10**4, 200  # characters
MAX_INPUTS = 1000  # of the network; categories become several of them
_LARGER = "; open a part of it, or train on all of it with multilayer fit"
# A text of JSON, and the colon if it is a key.
_TEXT = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*+:)?', re.DOTALL)


def check_source(source: Source) -> None:
    """Check the size of a table before it is parsed, since parsing is what takes the memory.

    Parameters
    ----------
    source : Source
        The unpacked file. The rows of JSON are not counted here, and nothing of Arrow and Excel.

    Raises
    ------
    TableError
        If it has more bytes, rows, columns or cells than are read, or a longer line.
    """
    size, most = source.path.stat().st_size, MAX_UNPACKED
    _check(source.name, "MB when unpacked", -(-size // 2**20), most // 2**20, _LARGER)
    if source.kind == "CSV":
        rows = _count_lines(source) - 1  # one may hold the names
        columns = detect_dialect(sample_of(source.path, source.name)).width
    elif source.kind.startswith("JSON"):
        rows, columns = 1, _count_keys(source)
    elif source.kind == "Parquet":
        try:
            columns = len(pl.read_parquet_schema(source.path))
            rows = pl.scan_parquet(source.path).select(pl.len()).collect().item()
        except (PolarsError, PanicException):
            return  # the reader says what is wrong with it
    else:
        return
    _check_shape(source.name, rows, columns)


def check_frame(frame: pl.DataFrame, name: str) -> None:
    """Check a table that was parsed.

    Raises
    ------
    TableError
        If it has more rows, columns or cells than are used, or a longer name or cell.
    """
    _check_shape(name, *frame.shape)
    for column in frame.columns:
        _check(name, "characters in the name of a column", len(column), MAX_NAME)
        if frame[column].dtype == pl.String:
            longest = frame[column].str.len_chars().max() or 0
            _check(name, f"characters in a cell of {column!r}", int(str(longest)), MAX_CELL)


def _check_shape(name: str, rows: int, columns: int) -> None:
    # First the columns, so that a table on its side is told what it is.
    _check(name, "columns", columns, MAX_COLUMNS, _LARGER)
    _check(name, "rows", rows, MAX_ROWS, _LARGER)
    _check(name, "cells (rows × columns)", rows * columns, MAX_CELLS, _LARGER)


def _count_lines(source: Source) -> int:
    count = 0
    with source.path.open(encoding="utf-8", errors="replace") as file:
        while line := file.readline(MAX_LINE + 1):
            _check(source.name, "characters in a line", len(line), MAX_LINE)
            count += 1
            if count > MAX_ROWS + 1:
                break
    return count


def _count_keys(source: Source) -> int:
    """Count the different keys of objects, until they are too many."""
    keys: set[bytes] = set()
    with (
        source.path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        for text in _TEXT.finditer(content):
            if text[2]:
                keys.add(text[1])
                if len(keys) > MAX_COLUMNS:
                    break
    return len(keys)


def _check(name: str, what: str, found: int, most: int, instead: str = "") -> None:
    if found > most:
        raise TableError(
            f"a table may have {most:,} {what} in the playground, but {name} has more{instead}"
        )
