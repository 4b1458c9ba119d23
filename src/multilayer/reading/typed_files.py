"""Files whose formats have types: Parquet, Arrow, JSON and Excel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException

from multilayer.reading.errors import TableError
from multilayer.reading.limits import (
    check_columns,
    check_json,
    check_size,
    check_texts,
)
from multilayer.reading.sources import Source
from multilayer.reading.table import ReadOptions
from multilayer.reading.workbooks import check_workbook

__all__ = ["check_typed", "read_typed", "readable"]


def read_typed(source: Source, options: ReadOptions) -> pl.DataFrame:
    """Read a whole file of another kind than CSV; raise TableError if it is broken."""
    with readable(source.name):
        check_typed(source.kind, source.path, source.name)
        frame = _READERS[source.kind](source, options)
        check_size(source.path, source.name, *frame.shape)
        check_texts(frame, source.path, source.name)
        return frame


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Convert any error that a library raises about a file to one line that names it."""
    try:
        yield
    except (TableError, MemoryError):
        raise
    except (Exception, PanicException) as error:  # of polars, fastexcel, zipfile and zlib
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise TableError(f"{name} cannot be read as a table: {reason[:300]}") from None


def check_typed(kind: str, path: Path, name: str) -> None:
    """Check before it is read that a file is not far larger than it looks."""
    _CHECKS[kind](path, name)


def _check_parquet(path: Path, name: str) -> None:
    table = pl.scan_parquet(path)
    columns = len(table.collect_schema())
    check_columns(columns, name)
    check_size(path, name, table.select(pl.len()).collect().item(), columns)


def _check_arrow(path: Path, name: str) -> None:
    check_columns(len(pl.read_ipc_schema(path)), name)


def _read_excel(source: Source, options: ReadOptions) -> pl.DataFrame:
    import fastexcel

    sheet: Any = options.sheet if options.sheet is not None else 0
    try:
        book = fastexcel.read_excel(str(source.path))
        named = sheet in book.sheet_names
        if isinstance(sheet, str) and not named and sheet.lstrip("-").isdecimal():
            sheet = range(len(book.sheet_names))[int(sheet)]
        elif isinstance(sheet, str) and not named:
            raise TableError(
                f"--sheet must name a sheet of {source.name}, {', '.join(book.sheet_names)}; got "
                f"{sheet!r}"
            )
        row = None if options.header is False else 0
        frame = book.load_sheet(sheet, header_row=row, schema_sample_rows=None).to_polars()
    except IndexError:
        raise TableError(
            f"--sheet must be a number below {len(book.sheet_names)}, got {options.sheet}"
        ) from None
    except fastexcel.FastExcelError as error:
        reason = str(error).splitlines()[0]
        raise TableError(f"{source.name} cannot be read as a workbook: {reason}") from None
    if row is None:
        frame.columns = [str(j) for j in range(frame.width)]
    return frame


def _read_json(source: Source, options: ReadOptions) -> pl.DataFrame:
    """Read objects, a row each: an array of them, or one on each line."""
    rule = f"{source.name} must be a JSON array of objects or JSON lines, a row an object"
    if source.kind == "JSON":
        with source.path.open("rb") as file:
            if not file.read(1 << 16).lstrip(b"[ \t\r\n").startswith((b"{", b"]")):
                raise TableError(f"{rule}, but its elements are not objects")
        return pl.read_json(source.path, infer_schema_length=None)
    frame = pl.read_ndjson(source.path, infer_schema_length=None)
    if len(frame) == 1 and frame.width and all(dtype.is_nested() for dtype in frame.dtypes):
        raise TableError(
            f"{rule}, but is one object that holds columns; pandas writes rows by "
            "to_json(orient='records')"
        )
    return frame


_CHECKS: dict[str, Callable[[Path, str], None]] = {
    "Parquet": _check_parquet,
    "Arrow": _check_arrow,
    "Arrow stream": lambda path, name: None,
    "Excel": check_workbook,
    "JSON": check_json,
    "JSON lines": check_json,
}
_READERS: dict[str, Callable[[Source, ReadOptions], pl.DataFrame]] = {
    "Parquet": lambda source, _: pl.read_parquet(source.path),
    "Arrow": lambda source, _: pl.read_ipc(source.path),
    "Arrow stream": lambda source, _: pl.read_ipc_stream(source.path),
    "Excel": _read_excel,
    "JSON": _read_json,
    "JSON lines": _read_json,
}
