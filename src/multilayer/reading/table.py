"""A table that was read, the options for reading it, and what was found in its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import polars as pl

from multilayer.reading.formats import Format, formats_from_state

__all__ = ["DEFAULT_OPTIONS", "Known", "ReadOptions", "Table", "collected"]


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading a file; those that are None are detected.

    Attributes
    ----------
    header : bool, optional
        Whether the first line of a CSV file or sheet holds the names of the columns. Columns
        without names are called "0", "1" ….
    delimiter : str, optional
        The character between the cells of a CSV file.
    encoding : str, optional
        Of a text file, as Python names it.
    decimal : {".", ","}, optional
        The decimal mark.
    dates : {"dmy", "mdy"}, optional
        Whether the day or the month comes first.
    sheet : str, optional
        The name or the number of a sheet of a workbook; the first is 0, which is the default.
    drop : sequence of str
        Names of columns to leave out.
    """

    header: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    dates: str | None = None
    sheet: str | None = None
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.delimiter is not None and len(self.delimiter.encode()) != 1:
            raise ValueError(f"delimiter must be one character, got {self.delimiter!r}")


DEFAULT_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class Known:
    """Facts about the file that a model was fitted on, which hold for later files.

    Attributes
    ----------
    names : tuple of str
        Of the columns.
    formats : mapping
        Of columns of texts, by name.
    delimiter : str, optional
        Of a CSV file: it is preferred where a later file leaves it open.
    """

    names: tuple[str, ...] = ()
    formats: Mapping[str, Format] = field(default_factory=dict)
    delimiter: str | None = None

    def to_state(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        formats = {name: [f.kind, f.form] for name, f in self.formats.items()}
        return {"names": list(self.names), "formats": formats, "delimiter": self.delimiter}

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """Restore what `to_state` returned."""
        names, formats = tuple(map(str, state["names"])), formats_from_state(state["formats"])
        return cls(names, formats, state.get("delimiter"))


@dataclass(frozen=True)
class Table:
    """A table that was read.

    Attributes
    ----------
    frame : polars.DataFrame, shape (m, n)
        Gaps are null.
    known : Known
        What was found, for files that are read later.
    remarks : tuple of str
        What was guessed, left out or not taken literally: a line each.
    named : bool
        Whether the columns have names of their own.
    """

    frame: pl.DataFrame
    known: Known
    remarks: tuple[str, ...] = ()
    named: bool = True


def collected(remarks: Iterable[str], most: int = 12) -> list[str]:
    """Return a limited number of different remarks, and the number of the others."""
    different = list(dict.fromkeys(remarks))
    more = len(different) - most
    return different[:most] + [f"{more} more remarks of this kind"] * (more > 0)
