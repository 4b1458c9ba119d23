"""Single values of a table: as a number, as a text, and whether one is a gap.

The same value has the same text, whatever its type: 1, 1.0, Decimal("1.00") and numpy.int8(1) are
"1". Texts stay as they are; `canonical` finds the form that two ways of writing a value share.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from numbers import Rational, Real
from typing import Any

import numpy as np

__all__ = [
    "boolean_form",
    "by_form",
    "canonical",
    "duration_of",
    "is_gap",
    "kind_of_type",
    "moment_of",
    "number_of",
    "plural_of_type",
    "text_of",
]

_EPOCH = dt.datetime(1970, 1, 1)
_SHORTEST_DATE = 1e8  # seconds; what is shorter is a time of day or a duration
_PERIODS = {"days": 86_400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
_LONGEST = 400  # digits of a number: the largest float has 309
# As Python, NumPy and pandas write numbers; codes such as 007, 1E5 or +1 are none.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]\d{2,3})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
_DURATION = re.compile(
    r"(?:(?P<days>-?\d+) days?,? ?)?"
    r"(?:(?P<plus>[+-]?)(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?))?",
    re.ASCII,
)
_ISO_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_PLURALS: dict[type, str] = {
    list: "lists",
    tuple: "lists",
    np.ndarray: "lists",
    dict: "structs",
    set: "sets",
    frozenset: "sets",
    bytes: "bytes",
    bytearray: "bytes",
    complex: "complex numbers",
}


def is_gap(value: Any) -> bool:
    """Whether a Python object stands for a gap: None, NaN, pandas.NA, pandas.NaT."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # pandas.NA is neither true nor false; neither is an array
        return type(value).__name__ == "NAType"
    except ArithmeticError:  # a signaling NaN of Decimal
        return True


def kind_of_type(t: type) -> str | None:
    """Return the kind of the values of a type: "number", "boolean", "date", "category" or None."""
    if issubclass(t, bool | np.bool_):
        return "boolean"
    if issubclass(t, np.timedelta64):  # which is a number to NumPy
        return "date"
    if issubclass(t, Real | Decimal | np.number) and not issubclass(t, np.complexfloating):
        return "number"
    if issubclass(t, dt.date | dt.time | dt.timedelta | np.datetime64):
        return "date"
    return "category" if issubclass(t, str) else None


def plural_of_type(t: type) -> str:
    """Return what a column of values of a type holds, in words."""
    for known, plural in _PLURALS.items():
        if issubclass(t, known):
            return plural
    return f"objects of type {t.__name__}"


def number_of(value: Any, kind: str = "number") -> float:
    """Return a Python object as a number; dates and times in seconds.

    Parameters
    ----------
    value : object
        None is NaN.
    kind : str
        The kind of the column in fit. Texts in a column of dates are read as dates, times or
        durations in ISO 8601 and as Python writes them.

    Raises
    ------
    ValueError, TypeError
        If it is none.
    """
    if value is None:
        return np.nan
    if isinstance(value, float):
        return value
    if isinstance(value, np.datetime64 | np.timedelta64):
        # In microseconds, since `item` returns an integer for nanoseconds.
        unit = "M8[us]" if isinstance(value, np.datetime64) else "m8[us]"
        item = value.astype(unit).item()
        return item / 1e6 if isinstance(item, int) else number_of(item)  # beyond the year 9999
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, dt.datetime):
        aware = value.utcoffset() is not None
        return (value - (_EPOCH.replace(tzinfo=dt.UTC) if aware else _EPOCH)).total_seconds()
    if isinstance(value, dt.date):
        return (dt.datetime(value.year, value.month, value.day) - _EPOCH).total_seconds()
    if isinstance(value, dt.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    if isinstance(value, str):
        if value.lower() in ("true", "false"):
            return float(value.lower() == "true")
        if kind == "date":
            seconds = _seconds_of(value.strip())
            if seconds is not None:
                return seconds
    try:
        return float(value)
    except OverflowError:  # such as a whole number of 400 digits
        return np.inf if value > 0 else -np.inf


def text_of(value: Any) -> str:
    """Return the text of a value: a whole number without a fraction, any other by `repr`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, np.datetime64 | np.timedelta64):
        item = value.item()
        return (
            text_of(value.astype("datetime64[us]").item()) if isinstance(item, int) else str(item)
        )
    if isinstance(value, Rational) and value.denominator == 1:
        return str(value.numerator)
    if isinstance(value, float | np.floating):
        # The shortest text that a float32 is read back from has fewer digits than its float64.
        number = float(str(value))
        return str(int(number)) if number.is_integer() else repr(number)
    if isinstance(value, Decimal) and value.is_finite():
        number = float(value)
        same = np.isfinite(number) and Decimal(repr(number)) == value
        return text_of(number) if same else _plain(value)
    return str(value)


def moment_of(seconds: float) -> str:
    """Write a date in seconds since 1970; times of day and durations as `duration_of` does."""
    if abs(seconds) < _SHORTEST_DATE:
        return duration_of(seconds)
    try:
        moment = _EPOCH + dt.timedelta(seconds=seconds)
    except OverflowError:  # of a year beyond 9999
        return duration_of(seconds)
    return moment.isoformat(" ", timespec="minutes").removesuffix(" 00:00")


def duration_of(seconds: float) -> str:
    """Write a duration in the largest unit that it is at least one of: "3.5 days"."""
    unit = next((unit for unit, size in _PERIODS.items() if abs(seconds) >= size), "seconds")
    return f"{seconds / _PERIODS[unit]:.4g} {unit}"


def canonical(text: str) -> str:
    """Return the canonical form of a number or a date; other strings unchanged.

    "1.0" and "1" share "1", "2020-01-01 00:00:00" and "2020-01-01" share the latter. Leading zeros
    make another text: "01" is a code.
    """
    if len(text) > _LONGEST:
        return text
    if _NUMBER.fullmatch(text):
        return _plain(Decimal(text))
    if _MOMENT.fullmatch(text):
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            return text
        midnight = moment.time() == dt.time()
        return moment.date().isoformat() if midnight else moment.isoformat(" ")
    return text


def boolean_form(text: str) -> str:
    """Return "1" and "0" for true and false; other texts in their canonical form."""
    return {"true": "1", "false": "0"}.get(text.lower()) or canonical(text)


def by_form(texts: Sequence[str]) -> tuple[Callable[[str], str], dict[str, str]]:
    """Return what makes other ways to write some texts equal, and the texts by it.

    Parameters
    ----------
    texts : sequence of str
        All different.

    Returns
    -------
    form : callable
        `canonical`; or `boolean_form` where all texts are true and false, or 1 and 0.
    found : dict
        From a form to the text that is written so, or else to the only one that has it.
    """
    boolean = {boolean_form(text) for text in texts} <= {"0", "1"}
    form = boolean_form if boolean else canonical
    forms = Counter(map(form, texts))
    found = {form(text): text for text in texts if forms[form(text)] == 1}
    return form, found | {text: text for text in texts if form(text) == text}


def _plain(number: Decimal) -> str:
    """Write a number without exponent and without zeros at its end."""
    if not number:
        return "0"
    if abs(number.adjusted()) > _LONGEST:
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _seconds_of(text: str) -> float | None:
    """Read a date, time or duration; None if the text is none."""
    try:
        if _DATE.fullmatch(text):
            return number_of(dt.datetime.fromisoformat(text))
        if _TIME.fullmatch(text):
            return number_of(dt.time.fromisoformat(text))
    except ValueError:
        return None
    match = _ISO_DURATION.fullmatch(text) or _DURATION.fullmatch(text)
    if match is None or not any(match[part] for part in ("days", "hours", "minutes", "seconds")):
        return None
    days, hours, minutes, seconds = (
        float(match[part] or 0) for part in ("days", "hours", "minutes", "seconds")
    )
    clock = hours * 3600 + minutes * 60 + seconds
    found = match.groupdict()
    clock = -clock if found.get("plus") == "-" else clock
    return (-1 if found.get("sign") else 1) * (days * 86400 + clock)
