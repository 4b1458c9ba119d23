"""The dialect of a CSV file: delimiter, quotes, lines before the table."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from multilayer.reading.limits import MOST_COLUMNS

__all__ = ["Dialect", "detect_dialect"]

_USUAL, _RARE = ",;\t|", ":^~ "
_ROWS = 300  # of the sample that are compared
_LONGEST = 2000  # characters of a cell that clevercsv is shown
_AGREE = 0.9  # share of the rows that have as many cells as most


@dataclass(frozen=True)
class Dialect:
    """A dialect of CSV: the characters that separate cells, and the lines to skip.

    Attributes
    ----------
    delimiter, quote, escape : str
        A character each; `escape` is what precedes a quote inside quotes.
    skip : int
        The number of lines before the table.
    width : int
        The number of columns.
    names : tuple of str, optional
        The names of the columns, if they are in the last skipped line.
    """

    delimiter: str
    quote: str
    escape: str
    skip: int
    width: int
    names: tuple[str, ...] | None = None


def detect_dialect(sample: str, delimiter: str | None = None, likely: str | None = None) -> Dialect:
    """Detect the dialect from the first lines of a file.

    One rule finds most delimiters: all rows, including the first, have the same number of cells.
    Where several delimiters pass, clevercsv decides by the consistency of the cells (van
    den Burg, Nazábal and Sutton, arXiv 1811.11242).

    Parameters
    ----------
    sample : str
        Whole lines.
    delimiter : str, optional
        If it is known.
    likely : str, optional
        Is preferred if several delimiters pass.
    """
    lines = sample.splitlines(keepends=True)
    skip = 0
    names: tuple[str, ...] | None = None
    if (given := re.match(r"sep=(.)\s*$", lines[0])) is not None:
        skip, delimiter = 1, delimiter or given[1]
    while skip < len(lines) and (not lines[skip].strip() or lines[skip].startswith("#")):
        skip += 1
    if skip == len(lines):  # all lines begin with "#": then they are rows
        skip = 0
    body = "".join(lines[skip:])
    quote = _quote(body)
    slashes = rf"\{quote}" in body and quote * 2 not in body.replace(rf"\{quote}", "")
    escape = "\\" if slashes else quote
    if delimiter is None:
        delimiter = _delimiter(body, quote, escape, likely)
    width = _widest(body, delimiter, quote)
    if width > MOST_COLUMNS:  # too many to be split
        return Dialect(delimiter, quote, escape, skip, width)
    rows = _rows(body, delimiter, quote, escape)
    widths = Counter(map(len, rows))
    width = max(widths, key=lambda w: (widths[w], w))
    labels = {row[0] for row in rows[1:]}
    if (
        width > 2
        and len(rows[0]) == width - 1
        and widths == {width: len(rows) - 1, width - 1: 1}
        and len(labels) == len(rows) - 1
    ):
        names = ("", *rows[0])  # as R writes row names: without a name of their own
        skip += 1 + _blank_lines(lines[skip + 1 :])
    elif skip and lines[skip - 1].startswith("#"):
        # The names may be in a comment, as numpy.savetxt writes them.
        before = _rows(lines[skip - 1].lstrip("#").strip(), delimiter, quote, escape)[0]
        if (
            len(before) == width > 1
            and not any(_is_number(cell) for cell in before)
            and any(_is_number(cell) for cell in rows[0])
        ):
            names = tuple(before)
    skip_titles = _titles(rows, width) if names is None else 0
    return Dialect(delimiter, quote, escape, skip + skip_titles, width, names)


def _blank_lines(lines: list[str]) -> int:
    count = 0
    while count < len(lines) and not lines[count].strip():
        count += 1
    return count


def _titles(rows: list[list[str]], width: int) -> int:
    """Count rows before the names of which one cell only is filled: titles."""
    count = 0
    while (
        width > 2
        and count + 2 < len(rows)
        and sum(bool(cell.strip()) for cell in rows[count]) <= 1
        and all(cell.strip() for cell in rows[count + 1])
    ):
        count += 1
    return count


def _quote(body: str) -> str:
    if '"' in body:
        return '"'
    opening = re.findall(r"(?:^|[,;\t|])'", body, re.MULTILINE)
    closing = re.findall(r"'(?:[,;\t|]|\r?$)", body, re.MULTILINE)
    return "'" if len(opening) > 1 and len(opening) == len(closing) else '"'


def _rows(body: str, delimiter: str, quote: str, escape: str) -> list[list[str]]:
    options: dict[str, Any] = {"delimiter": delimiter, "quotechar": quote}
    if escape != quote:
        options |= {"escapechar": escape, "doublequote": False}
    rows: list[list[str]] = []
    csv.field_size_limit(max(csv.field_size_limit(), len(body) + 1))
    try:
        for row in csv.reader(io.StringIO(body, newline=""), **options):
            if row and (len(row) > 1 or row[0].strip()):
                rows.append(row)
            if len(rows) == _ROWS:
                break
    except csv.Error:
        pass  # what was read until then
    return rows or [[""]]


def _delimiter(body: str, quote: str, escape: str, likely: str | None) -> str:
    uniform, wide = {}, []
    for delimiter in _USUAL + _RARE:
        if delimiter not in body:
            continue
        if _widest(body, delimiter, quote) > MOST_COLUMNS:
            wide.append(delimiter)
            continue
        lengths = [len(row) for row in _rows(body, delimiter, quote, escape)]
        width, count = Counter(lengths).most_common(1)[0]
        if width > 1 and lengths[0] in (width, width - 1) and count >= _AGREE * len(lengths):
            uniform[delimiter] = (count / len(lengths), lengths[0] == width)
    if not uniform and wide:
        return wide[0]
    if likely in uniform:
        return str(likely)
    usual = {d: value for d, value in uniform.items() if d in _USUAL} or uniform
    best = [d for d, value in usual.items() if value == max(usual.values())]
    if len(best) == 1:
        return best[0]
    return _by_clevercsv(body, best or list(_USUAL)) or (best[0] if best else ",")


def _widest(body: str, delimiter: str, quote: str) -> int:
    """Count the cells of the row that has most, without splitting it."""
    if body.count(delimiter) < MOST_COLUMNS:  # mostly
        return 0
    outside = re.sub(f"{quote}[^{quote}]*{quote}", "", body)
    return max(line.count(delimiter) for line in outside.splitlines() or [""]) + 1


def _by_clevercsv(body: str, delimiters: list[str]) -> str | None:
    import clevercsv

    long = re.compile(rf"[^{re.escape(''.join(delimiters))}\r\n]{{{_LONGEST},}}")
    lines = "\n".join(long.sub("x", line) for line in body.splitlines()[:100])
    try:
        found = clevercsv.Detector().detect(lines, delimiters=delimiters)
    except (clevercsv.Error, ValueError):
        return None
    return found.delimiter if found is not None and found.delimiter in delimiters else None


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True
