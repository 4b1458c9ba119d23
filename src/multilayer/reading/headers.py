"""Whether the first row of a CSV file holds the names of the columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from multilayer.reading.formats import GAPS, ColumnEvidence, Format

__all__ = ["is_header", "names_of"]

_YEARS = range(1900, 2101)
_ENOUGH, _TIMES = 10, 3  # texts of a category, and how often each occurs on average


def is_header(head: Sequence[str], body: pl.DataFrame, known: Collection[str] = ()) -> bool:
    """Decide whether a row is the names of the columns below it.

    It is if the model knows most of the names; if a cell does not fit the numbers, dates or
    booleans below it, or is none of the few texts of a category; or if the cells are years, or
    count from 0 as the names that pandas gives, and those below are not. Among columns of texts
    it is if few of the cells occur below.

    Parameters
    ----------
    head : sequence of n str
        The cells of the first row, without blanks around them.
    body : polars.DataFrame of str, shape (m, n)
        Rows below, gaps null.
    known : collection of str
        The names that a model was fitted on.
    """
    if known and 2 * sum(cell in known for cell in head) > min(len(known), len(head)):
        return True
    if all(cell in GAPS for cell in head):
        return False
    if not len(body):  # names without rows are more likely than a row without names
        return not any(_is_number(cell) for cell in head)
    fits = texts = repeated = strange = 0
    for cell, column in zip(head, body, strict=True):
        possible = ColumnEvidence.of(column).possible
        if cell in GAPS or possible is None:
            continue
        if not possible:
            texts += 1
            occurs = bool((column == cell).any())
            repeated += occurs
            strange += not occurs and _is_category(column)
        elif _fits(cell, possible):
            fits += 1
        else:
            return True
    if any(cell and cell in GAPS for cell in head):
        return False
    if fits and strange and not repeated:
        return True
    if fits:
        return _are_names(head) and not any(_are_names(row) for row in body.head(5).rows())
    return 2 * repeated < max(texts, 1) and len(set(head)) == len(head)


def names_of(head: Sequence[str]) -> list[str]:
    """Return the names of the columns; those without a name are called by their number."""
    return [cell or str(j) for j, cell in enumerate(head)]


def _fits(cell: str, possible: frozenset[Format]) -> bool:
    text = pl.Series([cell])
    return any(format_.convert(text)[0] is not None for format_ in possible)


def _is_number(cell: str) -> bool:
    return Format("number", ".").convert(pl.Series([cell]))[0] is not None


def _is_category(texts: pl.Series) -> bool:
    """Return whether each text occurs some times, so that one that does not occur is a name."""
    known = texts.drop_nulls()
    return len(known) >= _ENOUGH and _TIMES * known.n_unique() <= len(known)


def _are_names(row: Sequence[str | None]) -> bool:
    """Return whether all cells that are filled are ascending years, or count from 0."""
    cells = [cell for cell in row if cell]
    if len(cells) < 2 or not all(cell.isdecimal() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    years = all(number in _YEARS for number in numbers)
    return (years and numbers == sorted(set(numbers))) or (
        len(numbers) > 2 and numbers == list(range(len(numbers)))
    )
