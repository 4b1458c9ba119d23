"""Files that together are one table, read in chunks."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError, SchemaError

from multilayer.reading.cells import Cells, sample_of
from multilayer.reading.dialect import detect_dialect
from multilayer.reading.errors import TableError
from multilayer.reading.formats import ColumnEvidence, without_gaps
from multilayer.reading.reader import (
    INDEX,
    NAMELESS,
    convert_columns,
    find_formats,
    first_row,
    take_names,
)
from multilayer.reading.sources import open_source
from multilayer.reading.table import Known, ReadOptions
from multilayer.reading.typed_columns import usual_types
from multilayer.reading.typed_files import check_typed, readable

__all__ = ["TableFiles", "parse_memory"]

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_TRIED = 1000  # rows from which the size of a row is estimated
_BATCH = 50_000  # rows that are looked at together


def parse_memory(memory: str | float) -> int:
    """Parse a size such as "2GB", "500 MiB" or a number of bytes.

    Raises
    ------
    ValueError
        If it is not a size, or not larger than 0.
    """
    met = re.fullmatch(r"\s*([0-9.]+)\s*([kKMGT]?i?)B?\s*", str(memory))
    unit = met[2].replace("K", "k").replace("ki", "Ki") if met else ""
    try:
        size = int(float(met[1]) * _UNITS[unit]) if met else 0
    except (ValueError, KeyError):
        size = 0
    if size < 1:
        raise ValueError(f"memory must be a size such as '2GB' or 500e6 bytes, got {memory!r}")
    return size


class TableFiles:
    """Files of CSV, Parquet, Arrow or JSON lines that together are one table.

    Texts are looked through once when this is made, so that a column has one format in all files:
    the one that `read_table` would find if they were one file.

    Parameters
    ----------
    files : str, Path or sequence of them
        Names, or a pattern such as "data/*.parquet".
    options : ReadOptions, optional

    Attributes
    ----------
    paths : list of str
    kind : str
    columns : list of str
    known : Known
        What was found, for files that are read later.
    remarks : list of str
        What was guessed, left out or not taken literally: a line each.
    named : bool
        Whether the columns have names of their own.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TableError
        If a file is of another kind, or the columns of the files differ.
    """

    def __init__(
        self,
        files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        options: ReadOptions | None = None,
    ) -> None:
        self.paths = _found(files)
        self._options = options or ReadOptions()
        self.remarks: list[str] = []
        self.named = True
        self._evidence: dict[str, ColumnEvidence] = {}
        self._headers: dict[str, bool] = {}
        self._stamps = {path: _stamp(path) for path in self.paths}
        self._delimiter: str | None = None
        self._plain: set[str] = set()  # files that need neither unpacking nor decoding
        self._kinds = {path: self._kind_of(path) for path in self.paths}
        if len(kinds := set(self._kinds.values())) > 1:
            raise TableError(f"files must all be of one kind, but these are {sorted(kinds)}")
        (self.kind,) = kinds
        self._schemas: dict[str, pl.Schema] = {}
        for path in self.paths:
            self._look(path)
        self.columns = self._common_columns()
        formats, said = find_formats(self._evidence, self._options, None, self._delimiter)
        nameless = [NAMELESS] * (not self.named and self._options.header is None)
        self.remarks = list(dict.fromkeys([*self.remarks, *nameless, *said]))
        self.known = Known(tuple(self.columns), formats, self._delimiter)
        self._dtypes = pl.Schema({} if self.kind == "CSV" else self._common_dtypes())

    def bytes_of_row(self) -> float:
        """Estimate the bytes of a row in memory, as it is read or as float64."""
        first = next(self.chunks(_TRIED), None)
        if first is None or not len(first):
            raise TableError(f"a table has at least one row, but {self.paths[0]} … have none")
        return float(max(8 * first.width, first.estimated_size() / len(first)))

    def count(self, column: str) -> int:
        """Return the number of rows with a value in a column."""
        if column in self._evidence:
            return self._evidence[column].count(self.known.formats[column])
        scans = pl.concat([self._scan(path).select(pl.col(column).count()) for path in self.paths])
        return int(self._read(lambda: scans.collect(engine="streaming")).sum().item())

    def head(self, column: str, rows: int) -> NDArray[Any]:
        """Return the first values of a column, without gaps."""
        found: list[pl.DataFrame] = []
        for chunk in self.chunks(_BATCH):
            found.append(chunk.select(column).drop_nulls())
            if sum(map(len, found)) >= rows:
                break
        # Days in one part may be days with times in another.
        together = pl.concat(found, how="vertical_relaxed").to_series()
        values: NDArray[Any] = together.head(rows).to_numpy()
        return values

    def chunks(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield a limited number of rows at a time, in the order of the files."""
        for path in self.paths:
            yield from self.chunks_of(path, rows)

    def chunks_of(self, path: str, rows: int = _BATCH) -> Iterator[pl.DataFrame]:
        """Yield a limited number of rows of one file at a time."""
        self._check_unchanged(path)
        chunks = self._chunks_of(path, rows)
        while (chunk := self._read(lambda: next(chunks, None))) is not None:
            yield self._read(partial(self._typed, chunk, path))
        self._check_unchanged(path)

    def _check_unchanged(self, path: str) -> None:
        if _stamp(path) != self._stamps[path]:
            raise TableError(f"{path} must not change while it is read, but it did")

    def _chunks_of(self, path: str, rows: int) -> Iterator[pl.DataFrame]:
        if self.kind == "CSV":
            yield from self._batches(path, rows)
            return
        # Slices, since collect_batches of Parquet would read ahead by hundreds of megabytes.
        table = self._scan(path)
        length = self._read(lambda: table.select(pl.len()).collect()).item()
        for start in range(0, length, rows):
            yield self._read(table.slice(start, rows).collect)

    def _typed(self, chunk: pl.DataFrame, path: str) -> pl.DataFrame:
        chunk = chunk.select(self.columns)
        if self.kind != "CSV":
            chunk = chunk.cast(self._dtypes)
            texts = [name for name in self.known.formats if chunk[name].dtype == pl.String]
            chunk = chunk.with_columns(without_gaps(chunk.select(texts))) if texts else chunk
        return convert_columns(chunk, self.known.formats, None, path)[0]

    def _batches(self, path: str, rows: int) -> Iterator[pl.DataFrame]:
        """Read rows of a CSV file as texts, gaps null."""
        # Use the format that was detected when the file was first examined.
        options = replace(self._options, header=self._headers.get(path, self._options.header))
        with ExitStack() as stack:
            place = Path(path)
            if path not in self._plain:
                place = stack.enter_context(open_source(path, None, options.encoding)).path
            sample = sample_of(place, path)
            dialect = detect_dialect(sample, options.delimiter, self._delimiter)
            cells = Cells(place, path, dialect, threads=1)
            self._delimiter = self._delimiter or dialect.delimiter
            names: list[str] | None = None
            for batch in cells.batches(rows):
                texts = without_gaps(batch)
                if names is None:
                    head = first_row(batch, path)
                    known = self._schemas.get(self.paths[0])
                    before = Known(tuple(known)) if known else None
                    texts, self.named = take_names(texts, head, dialect, path, options, before)
                    self._headers[path] = self.named
                    names = texts.columns
                else:
                    texts = texts.select(pl.nth(range(len(names)))).rename(
                        dict(zip(texts.columns, names, strict=False))
                    )
                if len(texts):
                    yield texts

    def _look(self, path: str) -> None:
        """Learn the columns of a file, and what those of texts hold."""
        if self.kind == "CSV":
            batches = self._batches(path, _BATCH)
        else:
            self._read(lambda: check_typed(self.kind, Path(path), path))
            schema = self._read(lambda: self._scan(path).collect_schema())
            self._schemas[path] = schema
            if self.kind != "JSON lines":
                return
            batches = self._chunks_of(path, _BATCH)
        for batch in batches:
            self._schemas.setdefault(path, batch.schema)
            texts = [name for name, dtype in batch.schema.items() if dtype == pl.String]
            for name in texts:
                column = batch.select(name)
                column = column if self.kind == "CSV" else without_gaps(column)
                found = ColumnEvidence.of(column[name])
                before = self._evidence.get(name)
                self._evidence[name] = found if before is None else before.merge(found)
        if path not in self._schemas:
            raise TableError(f"a table has at least one row, but {path} has none")

    def _common_columns(self) -> list[str]:
        first = self.paths[0]
        empty = pl.DataFrame(schema=self._schemas[first])
        kept, left_out = usual_types(empty, INDEX)
        self.remarks += left_out
        names = [name for name in kept.columns if name not in self._options.drop]
        for name in self._options.drop:
            if name not in kept.columns:
                raise TableError(f"--drop must name columns of {first}, but there is no {name!r}")
        if not names:
            why = f": {left_out[0]}" if left_out else ""
            raise TableError(f"a table has at least one column, but {first} has none{why}")
        for path, schema in self._schemas.items():
            lacks = [name for name in names if name not in schema]
            new = [n for n in schema if n not in self._schemas[first]]
            if lacks or new:
                raise TableError(
                    f"all files must have the columns of {first}, but {path} lacks {lacks} and has "
                    f"{new}"
                )
        self._evidence = {name: self._evidence[name] for name in names if name in self._evidence}
        return names

    def _common_dtypes(self) -> dict[str, Any]:
        """Return the dtype of each column that all files' values fit."""
        dtypes: dict[str, Any] = {}
        for name in self.columns:
            met = {path: schema[name] for path, schema in self._schemas.items()}
            texts = {dtype == pl.String for dtype in met.values() if dtype != pl.Null}
            try:
                if len(texts) > 1:  # polars would make texts of the numbers
                    raise SchemaError
                empty = [pl.DataFrame(schema={name: dtype}) for dtype in met.values()]
                together = usual_types(pl.concat(empty, how="vertical_relaxed"), INDEX)[0]
            except PolarsError:
                (a, one), (b, other) = _two_different(met)
                raise TableError(
                    f"column {name!r} must be of one kind in all files, but is {one} in {a} and "
                    f"{other} in {b}"
                ) from None
            dtypes[name] = together.dtypes[0]
        return dtypes

    def _kind_of(self, path: str) -> str:
        with open_source(path, None, self._options.encoding) as source:
            self.remarks += source.remarks
            if source.kind not in ("CSV", *_SCANS):
                raise TableError(
                    "files that are read in chunks must be CSV, Parquet, Arrow or JSON lines, but "
                    f"{path} is {source.kind}"
                )
            if source.kind != "CSV" and source.path != Path(path):
                raise TableError(f"{path} must be unpacked before it is read in chunks")
            if source.path == Path(path):
                self._plain.add(path)
            return source.kind

    def _scan(self, path: str) -> pl.LazyFrame:
        return _SCANS[self._kinds[path]](path)

    def _read(self, read: Callable[[], Any]) -> Any:
        with readable(f"{self.paths[0]} …"):
            return read()


_SCANS: dict[str, Callable[[str], pl.LazyFrame]] = {
    "Parquet": pl.scan_parquet,
    "Arrow": pl.scan_ipc,
    "JSON lines": lambda path: pl.scan_ndjson(path, infer_schema_length=None),
}


def _stamp(path: str) -> tuple[int, int]:
    """Return the size of a file and the time of its last change."""
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _two_different(met: dict[str, Any]) -> list[tuple[str, Any]]:
    items = list(met.items())
    return [items[0], next(item for item in items if item[1] != items[0][1])]


def _found(files: Any) -> list[str]:
    given = [files] if isinstance(files, str | os.PathLike) else list(files)
    found: list[str] = []
    for name in (os.fspath(path) for path in given):
        met = sorted(glob.glob(name)) if glob.has_magic(name) else [name] * Path(name).is_file()
        if not met:
            raise FileNotFoundError(
                f"{name} must be a file, or a pattern that matches some, but nothing is there"
            )
        found += met
    return found
