"""The format of a column of strings: its detection, and the conversion of the cells.

The evidence from the parts of a table is merged, so that a table that is read in parts is read in
the same way as in one piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Self

import polars as pl

from multilayer.reading.date_texts import ORDERS, date_forms, date_pattern, parse_dates
from multilayer.reading.number_texts import DECIMALS, decimal_pattern, parse_numbers

__all__ = [
    "GAPS",
    "ColumnEvidence",
    "Format",
    "choose_formats",
    "formats_from_state",
    "without_gaps",
]

GAPS = [
    *("", "?", "NA", "N/A", "n/a", "na", "n.a.", "#N/A", "<NA>", "NaN", "nan", "-nan", "NaT"),
    *("NULL", "Null", "null", "None", "none"),
    *("#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?", "#NULL!"),  # errors of a spreadsheet
]
# Gaps among numbers and dates, but a category like any other among texts.
_SOFT_GAPS = ("-", "--", ".", "..", "–", "—", "*")

_DIGIT, _BOOLEAN = r"\d", r"(?i)^(?:true|false)$"
_LEADING_ZERO = r"^[-+]?0\d"
_FORMS: dict[str, tuple[str, ...]] = {"number": DECIMALS, "date": date_forms()}
_FORMS |= dict.fromkeys(("text", "integer", "boolean"), ("",))
_FIRST = 1000  # distinct cells that show what a column looks like
_TOGETHER = 1000  # columns
_MOSTLY = 0.8  # share of cells like numbers from which a column of texts is reported


@dataclass(frozen=True)
class Format:
    """A format of the cells of a column.

    Attributes
    ----------
    kind : {"text", "integer", "number", "boolean", "date"}
    form : str
        The decimal mark of numbers; of dates, one of `date_texts.date_forms`.
    """

    kind: str
    form: str = ""

    def convert(self, texts: pl.Series) -> pl.Series:
        """Convert strings (m,), gaps null; cells that do not fit become null as well."""
        if self.kind == "text":
            return texts
        texts = _without_soft_gaps(texts)
        if self.kind == "integer":
            return texts.cast(pl.Int64, strict=False)
        if self.kind == "number":
            return parse_numbers(texts, self.form)
        if self.kind == "boolean":
            true, false = texts.str.to_lowercase() == "true", texts.str.to_lowercase() == "false"
            return (
                pl.select(pl.when(true).then(True).when(false).then(False))
                .to_series()
                .rename(texts.name)
            )
        return parse_dates(texts, self.form)

    def fits(self, texts: pl.Series) -> bool:
        """Return whether every cell that is no gap can be converted."""
        return self.kind == "text" or (
            self.convert(texts).null_count() == _without_soft_gaps(texts).null_count()
        )


@dataclass(frozen=True)
class ColumnEvidence:
    """Evidence of the formats that the cells of a column may have.

    Attributes
    ----------
    known : int
        The number of cells that are not gaps, if the column holds numbers or dates.
    filled : int
        The same if the column holds texts, among which "-" is not a gap.
    possible : frozenset of Format
        The formats that all of these cells fit.
    proofs : frozenset of Format
        Those that some cell fits that does not fit the other decimal mark or order of days.
    numbers, dates : int
        Of the first cells of each part: how many look like numbers and like dates.
    tried : int
        The number of these cells.
    odd : str or None
        A cell that looks like neither.
    decorated : str or None
        A cell with a currency, a per cent sign, a thousands separator or parentheses.
    example : str or None
        A cell that shows the format.
    """

    known: int = 0
    filled: int = 0
    possible: frozenset[Format] | None = None
    proofs: frozenset[Format] = frozenset()
    numbers: int = 0
    dates: int = 0
    tried: int = 0
    odd: str | None = None
    decorated: str | None = None
    example: str | None = None

    @classmethod
    def of(cls, texts: pl.Series) -> Self:
        """Look at texts (m,), gaps null."""
        filled = len(texts) - texts.null_count()
        known = _without_soft_gaps(texts).drop_nulls()
        if not len(known):
            return cls(filled=filled)
        example = str(known[0])
        if _all_plain(known.head(_FIRST)) and (len(known) <= _FIRST or _all_plain(known)):
            return cls._of_plain(known, filled, example)
        cells = known.unique(maintain_order=True)
        first = cells[:_FIRST]
        if not first.str.contains(_DIGIT).any() and not first.str.contains(_BOOLEAN).any():
            n = len(known)
            return cls(n, filled, frozenset(), tried=len(first), odd=example, example=example)
        shares = {format: _look_like(first, format) for format in _FORMATS}
        none = pl.Series([False]).new_from_index(0, len(first))
        numbers = int(_any_of(shares, "number", none).sum())
        dates = int(_any_of(shares, "date", none).sum())
        odd = first.filter(~(_any_of(shares, "number", none) | _any_of(shares, "date", none)))
        possible = [format for format, fit in shares.items() if fit.all() and format.fits(cells)]
        codes = possible and bool(cells.str.contains(_LEADING_ZERO).any())  # such as 00123
        if codes:
            possible = [format for format in possible if format.kind not in ("number", "integer")]
        bare = first.cast(pl.Float64, strict=False).is_not_null()
        decorated = first.filter(_any_of(shares, "number", none) & ~bare)
        return cls(
            len(known),
            filled,
            frozenset(possible),
            _proofs(cells, possible),
            numbers,
            dates,
            len(first),
            str(odd[0]) if len(odd) else None,
            max(decorated.to_list(), key=len, default=None),
            example,
        )

    @classmethod
    def _of_plain(cls, known: pl.Series, filled: int, example: str) -> Self:
        """Look at cells that all are numbers with a decimal point."""
        possible, proofs = {Format("number", ".")}, set()
        if not known.cast(pl.Int64, strict=False).null_count():
            possible |= {Format("integer"), Format("number", ",")}
        elif known.str.contains(decimal_pattern(",")).all():  # 1.234 may be 1234
            possible.add(Format("number", ","))
        else:
            proofs.add(Format("number", "."))
        n = len(known)
        return cls(n, filled, frozenset(possible), frozenset(proofs), n, 0, n, example=example)

    def merge(self, other: ColumnEvidence) -> ColumnEvidence:
        """Add what other cells of the same column are."""
        filled = self.filled + other.filled
        if self.possible is None or other.possible is None:
            return replace(other if self.possible is None else self, filled=filled)
        return ColumnEvidence(
            self.known + other.known,
            filled,
            self.possible & other.possible,
            self.proofs | other.proofs,
            self.numbers + other.numbers,
            self.dates + other.dates,
            self.tried + other.tried,
            self.odd or other.odd,
            self.decorated or other.decorated,
            self.example,
        )

    def count(self, format_: Format) -> int:
        """Return the number of cells that are no gaps in a format."""
        return self.filled if format_.kind == "text" else self.known

    def looks_like(self) -> str | None:
        """Return what most cells of a column of texts look like, if they do."""
        for what, count in (("numbers", self.numbers), ("dates", self.dates)):
            if self.tried and count >= _MOSTLY * self.tried:
                return what
        return None


_FORMATS = [
    Format("boolean"),
    *(Format("number", decimal) for decimal in DECIMALS),
    *(Format("date", form) for form in date_forms()),
]


@dataclass
class Choice:
    """The formats of the columns of a table, and what is to be told about them.

    Attributes
    ----------
    formats : dict
        By the names of the columns.
    remarks : list of str
        A sentence for each decision that the file leaves open or that a user may want otherwise.
    """

    formats: dict[str, Format] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def choose_formats(
    evidence: Mapping[str, ColumnEvidence],
    decimal: str | None = None,
    dates: str | None = None,
    comma_likely: bool = False,
) -> Choice:
    """Choose the format of each column from the evidence of all of them.

    Parameters
    ----------
    evidence : mapping
        By the names of the columns.
    decimal : {".", ","}, optional
        The decimal mark of the table. By default it is what some column proves.
    dates : {"dmy", "mdy"}, optional
        The order of days and months. By default it is what some column proves.
    comma_likely : bool
        Whether the delimiter makes a decimal comma likely where no column proves anything.
    """
    choice = Choice()
    marks = [
        mark for mark in DECIMALS if any(_proves(e, "number", mark) for e in evidence.values())
    ]
    orders = [o for o in ORDERS if any(_proves(e, "date", o) for e in evidence.values())]
    usual_mark = decimal or (marks[0] if len(marks) == 1 else ".")
    # Of 1,234 where nothing is proved; 1.234 is taken literally there.
    mark_of_commas = "," if comma_likely and not marks and decimal is None else usual_mark
    european = usual_mark == ","
    usual_order = dates or (orders[0] if len(orders) == 1 else None)
    for name, column in evidence.items():
        mark = usual_mark if column.decorated is None else mark_of_commas
        found = _choose(column, mark, usual_order, european, decimal, dates)
        choice.formats[name] = found
        choice.remarks += _remarks(name, column, found, marks, decimal, usual_order)
    return choice


def _choose(
    column: ColumnEvidence,
    mark: str,
    order: str | None,
    european: bool,
    decimal: str | None,
    dates: str | None,
) -> Format:
    possible = column.possible or frozenset()
    if Format("boolean") in possible:
        return Format("boolean")
    if Format("integer") in possible and Format("number", ".") in possible:
        return Format("integer")
    numbers = [m for m in (mark, *DECIMALS) if Format("number", m) in possible]
    if decimal is not None:
        numbers = [m for m in numbers if m == decimal]
    if numbers:
        return Format("number", numbers[0])
    forms = [form for form in date_forms() if Format("date", form) in possible]
    certain = [form for form in forms if form not in ORDERS]
    if certain:
        return Format("date", certain[0])
    if dates is not None:
        forms = [form for form in forms if form == dates]
    if not forms:
        return Format("text")
    dotted = european or "." in (column.example or "") or "-" in (column.example or "")
    wanted = order or ("dmy" if dotted else "mdy")
    return Format("date", wanted if wanted in forms else forms[0])


def _remarks(
    name: str,
    column: ColumnEvidence,
    found: Format,
    marks: Iterable[str],
    decimal: str | None,
    order: str | None,
) -> list[str]:
    """Return sentences on what was not taken literally, or could be meant otherwise."""
    possible = column.possible or frozenset()
    cell = repr(column.decorated or column.example)
    if found.kind == "number" and (column.decorated or found.form == ","):
        value = parse_numbers(pl.Series([column.decorated or column.example]), found.form)[0]
        unproved = decimal is None and not list(marks) and _both(possible, "number", DECIMALS)
        more = "; use --decimal if that is wrong" if unproved else ""
        return [f"column {name!r}: {cell} is read as {value:g}{more}"]
    open_ = order is None and _both(possible, "date", ORDERS)
    if found.kind == "date" and found.form in ORDERS and open_:
        first = "day" if found.form == "dmy" else "month"
        day = parse_dates(pl.Series([column.example]), found.form)[0]
        return [
            f"column {name!r}: {cell} is read with the {first} first, as {day:%Y-%m-%d}; the "
            "order is ambiguous: use --dates dmy or --dates mdy"
        ]
    if found.kind == "text" and (what := column.looks_like()):
        if column.odd is not None:
            return [f"column {name!r} stays text: most cells are {what}, but not {column.odd!r}"]
        why = "they differ in form" if what == "dates" else "some begin with 0 or differ in form"
        return [f"column {name!r} stays text: its cells look like {what}, but {why}"]
    return []


def _proves(column: ColumnEvidence, kind: str, form: str) -> bool:
    format_ = Format(kind, form)
    return format_ in column.proofs and format_ in (column.possible or ())


def _both(possible: frozenset[Format], kind: str, forms: Iterable[str]) -> bool:
    return all(Format(kind, form) in possible for form in forms)


def _proofs(cells: pl.Series, possible: Iterable[Format]) -> frozenset[Format]:
    """Return the possible formats whose rival some cell does not fit."""
    rivals = {Format("number", a): Format("number", b) for a, b in (".,", ",.")}
    rivals |= {Format("date", a): Format("date", b) for a, b in (ORDERS, ORDERS[::-1])}
    return frozenset(f for f in possible if f in rivals and not rivals[f].fits(cells))


def _all_plain(cells: pl.Series) -> bool:
    """Return whether all cells are numbers with a decimal point, and none a code such as 00123."""
    return (
        not cells.cast(pl.Float64, strict=False).null_count()
        and not cells.str.contains(_LEADING_ZERO).any()
    )


def _look_like(cells: pl.Series, format_: Format) -> pl.Series:
    """Return which cells look as if they fitted: a search, much faster than a conversion."""
    if format_.kind == "boolean":
        return cells.str.contains(_BOOLEAN)
    number = format_.kind == "number"
    pattern = decimal_pattern(format_.form) if number else date_pattern(format_.form)
    return cells.str.contains(pattern)


def _any_of(shares: Mapping[Format, pl.Series], kind: str, none: pl.Series) -> pl.Series:
    return reduce(lambda a, b: a | b, [fit for f, fit in shares.items() if f.kind == kind], none)


def without_gaps(texts: pl.DataFrame) -> pl.DataFrame:
    """Strip blanks around cells, and make `GAPS` null."""
    stripped, gap = pl.all().str.strip_chars(), pl.all().is_in(GAPS)
    known = pl.when(gap).then(None).otherwise(pl.all()).name.keep()
    # A few columns at a time, because each takes 10 kB during the conversion.
    parts = [
        texts[:, start : start + _TOGETHER].select(stripped).select(known)
        for start in range(0, texts.width, _TOGETHER)
    ]
    return pl.concat(parts, how="horizontal") if parts else texts


def _without_soft_gaps(texts: pl.Series) -> pl.Series:
    soft = texts.is_in(_SOFT_GAPS)
    return texts.set(soft, None) if soft.any() else texts


def formats_from_state(state: Mapping[str, Any]) -> dict[str, Format]:
    """Restore formats that were saved as lists of kind and form; raise where there is no such."""
    formats = {}
    for name, (kind, form) in state.items():
        if form not in _FORMS.get(kind, ()):
            raise ValueError(f"column {name!r} cannot have the format {kind!r}, {form!r}")
        formats[name] = Format(kind, form)
    return formats
