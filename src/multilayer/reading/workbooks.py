"""The extent of the cells of a workbook, determined without making a table of them.

The library that reads workbooks allocates every cell up to the last one with content.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from multilayer.reading.errors import TableError
from multilayer.reading.limits import LONGEST_ROW, check_size, size_limit

__all__ = ["check_workbook"]

_BLOCK = 1 << 20
_CELL = 24  # bytes of a cell in memory
# XLSX: rows, and cells that hold something; either may leave out where it is.
_PLACES = re.compile(
    rb"<(?:\w+:)?row\b(?![^>]*/>)[^>]*?\br=[\"'](\d{1,9})[\"']"
    rb"|<(?:\w+:)?c\b(?![^>]*/>)[^>]*?\br=[\"']([A-Za-z]{1,6})(\d{1,9})[\"']"
)
# ODS: rows and cells, each with what says how often it is repeated.
_TAGS = re.compile(rb"<(?:\w+:)?(table-row|(?:covered-)?table-cell|table)(?=[\s/>])([^>]*)>")
_REPEATED = re.compile(rb"number-(?:rows|columns)-repeated=[\"'](\d{1,12})[\"']")


def check_workbook(path: Path, name: str) -> None:
    """Raise TableError if a sheet of XLSX or ODS spans far more cells than it holds.

    Other workbooks are not looked at.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if re.fullmatch(r"xl/worksheets/[^/]+\.xml", member):
                reach = _reach_of_xlsx
            elif member == "content.xml":
                reach = _reach_of_ods
            else:
                continue
            rows, columns = reach(_parts(archive, member, size_limit(path), name))
            check_size(path, name, rows, columns, _CELL)


def _parts(archive: zipfile.ZipFile, member: str, limit: int, name: str) -> Iterator[bytes]:
    """Unpack XML in parts, none of which ends within a tag."""
    read, rest = 0, b""
    with archive.open(member) as file:
        while block := file.read(_BLOCK):
            read += len(block)
            if read > limit:
                raise TableError(f"{name} unpacks to more than {limit / 1e9:.1f} GB")
            block = rest + block
            end = max(block.rfind(b"<"), 0)
            yield block[:end]
            rest = block[end:]
            if len(rest) > LONGEST_ROW:
                raise TableError(f"{name} has a cell of more than {LONGEST_ROW} bytes")
    yield rest


def _reach_of_xlsx(parts: Iterator[bytes]) -> tuple[int, int]:
    """Return the numbers of the last row and the last column that hold something."""
    rows = columns = 0
    for part in parts:
        for row, letters, number in _PLACES.findall(part):
            rows = max(rows, int(row or number))
            columns = max(columns, _column(letters))
    return rows, columns


def _column(letters: bytes) -> int:
    """Return the number of a column of XLSX: 1 for A, 27 for AA."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - ord("A") + 1
    return number


def _reach_of_ods(parts: Iterator[bytes]) -> tuple[int, int]:
    """Return the numbers of the last row and the last column that hold something."""
    rows = columns = row = height = column = 0
    for part in parts:
        for tag, attributes in _TAGS.findall(part):
            met = _REPEATED.search(attributes)
            times = int(met[1]) if met else 1
            if tag == b"table":
                row = height = 0
            elif tag == b"table-row":
                row, height, column = row + height, times, 0
            else:
                column += times
                if not attributes.endswith(b"/"):
                    rows, columns = max(rows, row + height), max(columns, column)
    return rows, columns
