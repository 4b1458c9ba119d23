"""Alerts: what in a table would make a model, or its scores, other than they seem."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray

from multilayer.tables.dependence import INDEPENDENT, Dependence
from multilayer.tables.examined_column import ExaminedColumn
from multilayer.tables.foreign_errors import as_value_errors
from multilayer.tables.frame import Frame
from multilayer.tables.single_column import unexplained_share

__all__ = ["Alert", "DataWarning", "find_alerts", "warn_of_alerts"]

Array = NDArray[Any]

MOST_ROWS = 10_000  # that single columns are examined on
FEW_ROWS = 50
_EVIDENCE = 20  # rows that an alert about a column needs
_LEAK = 0.01  # share of errors, or of the variance, that a leak leaves unexplained
_DISTINCT = 0.95  # share of distinct texts in a column of identifiers
_NEARLY = 0.99  # share of one value in a column that is nearly constant
_LEAST_GROUPS, _LEAST_IN_GROUP, _MOST_IN_GROUP = 20, 1.5, 10.0
_DUPLICATES = 0.01  # share of repeated rows
_IMBALANCE = 10  # times as many rows of the largest class as of the smallest
_ID_NAME = re.compile(r"(^|[^a-z])(id|ids|uuid|guid|index|key|nr|no|num|number)$", re.IGNORECASE)
_NAMES_SHOWN = 6


class DataWarning(UserWarning):
    """The data may make a model, or its scores, other than they seem; see `find_alerts`."""


@dataclass(frozen=True)
class Alert:
    """A property of a table that should be known before a model of it is trusted.

    Attributes
    ----------
    kind : str
        "leak", "identifier", "duplicates", "order", "imbalance", "few rows", "groups", "gaps" or
        "constant".
    columns : tuple of str
        The columns concerned; empty if it is the rows.
    message : str
        What was found, in one sentence.
    advice : str
        What to do about it, in one sentence.
    serious : bool
        Whether scores can be far too good, or mean little. The others are remarks.
    droppable : bool
        Whether leaving the columns out is what is advised.
    """

    kind: str
    columns: tuple[str, ...]
    message: str
    advice: str
    serious: bool = True
    droppable: bool = False

    def __str__(self) -> str:
        argument = {"order": "time", "groups": "groups"}.get(self.kind)
        if argument is None:
            return f"{self.message} {self.advice}"
        return f"{self.message} {self.advice[:-1]}: fit(X, y, {argument}={self.columns[0]!r})."


def find_alerts(
    X: Any,
    y: ArrayLike,
    *,
    classes: bool,
    target: str = "the target",
    dependence: Dependence = INDEPENDENT,
) -> list[Alert]:
    """Find what in a table would make a model, or its scores, other than they seem.

    Single columns are examined on at most 10 000 rows drawn at random; duplicated rows and the
    values of what looks like an identifier are counted on all rows. The result is the same every
    time.

    Parameters
    ----------
    X : dataframe or array-like, shape (m, n)
        A raw table, without the target.
    y : array-like, shape (m,)
        Classes or numbers, without gaps.
    classes : bool
        Whether y is classes.
    target : str
        The name of y, for the messages.
    dependence : Dependence
        Groups and times of the rows that the model follows, which need no alert.

    Returns
    -------
    list of Alert
        Serious ones first.

    Examples
    --------
    >>> import polars as pl
    >>> from multilayer.tables import find_alerts
    >>> table = pl.DataFrame({"age": list(range(20, 80)), "alive": ["yes", "no"] * 30})
    >>> for alert in find_alerts(table, [1, 0] * 30, classes=True, target="survived"):
    ...     print(alert.kind, alert.columns)
    leak ('alive',)
    identifier ('age',)
    """
    frame, y = Frame(X), np.asarray(y)
    m = len(frame)
    rows = np.arange(m)
    part, of_part = frame, y
    if m > MOST_ROWS:
        rows = np.sort(np.random.RandomState(0).choice(m, MOST_ROWS, replace=False))
        part, of_part = Frame(frame.table[rows.tolist()]), y[rows]
    columns = list(ExaminedColumn.of_frame(part))
    alerts = [*_about_columns(columns, frame, part is frame)] if m >= _EVIDENCE else []
    if m >= _EVIDENCE and len(columns) > 1:
        alerts += _leaks(columns, of_part, classes, target)
    named = {name for alert in alerts if alert.kind == "identifier" for name in alert.columns}
    others = [column for column in columns if column.name not in named]
    alerts += _about_rows(frame, y, named, classes, target, others)
    leaks = {name for alert in alerts if alert.kind == "leak" for name in alert.columns}
    # A column that is a leak as well needs only one alert.
    alerts = [a for a in alerts if a.kind == "leak" or not (a.columns and set(a.columns) <= leaks)]
    known = {"groups": dependence.groups is not None, "order": dependence.time is not None}
    alerts = [a for a in alerts if not known.get(a.kind)]
    order = ("leak", "duplicates", "identifier", "order", "few rows", "imbalance")
    rank = {kind: place for place, kind in enumerate(order)}
    return sorted(alerts, key=lambda a: (not a.serious, rank.get(a.kind, len(rank))))


def warn_of_alerts(
    X: Any,
    y: ArrayLike,
    *,
    classes: bool,
    dependence: Dependence = INDEPENDENT,
    stacklevel: int = 2,
) -> None:
    """Warn once, with a `DataWarning`, if there are serious alerts."""
    found = find_alerts(X, y, classes=classes, dependence=dependence)
    serious = [str(a) for a in found if a.serious]
    if serious:
        warnings.warn(" ".join(serious), DataWarning, stacklevel=stacklevel + 1)


def _leaks(
    columns: Sequence[ExaminedColumn], y: Array, classes: bool, target: str
) -> Iterator[Alert]:
    """Find the columns from each of which alone the target can be predicted, for rows left out."""
    for column in columns:
        share = unexplained_share(column, y, classes)
        if share > _LEAK:
            continue
        verb = "determines" if share == 0 else "almost determines"
        detail = "" if share == 0 else f" ({100 * (1 - share):.4g} % of the variance)"
        if classes and share:
            detail = f" ({100 * (1 - share):.4g} % fewer errors than without it)"
        yield Alert(
            "leak",
            (column.name,),
            f"Column {column.name!r} {verb} {_quoted(target)}{detail}: possible target leakage.",
            "Drop it if it is not known at prediction time.",
            droppable=True,
        )


def _about_columns(
    columns: Sequence[ExaminedColumn], frame: Frame, complete: bool
) -> Iterator[Alert]:
    """Find identifiers, groups, dates that order the rows, gaps, and constant columns."""
    m = len(frame)

    def distinct_of_all(column: ExaminedColumn) -> int:
        # Of a few of very many rows, nearly all values differ.
        return column.n_distinct if complete else frame.n_distinct(frame.names.index(column.name))

    numbered = [c for c in columns if _numbers_rows(c, m) and distinct_of_all(c) == m]
    for column in numbered:
        yield Alert(
            "identifier",
            (column.name,),
            f"Column {column.name!r} looks like an identifier: it holds a different whole number "
            "in every row.",
            "Drop it, because an identifier carries no information about new rows.",
            droppable=True,
        )
    counts = {c.name: (distinct_of_all(c), m * (1 - c.gap_share)) for c in columns if _is_key(c)}
    texts = [
        c.name
        for c in columns
        if c.kind == "category"
        and c.name in counts
        and counts[c.name][0] >= _DISTINCT * counts[c.name][1]
    ]
    if texts:
        yield Alert(
            "identifier",
            tuple(texts),
            f"{_columns(texts)} a different string in nearly every row, like names or identifiers.",
            f"{_they_are(texts)} dropped, because they carry no information about new rows.",
            serious=False,
        )
    for name, (distinct, present) in counts.items():
        if _LEAST_GROUPS <= distinct and _LEAST_IN_GROUP <= present / distinct <= _MOST_IN_GROUP:
            yield Alert(
                "groups",
                (name,),
                f"Column {name!r} holds {distinct} values, with {present / distinct:.2g} rows each "
                "on average.",
                "If new rows will hold other values, as of other persons, name the column as the "
                "groups of the rows: scores are too good otherwise.",
                serious=False,
            )
    for column in columns:
        if column.kind == "date" and column.is_sorted and column.n_distinct >= _EVIDENCE // 2:
            yield Alert(
                "order",
                (column.name,),
                f"The rows are ordered by the date in column {column.name!r}.",
                "If later rows are to be predicted, scores of rows drawn at random are too good: "
                "name the column as the time of the rows.",
            )
    gaps = [c.name for c in columns if 0.5 < c.gap_share < 1]
    if gaps:
        yield Alert(
            "gaps",
            tuple(gaps),
            f"{_columns(gaps)} no value in more than half of the rows.",
            "Check that values will be missing for the same reason at prediction time.",
            serious=False,
        )
    constant = [c.name for c in columns if c.top_share == 1 or c.gap_share == 1]
    if constant:
        yield Alert(
            "constant",
            tuple(constant),
            f"{_columns(constant)} the same value in every row.",
            f"{_they_are(constant)} dropped, because a constant carries no information.",
            serious=False,
        )
    nearly = [c.name for c in columns if _NEARLY <= c.top_share < 1 and len(c.codes) >= 100]
    if nearly:
        yield Alert(
            "constant",
            tuple(nearly),
            f"{_columns(nearly)} the same value in at least {100 * _NEARLY:.0f} % of the rows.",
            "Little can be learned from so few other values.",
            serious=False,
        )


def _about_rows(
    frame: Frame,
    y: Array,
    identifiers: set[str],
    classes: bool,
    target: str,
    columns: Sequence[ExaminedColumn],
) -> Iterator[Alert]:
    """Find duplicated rows, few rows, and classes of very different sizes."""
    m = len(frame)
    if m < FEW_ROWS:
        yield Alert(
            "few rows",
            (),
            f"The table has only {m} row{'s' * (m != 1)}, so every score is very uncertain.",
            "Repeat the cross-validation, or collect more rows.",
        )
    else:
        repeats = _repeated_rows(frame, y, identifiers)
        if repeats >= max(2, _DUPLICATES * m, _repeats_by_chance(columns, m)):
            yield Alert(
                "duplicates",
                (),
                f"{repeats} of {m} rows repeat an earlier row in every column.",
                "If they are copies and not different cases, remove them: copies on both sides of "
                "a split make scores too good.",
            )
    if classes:
        labels, counts = np.unique(y.astype(str) if y.dtype == object else y, return_counts=True)
        least = counts.argmin()
        if len(labels) > 1 and counts.max() >= _IMBALANCE * counts[least] and m >= FEW_ROWS:
            share = 100 * counts[least] / m
            yield Alert(
                "imbalance",
                (),
                f"The classes of {_quoted(target)} are imbalanced: {str(labels[least])!r} has "
                f"{counts[least]} of {m} rows ({share:.2g} %).",
                "Do not rely on accuracy: look at the recall and F1 of the rare class and at "
                "average precision, and choose a threshold.",
            )


def _numbers_rows(column: ExaminedColumn, m: int) -> bool:
    """Whether a column of numbers looks like an identifier of the rows, of which there are m."""
    values = column.values
    if column.kind != "number" or values is None or column.n_distinct < len(values):
        return False
    if np.isnan(values).any() or (values != np.round(values)).any():
        return False
    dense = np.ptp(values) < 2 * m
    return bool(dense or column.is_sorted or _ID_NAME.search(_spaced(column.name)))


def _is_key(column: ExaminedColumn) -> bool:
    """Whether a column may say whom or what a row is about: texts, or numbers by their name."""
    present = (1 - column.gap_share) * len(column.codes)
    if present < _EVIDENCE or column.n_distinct * _MOST_IN_GROUP < present:
        return False
    return column.kind == "category" or (
        column.kind == "number" and bool(_ID_NAME.search(_spaced(column.name)))
    )


def _repeated_rows(frame: Frame, y: Array, identifiers: set[str]) -> int:
    """Count the rows, of which there are m, that are the same as an earlier one."""
    names = [
        j
        for j, name in enumerate(frame.names)
        if name not in identifiers and frame.kind(j) not in ("other", "empty")
    ]
    if not names:
        return 0
    table = frame.table
    if isinstance(table, nw.DataFrame):
        target = nw.new_series("y", y, backend=nw.get_native_namespace(table))
        kept = {f"x{j}": frame.columns[j].alias(f"x{j}") for j in names}
        with as_value_errors("a table"):
            return len(frame) - len(nw.from_dict({"y": target, **kept}).unique())
    if table.dtype == object:
        return 0
    codes = np.unique(y, return_inverse=True)[1]
    bits = np.column_stack([table[:, names].astype(np.float64), codes]).view(np.uint64)
    weights = np.random.RandomState(0).randint(1, 2**63 - 1, bits.shape[1], np.int64)
    with np.errstate(over="ignore"):
        mixed = (bits ^ (bits >> np.uint64(29))) * (2 * weights.astype(np.uint64) + np.uint64(1))
        return len(frame) - len(np.unique((mixed ^ (mixed >> np.uint64(32))).sum(axis=1)))


def _they_are(names: Sequence[str]) -> str:
    return "They are" if len(names) > 1 else "It is"


def _repeats_by_chance(columns: Sequence[ExaminedColumn], m: int) -> float:
    """Estimate how many of m rows would repeat another one if the columns were independent."""
    same = 1.0  # the probability that two rows are the same
    for column in columns:
        counts, n = np.bincount(column.codes + 1), len(column.codes)
        same *= float(counts @ (counts - 1)) / (n * (n - 1))
    return min(m, m * m * same / 2)


def _spaced(name: str) -> str:
    """Return a name with a space before each word of camel case: "PassengerId" → "Passenger Id"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _quoted(target: str) -> str:
    return target if target == "the target" else repr(target)


def _columns(names: Sequence[str]) -> str:
    """Return the names as a subject, with the verb: "Column 'a' holds", "Columns 'a', 'b' hold"."""
    listed = ", ".join(map(repr, names[:_NAMES_SHOWN]))
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"Column{'s' * (len(names) > 1)} {listed}{more} {'hold' if len(names) > 1 else 'holds'}"
