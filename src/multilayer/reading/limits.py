"""Limits of tables beyond any real table: without them, a small file could use all memory."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from multilayer.reading.errors import TableError

__all__ = [
    "LONGEST_ROW",
    "MOST_COLUMNS",
    "check_columns",
    "check_json",
    "check_size",
    "check_texts",
    "size_limit",
]

MOST_COLUMNS = 100_000  # some 10 kB of memory each
LONGEST_ROW = 1 << 24  # bytes of a row of a CSV file
# The content of a file may have this many times its size, plus this many bytes.
_MOST_TIMES, _MOST_MORE = 1100, 1 << 26
_BLOCK = 1 << 20
_CELL = 8  # bytes of a number
_KEY = r'"(?:[^"\\]|\\.)*"\s*:'


def size_limit(path: Path) -> int:
    """Return how many bytes may be in a file, unpacked."""
    return path.stat().st_size * _MOST_TIMES + _MOST_MORE


def check_columns(number: int, name: str) -> None:
    """Raise TableError if a table has too many columns."""
    if number > MOST_COLUMNS:
        raise TableError(f"a table has at most {MOST_COLUMNS} columns, but {name} has {number}")


def check_size(path: Path, name: str, rows: int, columns: int, cell: int = _CELL) -> None:
    """Raise TableError if a table would take far more memory than its file, cell by cell."""
    check_columns(columns, name)
    limit = size_limit(path)
    if rows * columns * cell > limit:
        raise TableError(
            f"{name}, of {path.stat().st_size} bytes, must hold less than {limit / 1e9:.2g} GB, "
            f"but has {rows} rows of {columns} columns"
        )


def check_texts(frame: pl.DataFrame, path: Path, name: str) -> None:
    """Raise TableError if the texts of a table are far longer than its file."""
    texts = (pl.String, pl.Categorical, pl.Enum)
    total = sum(
        int(frame[column].cast(pl.String).str.len_bytes().sum())
        for column, dtype in frame.schema.items()
        if dtype in texts
    )
    if total > size_limit(path):
        raise TableError(
            f"{name}, of {path.stat().st_size} bytes, must hold less than "
            f"{size_limit(path) / 1e9:.2g} GB, but has {total / 1e9:.2g} GB of texts"
        )


def check_json(path: Path, name: str) -> None:
    """Raise TableError if objects have so few keys in common that a table of them is a waste."""
    keys: set[str] = set()
    objects = 0
    with path.open("rb") as file:
        while block := file.read(16 * _BLOCK):
            objects += block.count(b"{")
            parts = [block[k : k + _BLOCK] for k in range(0, len(block), _BLOCK)]
            texts = pl.Series([part.decode(errors="replace") for part in parts])
            keys.update(texts.str.extract_all(_KEY).explode().drop_nulls().unique())
    check_size(path, name, objects, len(keys))
