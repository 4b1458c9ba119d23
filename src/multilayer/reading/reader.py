"""Read a table from a file, from standard input, or from the datasets of scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from multilayer.reading.bundled import BUNDLED
from multilayer.reading.cells import Cells, sample_of
from multilayer.reading.dialect import Dialect, detect_dialect
from multilayer.reading.errors import TableError
from multilayer.reading.formats import ColumnEvidence, Format, choose_formats, without_gaps
from multilayer.reading.headers import is_header, names_of
from multilayer.reading.sources import Source, open_source
from multilayer.reading.table import DEFAULT_OPTIONS, Known, ReadOptions, Table
from multilayer.reading.typed_columns import counts_rows, usual_types
from multilayer.reading.typed_files import read_typed

__all__ = [
    "INDEX",
    "NAMELESS",
    "convert_columns",
    "find_formats",
    "first_row",
    "parse_table",
    "read_table",
    "take_names",
]

_LOOKED_AT = 500  # rows from which a header is recognized


def read_table(
    given: str | Path, options: ReadOptions = DEFAULT_OPTIONS, known: Known | None = None
) -> Table:
    """Read a table.

    Parameters
    ----------
    given : str or Path
        A file of CSV, JSON (an array or lines), Parquet, Arrow (Feather) or Excel, recognised by
        its content, and unpacked from gzip, bzip2, xz, zstd or zip; "-" for standard input; or one
        of the names in `BUNDLED`, whose target column is "target".
    options : ReadOptions, optional
    known : Known, optional
        What was found in the file that a model was fitted on.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        If the table is empty or cannot be read.
    OSError
        If the file cannot be opened.
    """
    name = str(given)
    if name in BUNDLED and not Path(name).is_file():
        frame = BUNDLED[name]()
        return Table(frame, Known(tuple(frame.columns)))
    return _read(given, None, options, known)


def parse_table(data: bytes, name: str, options: ReadOptions = DEFAULT_OPTIONS) -> Table:
    """Read a table from the content of a file; see `read_table`."""
    return _read(data, name, options, None)


def _read(given: Any, name: str | None, options: ReadOptions, known: Known | None) -> Table:
    with open_source(given, name, options.encoding) as source:
        if source.kind == "CSV":
            return read_csv(source, options, known)
        return _read_typed(source, options, known)


def read_csv(source: Source, options: ReadOptions, known: Known | None) -> Table:
    """Read a whole CSV file."""
    sample, likely = sample_of(source.path, source.name), known.delimiter if known else None
    dialect = detect_dialect(sample, options.delimiter, likely)
    cells = Cells(source.path, source.name, dialect).whole()
    head = first_row(cells, source.name)
    cells = without_gaps(cells)  # a large table is not kept twice
    cells, header = take_names(cells, head, dialect, source.name, options, known)
    delimiter = dialect.delimiter
    table = finish(cells, source, options, known, named=header, delimiter=delimiter)
    return replace(table, known=replace(table.known, delimiter=delimiter))


def _read_typed(source: Source, options: ReadOptions, known: Known | None) -> Table:
    """Read a file whose format has types, or texts that are converted as those of CSV."""
    frame = read_typed(source, options)
    if source.kind in ("Parquet", "Arrow", "Arrow stream"):
        return finish(frame, source, options, known, convert=False)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return finish(frame.with_columns(without_gaps(frame.select(texts))), source, options, known)


def first_row(cells: pl.DataFrame, name: str) -> list[str]:
    """Return the cells of the first row; raise TableError if there is none."""
    if not len(cells):
        raise TableError(f"a table has at least one row, but {name} has none")
    return [(cell or "").strip() for cell in cells.row(0)]


def take_names(
    cells: pl.DataFrame,
    head: list[str],
    dialect: Dialect,
    name: str,
    options: ReadOptions,
    known: Known | None,
) -> tuple[pl.DataFrame, bool]:
    """Return the rows below the names, which are taken from the first row or the dialect.

    Parameters
    ----------
    cells : polars.DataFrame of str
        All rows, or the first ones; gaps null.
    head : list of str
        The first row as it is written.

    Returns
    -------
    body : polars.DataFrame
        With the names of the columns.
    header : bool
        Whether the columns have names.
    """
    body = cells[1:]
    header = options.header
    if dialect.names is not None and header is not False:
        body, head, header = cells, [cell.strip() for cell in dialect.names], True
    if header is None:
        header = is_header(head, body.head(_LOOKED_AT), known.names if known is not None else ())
    if not header:
        body, head = cells, [""] * cells.width
    names = names_of(head)
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(
            f"the columns of {name} must have different names, but {twice[0]!r} is there twice"
        )
    # A delimiter at the end of each line makes a last column without a name and without cells.
    body.columns = names
    if header and not head[-1] and body.width > 1 and body[:, -1].null_count() == len(body):
        body = body.drop(body.columns[-1])
    if header and not head[0] and counts_rows(body[:, 0]):
        body = body.rename({body.columns[0]: INDEX})
    return body, header


NAMELESS = (
    "the first line is read as a row, and columns are called 0, 1 …; use --header if it holds the "
    "names"
)
INDEX = "\0index"  # the name of a nameless column of row numbers, until it is left out


def finish(
    frame: pl.DataFrame,
    source: Source,
    options: ReadOptions,
    known: Known | None,
    *,
    named: bool = True,
    convert: bool = True,
    delimiter: str | None = None,
) -> Table:
    """Drop columns, convert columns of strings, and report what was done."""
    remarks = list(source.remarks)
    if not named and options.header is None and known is None:
        remarks.append(NAMELESS)
    frame, left_out = usual_types(frame, INDEX)
    remarks += left_out
    missing = [name for name in options.drop if name not in frame.columns]
    if missing:
        raise TableError(
            f"--drop must name columns of {source.name}, but there is no {missing[0]!r}"
        )
    frame = frame.drop(options.drop)
    if not len(frame) or not frame.width:
        why = f": {left_out[0]}" if left_out else ""
        raise TableError(
            f"a table has at least one row and one column, but {source.name} has {len(frame)} rows "
            f"and {frame.width} columns{why}"
        )
    formats: dict[str, Format] = {}
    if convert:
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        formats, said = find_formats(
            {name: ColumnEvidence.of(frame[name]) for name in texts}, options, known, delimiter
        )
        remarks += said
        frame, said = convert_columns(frame, formats, known, source.name)
        remarks += said
    return Table(frame, Known(tuple(frame.columns), formats), tuple(remarks), named)


def find_formats(
    evidence: Mapping[str, ColumnEvidence],
    options: ReadOptions,
    known: Known | None,
    delimiter: str | None = None,
) -> tuple[dict[str, Format], list[str]]:
    """Find the formats of columns of texts, those that a model knows as they are there.

    A semicolon between cells makes a decimal comma likely.
    """
    held = known.formats if known is not None else {}
    new = {name: column for name, column in evidence.items() if name not in held}
    chosen = choose_formats(new, options.decimal, options.dates, comma_likely=delimiter == ";")
    formats = {name: held.get(name) or chosen.formats[name] for name in evidence}
    return formats, chosen.remarks


def convert_columns(
    frame: pl.DataFrame, formats: Mapping[str, Format], known: Known | None, name: str
) -> tuple[pl.DataFrame, list[str]]:
    """Convert columns of texts.

    Raises
    ------
    TableError
        If a column that is named in `known` does not hold what it held in fit.
    """
    remarks: list[str] = []
    columns = []
    for column, found in formats.items():
        texts = frame[column]
        converted = found.convert(texts)
        if known is not None and column in known.formats and not found.fits(texts):
            other = _other_format(texts, found)
            if other is None and column not in known.names:
                columns.append(texts)
                continue
            if other is None:
                wrong = texts.filter(converted.is_null() & texts.is_not_null())
                raise TableError(
                    f"column {column!r} of {name} must hold {_PLURALS[found.kind]} as in fit, but "
                    f"holds {str(wrong[0])[:60]!r}"
                )
            converted = other.convert(texts)
            if other.kind != "number" or other.form == ",":
                cell = texts.drop_nulls()[0]
                remarks.append(f"column {column!r} is not written as in fit, but as {cell!r}")
        columns.append(converted)
    return frame.with_columns(columns), remarks


_PLURALS = {"integer": "numbers", "number": "numbers", "boolean": "booleans", "date": "dates"}


def _other_format(texts: pl.Series, found: Format) -> Format | None:
    """Return another way of writing the same kind that all cells fit, if there is just one."""
    possible = ColumnEvidence.of(texts).possible or frozenset()
    numeric = {"integer": "number"}
    kind = numeric.get(found.kind, found.kind)
    same = [f for f in possible if numeric.get(f.kind, f.kind) == kind]
    for certain in (Format("number", "."), Format("date", "ymd")):
        if certain in same:
            return certain
    return same[0] if len({f.form for f in same}) == 1 else None
