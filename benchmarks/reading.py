"""Read generated tables with multilayer, pandas, polars and DuckDB; count those read right.

A table is right if its columns have the values that were written; the others are given what a user
would have to say: pandas the delimiter, the encoding, the decimal mark and the first line, polars
the encoding and the first line (clevercsv finds the delimiter), DuckDB the encoding and the first
line. Only CSV files are compared.

    PYTHONPATH=tests python benchmarks/reading.py 300
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import clevercsv
import duckdb
import pandas as pd
import polars as pl
from table_cases import expected, generate

from multilayer.reading.formats import GAPS
from multilayer.reading.reader import read_table


def said(written):
    """Return what is known of a file: decimal mark, delimiter, encoding, lines to skip."""
    pattern = r"decimal .*?'(.)'\)?, delimiter .*?'(.+?)'\)?, ([\w-]+), line end"
    how = re.search(pattern, written.how)
    decimal, delimiter, encoding = how.groups()
    skip = 0 if re.search(r"start .*?''\)?", written.how) else 1
    return decimal, delimiter.encode().decode("unicode_escape"), encoding, skip


def by_multilayer(written):
    return read_table(written.path).frame


def by_pandas(written):
    decimal, delimiter, encoding, skip = said(written)
    frame = pd.read_csv(
        written.path, sep=delimiter, decimal=decimal, encoding=encoding, skiprows=skip,
        thousands={",": ".", ".": ","}[decimal], index_col=0 if written.left_out else None,
    )  # fmt: skip
    return pl.from_pandas(frame.reset_index(drop=True))


def by_polars(written):
    *_, encoding, skip = said(written)
    text = unpacked(written.path).decode(encoding)
    text = "".join(text.splitlines(keepends=True)[skip:])
    dialect = clevercsv.Detector().detect("".join(text.splitlines(keepends=True)[:100]))
    frame = pl.read_csv(
        text.encode(), separator=dialect.delimiter or ",", quote_char=dialect.quotechar or '"',
        try_parse_dates=True, infer_schema_length=None, null_values=GAPS,
    )  # fmt: skip
    return frame.drop(frame.columns[0]) if written.left_out else frame


def unpacked(path):
    open_ = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(path.suffix, open)
    with open_(path, "rb") as file:
        return file.read()


def by_duckdb(written):
    *_, encoding, skip = said(written)
    options = f", skip = {skip}" + (", encoding = 'utf-16'" if encoding == "utf-16" else "")
    frame = duckdb.sql(f"FROM read_csv('{written.path}'{options})").pl()
    return frame.drop(frame.columns[0]) if written.left_out else frame


def columns_right(frame, written):
    """Count the columns whose values are those that were written."""
    right = 0
    for name, values in written.values.items():
        if name in frame.columns and len(frame) == len(values):
            met = [expected(v) for v in frame[name].to_list()]
            right += met == [expected(v) for v in values]
    return right


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    tables, columns, total, n_columns = Counter(), Counter(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            written = generate(seed, Path(folder))
            if ".csv" not in written.path.name or written.path.suffix == ".zip":
                continue
            total, n_columns = total + 1, n_columns + len(written.values)
            for read in (by_multilayer, by_pandas, by_polars, by_duckdb):
                try:
                    right = columns_right(read(written), written)
                except Exception:  # whatever it raises, the table is not read
                    right = 0
                tables[read.__name__] += right == len(written.values)
                columns[read.__name__] += right
            written.path.unlink()
    print(f"{total} CSV files, {n_columns} columns")
    for name in tables:
        print(f"{name:14} {tables[name]:6} files right, {columns[name]:6} columns right")


if __name__ == "__main__":
    main()
