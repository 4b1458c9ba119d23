"""Tables in files, read in chunks by polars' streaming reader."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from multilayer.tables.reading import GAPS, TableError

__all__ = ["TableFiles", "parse_memory"]

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_TRIED = 1000  # rows from which the size of a row is estimated
_INFERRED = 10_000  # rows from which the types of a CSV's columns are inferred


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
    """CSV or Parquet files that together are one table.

    Parameters
    ----------
    files : str, Path or sequence of them
        Names, or a pattern such as "data/*.parquet".

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TableError
        If a file is of another kind, or the columns of the files differ.
    """

    def __init__(self, files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> None:
        self.paths = _found(files)
        kinds = {_kind(path) for path in self.paths}
        if len(kinds) > 1:
            raise TableError(f"files must all be of one kind, but these are {sorted(kinds)}")
        (self.kind,) = kinds
        schemas = [
            self._read(lambda p=path: self._scan([p]).collect_schema()) for path in self.paths
        ]
        self.columns = schemas[0].names()
        for path, schema in zip(self.paths, schemas, strict=True):
            if schema.names() != self.columns:
                lacks = [name for name in self.columns if name not in schema]
                new = [name for name in schema if name not in self.columns]
                raise TableError(
                    f"all files must have the columns of {self.paths[0]} in their order, but "
                    f"{path} lacks {lacks} and has {new}"
                )

    def bytes_of_row(self) -> float:
        """Estimate the bytes of a row in memory, as it is read or as float64."""
        first = self._read(lambda: self._scan(self.paths).head(_TRIED).collect())
        if not len(first):
            raise TableError(f"a table has at least one row, but {self.paths[0]} … have none")
        return float(max(8 * first.width, first.estimated_size() / len(first)))

    def count(self, column: str) -> int:
        """Return the number of rows with a value in a column."""
        there = self._scan(self.paths).select(pl.col(column).count())
        return int(self._read(lambda: there.collect(engine="streaming")).item())

    def head(self, column: str, rows: int) -> NDArray[Any]:
        """Return the first values of a column, without gaps."""
        some = self._scan(self.paths).select(pl.col(column).drop_nulls()).head(rows)
        values: NDArray[Any] = self._read(some.collect)[column].to_numpy()
        return values

    def chunks(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield at most so many rows at a time, in the order of the files."""
        read = self._slices if self.kind == "Parquet" else self._batches
        iterator = read(rows)
        while (chunk := self._read(lambda: next(iterator, None))) is not None:
            yield chunk

    def _slices(self, rows: int) -> Iterator[pl.DataFrame]:
        # collect_batches of Parquet would read ahead by hundreds of megabytes.
        for path in self.paths:
            table = self._scan([path])
            for start in range(0, table.select(pl.len()).collect().item(), rows):
                yield table.slice(start, rows).collect()

    def _batches(self, rows: int) -> Iterator[pl.DataFrame]:
        batches = self._scan(self.paths).collect_batches(chunk_size=rows, maintain_order=True)
        for batch in batches:
            for start in range(0, len(batch), rows):
                yield batch[start : start + rows]

    def _scan(self, paths: Sequence[str]) -> pl.LazyFrame:
        if self.kind == "Parquet":
            return pl.scan_parquet(list(paths))
        return pl.scan_csv(
            list(paths),
            null_values=list(GAPS),
            try_parse_dates=True,
            low_memory=True,
            infer_schema_length=_INFERRED,
            separator="\t" if self.kind == "TSV" else ",",
        )

    def _read(self, read: Any) -> Any:
        try:
            return read()
        except PolarsError as error:
            reason = (str(error).strip() or repr(error)).splitlines()[0]
            raise TableError(f"{self.paths[0]} … cannot be read as a table: {reason}") from None


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


def _kind(path: str) -> str:
    name = path.lower().removesuffix(".gz").removesuffix(".zst")
    kinds = {".parquet": "Parquet", ".pq": "Parquet", ".csv": "CSV", ".tsv": "TSV"}
    suffix = Path(name).suffix
    if suffix not in kinds:
        raise TableError(
            f"files that are read in chunks must be .parquet, .csv or .tsv (or .csv.gz), got {path}"
        )
    return kinds[suffix]
