"""Read a table from a file, from standard input, or from the datasets of scikit-learn."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError
from sklearn import datasets

__all__ = ["BUNDLED", "TableError", "parse_table", "read_table"]

GAPS = ("", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "Null", "null", "None", "none")

_SEPARATORS = ",;\t|"
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}([ T].*)?$"


class TableError(ValueError):
    """A table cannot be read: the message names the table, the rule and what was found."""


def read_table(
    source: str | Path, header: bool | None = None, text: Collection[str] = ()
) -> pl.DataFrame:
    """Read a table.

    Parameters
    ----------
    source : str or Path
        A file of CSV or TSV, Parquet, Arrow (Feather) or JSON lines, recognised by its content;
        "-" for standard input; or one of the names in `BUNDLED`, whose target column is "target".
    header : bool, optional
        Whether the first line of a CSV file holds the names of the columns. By default it does if
        it holds no number, and no text that occurs again in its column. Columns without names are
        called "0", "1" ….
    text : collection of str
        Columns of a CSV file that remain texts even if they look like numbers or dates.

    Returns
    -------
    polars.DataFrame
        From CSV: whitespace around cells is stripped, `GAPS` are null, and columns are integers,
        floats, booleans (true, false), dates (ISO 8601) or texts.

    Raises
    ------
    TableError
        If the table is empty or cannot be read.
    OSError
        If the file cannot be opened.
    """
    name = str(source)
    if name in BUNDLED and not Path(name).is_file():
        return BUNDLED[name]()
    data = sys.stdin.buffer.read() if name == "-" else Path(source).read_bytes()
    return parse_table(data, "standard input" if name == "-" else name, header, text)


def parse_table(
    data: bytes, name: str, header: bool | None = None, text: Collection[str] = ()
) -> pl.DataFrame:
    """Read a table from the content of a file.

    Parameters
    ----------
    data : bytes
    name : str
        Its name in error messages.
    header, text
        As for `read_table`.

    Raises
    ------
    TableError
        If the table is empty or cannot be read.
    """
    if not data.strip():
        raise TableError(f"a table has at least one row, but {name} is empty")
    try:
        table = _parse(data, name, header, text)
    except (PolarsError, UnicodeError, OSError) as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise TableError(f"{name} cannot be read as a table: {reason}") from None
    if not len(table) or not table.width:
        raise TableError(
            f"a table has at least one row and one column, but {name} has {len(table)} rows and "
            f"{table.width} columns"
        )
    return table


def _parse(data: bytes, name: str, header: bool | None, text: Collection[str]) -> pl.DataFrame:
    for magic, read in _BINARY.items():
        if data.startswith(magic):
            return read(io.BytesIO(data))
    for magic, kind in _FOREIGN.items():
        if data.startswith(magic):
            raise TableError(f"{name} is {kind}; a table is CSV, Parquet, Arrow or JSON lines")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16").encode()
    if b"\0" in data:
        raise TableError(f"{name} is a binary file, but neither Parquet nor Arrow: not a table")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise TableError(
            f"{name} must be UTF-8 text, but has byte {data[error.start]:#04x} at {error.start}; "
            "iconv -f latin1 -t utf-8 converts older files"
        ) from None
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip().startswith(b"{"):
        return pl.read_ndjson(data, infer_schema_length=None)
    if data.lstrip().startswith(b"[{"):
        return pl.read_json(data, infer_schema_length=None)
    return _typed(_cells(data, name, header), text)


def _cells(data: bytes, name: str, header: bool | None) -> pl.DataFrame:
    """Split CSV into columns of texts, gaps null."""
    data = re.sub(rb"(\r?\n)(?: *\r?\n)+", rb"\1", data).lstrip(b"\r\n")
    first = re.sub(rb'"[^"]*"', b"", data.split(b"\n", 1)[0]).decode()
    separator = max(_SEPARATORS, key=first.count)
    try:
        rows = pl.read_csv(data, has_header=False, infer_schema=False, separator=separator)
    except PolarsError as error:
        if "more fields" not in str(error):
            raise
        rows = None
    # polars fills short rows with nulls; only then is the last column null.
    if rows is None or rows[:, -1].null_count():
        _check_lengths(data.decode(), separator, name)
    if rows is None:
        raise TableError(f"{name} has rows of different lengths")
    rows = rows.with_columns(pl.all().str.strip_chars())
    head = [cell or "" for cell in rows.row(0)]
    body = rows[1:].with_columns(
        pl.when(pl.all().is_in(GAPS)).then(None).otherwise(pl.all()).name.keep()
    )
    if header is None:
        header = _is_header(head, body)
    if not header:
        body = rows.with_columns(
            pl.when(pl.all().is_in(GAPS)).then(None).otherwise(pl.all()).name.keep()
        )
    names = [cell if header and cell else str(j) for j, cell in enumerate(head)]
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(f"the columns of {name} must have different names, but {twice[0]!r} twice")
    body.columns = names
    return body


def _check_lengths(text: str, separator: str, name: str) -> None:
    import csv

    reader = csv.reader(io.StringIO(text), delimiter=separator)
    width = len(next(reader))
    for row in reader:
        if len(row) != width:
            raise TableError(
                f"every row of {name} must have as many cells as the first, {width}, but line "
                f"{reader.line_num} has {len(row)}"
            )


def _is_header(head: list[str], body: pl.DataFrame) -> bool:
    names = [cell for cell in head if cell not in GAPS]
    if not names or any(_is_number(cell) for cell in names):
        return False
    return not any(
        cell in GAPS or (body[:, j] == cell).any() for j, cell in enumerate(head) if cell
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _typed(cells: pl.DataFrame, text: Collection[str]) -> pl.DataFrame:
    """Convert columns of texts to numbers, booleans or dates where every cell is one."""
    return cells.with_columns(_typed_column(column) for column in cells if column.name not in text)


def _typed_column(column: pl.Series) -> pl.Series:
    known = column.drop_nulls()
    if not len(known):
        return column
    lower = known[:1000].str.to_lowercase()
    if lower.is_in(["true", "false"]).all():
        boolean = column.str.to_lowercase().replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        )
        if boolean.null_count() == column.null_count():
            return boolean
    for dtype in (pl.Int64, pl.Float64):
        number = column.cast(dtype, strict=False)
        if number.null_count() == column.null_count():
            return number
    if known[:1000].str.contains(_ISO_DATE).all():
        try:
            moment = column.str.to_datetime(strict=False, time_unit="us")
        except PolarsError:
            return column
        if moment.null_count() == column.null_count():
            return moment
    return column


def _moons() -> pl.DataFrame:
    X, y = datasets.make_moons(n_samples=1000, noise=0.1, random_state=0)
    return pl.DataFrame({"x1": X[:, 0], "x2": X[:, 1], "target": y})


def _bundled(load: Callable[[], Any]) -> Callable[[], pl.DataFrame]:
    def read() -> pl.DataFrame:
        bunch = load()
        target = bunch.target
        if len(getattr(bunch, "target_names", ())):
            target = bunch.target_names[target]
        frame = pl.DataFrame(bunch.data, schema=list(bunch.feature_names))
        return frame.with_columns(pl.Series("target", target))

    return read


BUNDLED: dict[str, Callable[[], pl.DataFrame]] = {
    "breast_cancer": _bundled(datasets.load_breast_cancer),
    "diabetes": _bundled(datasets.load_diabetes),
    "digits": _bundled(datasets.load_digits),
    "iris": _bundled(datasets.load_iris),
    "moons": _moons,
    "wine": _bundled(datasets.load_wine),
}

_BINARY: dict[bytes, Callable[[io.BytesIO], pl.DataFrame]] = {
    b"PAR1": pl.read_parquet,
    b"ARROW1": pl.read_ipc,
    b"\xff\xff\xff\xff": pl.read_ipc_stream,
}

_FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "compressed by gzip (gunzip -c FILE | multilayer … -)",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"FEA1": "a Feather file of version 1",
    b"SQLite format 3": "a database",
    b"%PDF": "a PDF document",
}
