"""Tables of every kind of column, written at random in some dialect and format, and read back."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import lzma
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

__all__ = ["Written", "expected", "generate"]

WORDS = ["Bern", "Rome", "Köln", "São Paulo", "a b", "x-ray", "North", "café", "naïve", "Zürich"]
AWKWARD = [
    '5" pipe',
    'say "hi"',
    "semi;colon",
    "com,ma",
    "pipe|d",
    "it's",
    "two\nlines",
    "tab\there",
]


@dataclass
class Written:
    """A generated table: its values, and the file that holds them.

    Attributes
    ----------
    path : Path
    values : dict
        The values of each column, gaps None, as they are to be read.
    left_out : list of str
        Columns of the file that are no features.
    how : str
        For messages.
    """

    path: Path
    values: dict[str, list[Any]]
    left_out: list[str] = field(default_factory=list)
    how: str = ""


def _grouped(number: float, digits: int, decimal: str, group: str) -> str:
    text = f"{number:,.{digits}f}" if group else f"{number:.{digits}f}"
    return text.replace(",", "\0").replace(".", decimal).replace("\0", group)


class _Columns:
    """Draws columns: values, and the texts that stand for them in CSV."""

    def __init__(self, rng: np.random.RandomState, rows: int) -> None:
        self.rng, self.m = rng, rows
        self.decimal = rng.choice([".", ","], p=[0.6, 0.4])
        self.order = rng.choice(["dmy", "mdy"])
        self.gap = rng.choice(["", "NA", "?", "null", "n/a", "None", "#N/A"])

    def integer(self) -> tuple[list[Any], list[str]]:
        values = self.rng.randint(-1000, 1000, self.m).tolist()
        return values, [str(v) for v in values]

    def real(self) -> tuple[list[Any], list[str]]:
        digits = self.rng.choice([1, 2, 4, 6])
        values = np.round(self.rng.randn(self.m) * 100, digits).tolist()
        return values, [_grouped(v, digits, self.decimal, "") for v in values]

    def thousands(self) -> tuple[list[Any], list[str]]:
        point = self.decimal == "."
        group = self.rng.choice([",", " ", "'"] if point else [".", " ", "\u00a0"])
        values = np.round(self.rng.uniform(1000, 9e6, self.m), 2).tolist()
        return values, [_grouped(v, 2, self.decimal, group) for v in values]

    def currency(self) -> tuple[list[Any], list[str]]:
        sign = self.rng.choice(["$", "€", "£", "CHF ", "EUR "])
        before = self.rng.rand() < 0.5
        values = np.round(self.rng.uniform(0.5, 900, self.m), 2).tolist()
        texts = [_grouped(v, 2, self.decimal, "") for v in values]
        return values, [sign + t if before else f"{t} {sign.strip()}" for t in texts]

    def percent(self) -> tuple[list[Any], list[str]]:
        values = np.round(self.rng.uniform(0, 100, self.m), 1).tolist()
        space = self.rng.choice(["", " "])
        return values, [_grouped(v, 1, self.decimal, "") + space + "%" for v in values]

    def accounting(self) -> tuple[list[Any], list[str]]:
        values = np.round(self.rng.randn(self.m) * 500, 2).tolist()
        texts = [_grouped(abs(v), 2, self.decimal, "") for v in values]
        return values, [f"({t})" if v < 0 else t for v, t in zip(values, texts, strict=True)]

    def boolean(self) -> tuple[list[Any], list[str]]:
        values = (self.rng.rand(self.m) < 0.5).tolist()
        true, false = [("true", "false"), ("True", "False"), ("TRUE", "FALSE")][self.rng.randint(3)]
        return values, [true if v else false for v in values]

    def _days(self) -> list[dt.date]:
        days = [
            dt.date(1990, 1, 1) + dt.timedelta(int(d)) for d in self.rng.randint(0, 15000, self.m)
        ]
        days[0] = dt.date(2001, 3, 25)  # shows the order of day and month
        return days

    def iso(self) -> tuple[list[Any], list[str]]:
        values = self._days()
        return values, [v.isoformat() for v in values]

    def date(self) -> tuple[list[Any], list[str]]:
        values, mark = self._days(), self.rng.choice(["/", ".", "-"])
        form = mark.join(["%d", "%m", "%Y"] if self.order == "dmy" else ["%m", "%d", "%Y"])
        return values, [v.strftime(form) for v in values]

    def moment(self) -> tuple[list[Any], list[str]]:
        times = [dt.time(k % 24, k % 60, 1 + k % 59) for k in range(self.m)]
        values = [dt.datetime.combine(d, t) for d, t in zip(self._days(), times, strict=True)]
        form = self.rng.choice(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d %b %Y %H:%M:%S"])
        return values, [v.strftime(form) for v in values]

    def named_month(self) -> tuple[list[Any], list[str]]:
        form = self.rng.choice(["%d %b %Y", "%d-%b-%Y", "%B %d, %Y"])
        values = self._days()
        return values, [v.strftime(form) for v in values]

    def category(self) -> tuple[list[Any], list[str]]:
        chosen = self.rng.choice(WORDS, self.rng.randint(2, 6), replace=False)
        values = self.rng.choice(chosen, self.m).tolist()
        return values, values

    def awkward(self) -> tuple[list[Any], list[str]]:
        values = self.rng.choice([*AWKWARD, *WORDS[:2]], self.m).tolist()
        return values, values

    def code(self) -> tuple[list[Any], list[str]]:
        values = [f"{k:05}" for k in self.rng.randint(1, 9999, self.m)]
        return values, values

    def signs(self) -> tuple[list[Any], list[str]]:
        values = self.rng.choice(["+", "-"], self.m).tolist()
        return values, values


KINDS = [
    "integer",
    "real",
    "thousands",
    "currency",
    "percent",
    "accounting",
    "boolean",
    "iso",
    "date",
]
KINDS += ["moment", "named_month", "category", "awkward", "code", "signs"]


def generate(seed: int, folder: Path) -> Written:
    """Draw a table and write it to a file in a folder."""
    rng = np.random.RandomState(seed)
    rows = int(rng.choice([3, 12, 40, 200]))
    columns = _Columns(rng, rows)
    kinds = ["real", *rng.choice(KINDS, rng.randint(1, 6)).tolist()]
    values: dict[str, list[Any]] = {}
    texts: dict[str, list[str]] = {}
    for k, kind in enumerate(kinds):
        name = f"{kind} {k}" if rng.rand() < 0.5 else f"{kind}{k}"
        own, written = getattr(columns, kind)()
        if rng.rand() < 0.3 and rows > 3 and k:  # the first: a workbook has no empty last row
            gaps = rng.rand(rows) < 0.2
            gaps[0] = False
            own = [None if gap else v for v, gap in zip(own, gaps, strict=True)]
            written = [columns.gap if gap else t for t, gap in zip(written, gaps, strict=True)]
        values[name], texts[name] = own, written
    how = f"seed {seed}: {rows} rows of {', '.join(kinds)}"
    kind = rng.choice(
        ["csv", "parquet", "arrow", "jsonl", "json", "xlsx"], p=[0.7, 0.08, 0.05, 0.07, 0.05, 0.05]
    )
    if kind == "csv":
        return _write_csv(rng, folder / f"t{seed}.csv", values, texts, columns, how)
    frame = pl.DataFrame(values, strict=False)
    path = folder / f"t{seed}.{kind}"
    if kind == "xlsx":
        frame.write_excel(path, autofit=False)
    else:
        writers = {"parquet": "write_parquet", "arrow": "write_ipc", "jsonl": "write_ndjson"}
        getattr(frame, writers.get(kind, "write_json"))(path)
    return Written(path, values, how=f"{how}; {kind}")


def _cell(text: str, delimiter: str, quote: str, always: bool) -> str:
    special = any(c in text for c in (delimiter, "\n", "\r")) or text.startswith(quote)
    special |= text != text.strip()
    return quote + text.replace(quote, quote * 2) + quote if always or special else text


def _write_csv(
    rng: Any, path: Path, values: Any, texts: Any, columns: _Columns, how: str
) -> Written:
    marks = [";", "\t", "|"] if columns.decimal == "," else [",", ";", "\t", "|"]
    delimiter = rng.choice(marks)
    always = rng.rand() < 0.2
    end = rng.choice(["\n", "\r\n", "\r"], p=[0.6, 0.3, 0.1])
    names = list(texts)
    rows = [list(row) for row in zip(*texts.values(), strict=True)]
    left_out: list[str] = []
    if rng.rand() < 0.15:  # the index that pandas writes
        names, left_out = ["", *names], ["0"]
        rows = [[str(k), *row] for k, row in enumerate(rows)]
    lines = [
        delimiter.join(_cell(str(c), delimiter, '"', always and bool(c)) for c in row)
        for row in [names, *rows]
    ]
    start = rng.choice(
        ["", f"sep={delimiter}\n".replace("\n", end), f"# made by hand{end}"], p=[0.85, 0.08, 0.07]
    )
    text = start + end.join(lines).replace("\n", end if end != "\r" else "\n") + end
    encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"], p=[0.6, 0.15, 0.1, 0.15])
    if encoding == "cp1252" and "\u202f" in text:
        encoding = "utf-8"
    data = text.encode(encoding)
    packed = rng.choice(["", ".gz", ".bz2", ".xz", ".zip"], p=[0.8, 0.05, 0.05, 0.05, 0.05])
    if packed == ".zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("inside.csv", data)
        data = buffer.getvalue()
    elif packed:
        data = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[packed](data)
    path = path.with_name(path.name + packed)
    path.write_bytes(data)
    how += f"; decimal {columns.decimal!r}, delimiter {delimiter!r}, {encoding}, line end {end!r}, "
    how += f"start {start!r}{packed}"
    return Written(path, values, left_out, how=how)


def expected(value: Any) -> Any:
    """Return a value as it is compared: numbers as floats, days as their midnights."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n")
    return value
