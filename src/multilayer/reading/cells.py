"""The cells of a CSV file as texts, split by DuckDB's reader: whole, or in batches."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from multilayer.reading.dialect import Dialect
from multilayer.reading.errors import TableError
from multilayer.reading.limits import LONGEST_ROW, check_columns

__all__ = ["Cells", "sample_of"]

_SAMPLE = 1 << 18  # bytes of the first lines; more if the first line is longer than that
_THREADS_FROM = 1 << 24  # bytes of a file from which several threads pay
_TOGETHER = 2048  # rows of a vector of DuckDB's


def sample_of(path: Path, name: str) -> str:
    """Return the first lines of a text file in UTF-8.

    Raises
    ------
    TableError
        If the first line is too long.
    """
    with path.open("rb") as file:
        data = file.read(_SAMPLE)
        while len(data) < LONGEST_ROW and data.count(b"\n") + data.count(b"\r") < 3:
            more = file.read(len(data))
            if not more:
                break
            data += more
        whole = not file.read(1)
    if not whole:
        end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        if end < 0:
            raise TableError(
                f"a row must be shorter than {LONGEST_ROW} bytes, but line 1 of {name} is not"
            )
        data = data[: end + 1]
    return data.decode(errors="replace").removeprefix("\ufeff")


class Cells:
    """The rows of a CSV file, as columns of texts named "0", "1" ….

    Parameters
    ----------
    path : Path
        Of a file in UTF-8.
    name : str
        In messages.
    dialect : Dialect
    threads : int, optional
        By default as many as the processor has, for a large file.

    Raises
    ------
    TableError
        If the file has too many columns.
    """

    def __init__(self, path: Path, name: str, dialect: Dialect, threads: int | None = None) -> None:
        check_columns(dialect.width, name)
        self._path, self._name, self._dialect = path, name, dialect
        if threads is None and path.stat().st_size < _THREADS_FROM:
            threads = 1
        self._connection = _database(threads, os.getpid()).cursor()

    def whole(self) -> pl.DataFrame:
        """Read all rows."""
        with _one_line_errors(self._name, self._dialect):
            return pl.DataFrame(self._connection.sql(self._query()))

    def batches(self, rows: int) -> Iterator[pl.DataFrame]:
        """Read a limited number of rows at a time, in order."""
        read = self._arrow_batches if find_spec("pyarrow") else self._python_batches
        with _one_line_errors(self._name, self._dialect):
            yield from read(rows)

    def _arrow_batches(self, rows: int) -> Iterator[pl.DataFrame]:
        for batch in self._connection.sql(self._query()).to_arrow_reader(rows):
            for start in range(0, len(batch), rows):
                yield pl.DataFrame(pl.from_arrow(batch.slice(start, rows)))

    def _python_batches(self, rows: int) -> Iterator[pl.DataFrame]:
        """Read cells as texts of Python, which takes several times as long and needs no pyarrow."""
        schema = {str(j): pl.String for j in range(self._dialect.width)}
        result = self._connection.execute(self._query())
        while True:
            parts: list[pl.DataFrame] = []
            while (missing := rows - sum(map(len, parts))) > 0:
                cells = result.fetchmany(min(missing, _TOGETHER))
                if not cells:
                    break
                parts.append(pl.DataFrame(cells, schema, orient="row"))
            if not parts:
                return
            yield pl.concat(parts)

    def _query(self) -> str:
        d = self._dialect
        columns = ", ".join(f"'{j}': 'VARCHAR'" for j in range(d.width))
        options = {
            "delim": _quoted(d.delimiter),
            "quote": _quoted(d.quote),
            "escape": _quoted(d.escape),
            "skip": str(d.skip),
            "header": "false",
            "auto_detect": "false",
            "columns": "{" + columns + "}",
            "nullstr": _quoted("\x01"),
            "max_line_size": str(LONGEST_ROW if self._path.stat().st_size > 1 << 20 else 1 << 21),
            "strict_mode": "true",
        }
        given = ", ".join(f"{key} = {value}" for key, value in options.items())
        return f"FROM read_csv({_quoted(str(self._path))}, {given})"


@functools.cache
def _database(threads: int | None, process: int) -> Any:
    """Open DuckDB once in each process, since this takes longer than reading a small file."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET temp_directory = ''")  # nothing that a process leaves when it is killed
    if threads is not None:
        connection.execute(f"SET threads = {threads}")
    return connection


@contextmanager
def _one_line_errors(name: str, dialect: Dialect) -> Iterator[None]:
    """Turn DuckDB's errors into one line that names the file and the row."""
    try:
        yield
    except TableError:
        raise
    except (duckdb.Error, RuntimeError, ValueError) as error:
        raise TableError(_explain(str(error), name, dialect)) from None


def _explain(text: str, name: str, dialect: Dialect) -> str:
    text = "\n".join(part[:300] for part in text.splitlines())  # DuckDB shows the whole row
    line = re.search(r"CSV Error on Line: (\d+)", text)
    where = f"line {line[1]} of {name}" if line else name
    if "Maximum line size" in text:
        return f"a row must be shorter than {LONGEST_ROW} bytes, but {where} is not"
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if counts:
        return (
            f"every row must have as many cells as most, {counts[1]}, but {where} has {counts[2]} "
            f"(cells are separated by {dialect.delimiter!r}; use --delimiter to set another one)"
        )
    if "quote" in text.split("Possible")[0].lower():
        return (
            f"quotes inside quotes must be doubled, but {where} has a cell with a quote that does "
            "not end"
        )
    reason = next((part for part in text.splitlines()[1:] if part.strip()), text.strip())
    return f"{where} cannot be read as a table: {reason.strip()[:200]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
