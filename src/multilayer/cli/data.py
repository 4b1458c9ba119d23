"""A table with its target, and its rows for training and validation."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from multilayer.cli.messages import shown
from multilayer.reading.formats import ColumnEvidence, choose_formats
from multilayer.reading.reader import read_table
from multilayer.reading.table import Known, ReadOptions, Table, collected
from multilayer.tables.dependence import Dependence, read_dependence
from multilayer.tables.target import StandardisedTarget, detect_task, explain_task
from multilayer.tabular.folds import hold_out as hold_out_rows

__all__ = [
    "SCORE_NAMES",
    "Data",
    "Split",
    "Standardised",
    "check_target_kept",
    "find_column",
    "fingerprint",
    "hold_out",
    "not_missing",
    "numbers_if_texts_are",
    "read_data",
    "read_targets",
    "standardise",
]

Rows = NDArray[np.intp]  # indices

SCORE_NAMES = {"classification": "accuracy", "regression": "R²"}


@dataclass(frozen=True)
class Data:
    """A table that a model is trained on.

    Attributes
    ----------
    table : str
        Where it came from.
    X : polars.DataFrame, shape (m, n)
    y : ndarray, shape (m,)
    target : str
        The column that y was.
    task : {"classification", "regression"}
    header : bool
        Whether the columns have names rather than numbers.
    known : Known
        What was found in the file, for files that are read later.
    remarks : tuple of str
        What was guessed, left out or not taken literally: a line each.
    rows : ndarray of int, shape (m,)
        Their indices among all rows that were read; those without a target are left out.
    without_target : int
        The number of rows left out.
    """

    table: str
    X: pl.DataFrame
    y: NDArray[Any]
    target: str
    task: str
    header: bool
    known: Known
    remarks: tuple[str, ...]
    rows: Rows
    without_target: int

    @property
    def classes(self) -> bool:
        """Whether y is classes rather than numbers."""
        return self.task == "classification"

    @property
    def score_name(self) -> str:
        """The name of the validation score."""
        return SCORE_NAMES[self.task]

    @property
    def origin(self) -> dict[str, Any]:
        """The part of a model's notes that is about its data."""
        return {
            "target": self.target,
            "task": self.task,
            "table": self.table,
            "header": self.header,
            "reading": self.known.to_state(),
            "sha256": fingerprint(self.table),
        }

    def take_dependence(self, groups: str | None, time: str | None) -> tuple[Data, Dependence]:
        """Read how rows depend on each other, and take the column of groups out of the table.

        Parameters
        ----------
        groups, time : str or None
            Names or numbers of columns.

        Returns
        -------
        data : Data
        dependence : Dependence
        """
        names = [self._column_of("groups", groups), self._column_of("time", time)]
        X, dependence = read_dependence(self.X, *names)
        remarks = []
        if dependence.groups is not None:
            n = len(np.unique(dependence.groups))
            remarks.append(f"{n} groups by {names[0]}, whose rows stay together in all folds")
        if dependence.time is not None:
            remarks.append(f"rows are predicted from earlier ones by {names[1]}")
        return replace(self, X=X, remarks=(*self.remarks, *remarks)), dependence

    def _column_of(self, option: str, name: str | None) -> str | None:
        if name is None:
            return None
        if name == self.target:
            raise ValueError(f"--{option} must be another column than the target {name!r}")
        hint = "; --time-limit limits the seconds" if option == "time" else ""
        return find_column(self.X.columns, name, self.table, hint)

    def describe(self) -> str:
        """Describe in two lines what was read."""
        m, n = self.X.shape
        read = f"{self.table}: {m} rows, {n} column{'s' * (n != 1)} and the target {self.target}"
        if self.without_target:
            read += f"; {self.without_target} rows without a target left out"
        return "\n".join(map(shown, [read, self.task_line(), *collected(self.remarks)]))

    def task_line(self) -> str:
        """Describe in a line what is learned."""
        why = explain_task(self.y, self.task)
        if self.classes:
            labels, counts = np.unique(self.y, return_counts=True)
            often = np.argsort(-counts, kind="stable")[:6]
            listed = ", ".join(f"{labels[k]} ({counts[k]})" for k in often)
            listed += " …" if len(labels) > len(often) else ""
            return f"Classification, {len(labels)} classes: {listed} ({why})"
        return (
            f"Regression: from {self.y.min():g} to {self.y.max():g}, mean {self.y.mean():.4g}, "
            f"standard deviation {self.y.std():.4g} ({why})"
        )


class Split(NamedTuple):
    """The indices of the rows to learn from and of those held out for validation, if any."""

    training: Rows
    validation: Rows

    @property
    def parts(self) -> dict[str, Rows]:
        """The parts that have rows, by name."""
        return {name: rows for name, rows in self._asdict().items() if len(rows)}

    @property
    def sizes(self) -> dict[str, int]:
        """The number of rows of each of them."""
        return {name: len(rows) for name, rows in self.parts.items()}

    @property
    def evaluated_name(self) -> str:
        """The name of the rows held out, or of all where there are none."""
        return "validation" if len(self.validation) else "training"

    @property
    def evaluated(self) -> Rows:
        """The rows held out, or all where there are none."""
        return self.validation if len(self.validation) else self.training


class Standardised(NamedTuple):
    """A target y = mean + scale · values; classes are left as they are."""

    values: NDArray[Any]
    mean: float = 0.0
    scale: float = 1.0


def read_data(table: str, target: str | None, task: str, read: ReadOptions) -> Data:
    """Read a table and take the target out of it; ValueError if nothing can be learned from it."""
    _, (data,) = read_targets(table, [] if target is None else [target], task, read)
    return data


def read_targets(
    table: str, targets: Sequence[str], task: str, read: ReadOptions
) -> tuple[pl.DataFrame, list[Data]]:
    """Read a table and take the targets out of it; ValueError if nothing can be learned from it.

    Parameters
    ----------
    table : str
    targets : sequence of str
        Names or numbers of columns; none stands for the column named target.
    task : {"auto", "classification", "regression"}
        Of all targets.
    read : ReadOptions

    Returns
    -------
    X : polars.DataFrame
        All rows, without the targets.
    data : list of Data
        For each target the rows that have a value of it.
    """
    for target in targets:
        check_target_kept(target, read)
    given = read_table(table, read)
    frame = given.frame
    if not targets and "target" not in frame.columns:
        raise ValueError(
            f"--target must name the column to be predicted; {table} has "
            + ", ".join(frame.columns[:12])
            + (" …" if frame.width > 12 else "")
        )
    names = [find_column(frame.columns, target, table) for target in targets or ["target"]]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"--target must name different columns, but names {twice!r} twice")
    if frame.width <= len(names):
        listed = ", ".join(map(repr, names))
        raise ValueError(
            f"{table} must have a column besides the target{'s' * (len(names) > 1)} {listed}"
        )
    data = [_of_target(given, table, name, names, task) for name in names]
    return frame.drop(names), data


def _of_target(given: Table, table: str, target: str, targets: list[str], task: str) -> Data:
    frame = given.frame.with_columns(numbers_if_texts_are(given.frame[target]))
    known = not_missing(frame[target])
    if not known.any():
        raise ValueError(f"target {target!r} must have values, but all {len(frame)} are missing")
    rows = frame.filter(known)
    y = rows[target].to_numpy()
    y = y.astype(str) if y.dtype == object else y
    if task == "auto":
        task = detect_task(y)
    _check_target(y, target, task)
    if task == "classification" and y.dtype.kind == "f" and np.abs(y).max() < 2**63:
        y = y.astype(np.int64)  # some formats keep whole numbers as floats where values are missing
    return Data(
        table,
        rows.drop(targets),
        y,
        target,
        task,
        header=given.named,
        known=given.known,
        remarks=given.remarks,
        rows=np.flatnonzero(known.to_numpy()),
        without_target=len(frame) - len(rows),
    )


def check_target_kept(target: str | None, read: ReadOptions) -> None:
    """Raise a ValueError if the target is among the columns to leave out."""
    if target is not None and target in read.drop:
        raise ValueError(f"--drop must leave the target, but names {target!r}")


def find_column(columns: list[str], wanted: str, table: str, hint: str = "") -> str:
    """Find a column by its name, or else by its number (the first is 0, the last −1)."""
    if wanted in columns:
        return wanted
    try:
        return columns[int(wanted)]
    except (ValueError, IndexError):
        pass
    near = difflib.get_close_matches(wanted.lower(), [c.lower() for c in columns], 3, 0.5)
    named = [column for column in columns if column.lower() in near] or columns[:8]
    listed = ", ".join(map(repr, named)) + (" …" if named != columns and not near else "")
    raise ValueError(
        f"{table} has no column {wanted!r}: {'the nearest are' if near else 'it has'} {listed}"
        f"{hint}"
    )


def fingerprint(table: str) -> str | None:
    """Return the SHA-256 of a file, or of a built-in table's name; None of standard input."""
    path = Path(table)
    if not path.is_file():
        return None if table == "-" else hashlib.sha256(table.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def numbers_if_texts_are(column: pl.Series) -> pl.Series:
    """Convert a target of texts that all are numbers, as of a Parquet file."""
    if column.dtype != pl.String:
        return column
    found = choose_formats({column.name: ColumnEvidence.of(column)}).formats[column.name]
    return found.convert(column) if found.kind in ("integer", "number") else column


def not_missing(column: pl.Series) -> pl.Series:
    """Return which values are not missing, (m,)."""
    return column.is_not_null() & (column.is_not_nan() if column.dtype.is_float() else True)


def hold_out(
    y: NDArray[Any],
    share: float,
    seed: int,
    dependence: Dependence,
    *,
    classes: bool,
    advice: str,
) -> Split:
    """Hold a share of the rows out for validation; ValueError if too few would be held out."""
    codes = np.unique(y, return_inverse=True)[1] if classes else y
    fold = hold_out_rows(codes, share, dependence, np.random.RandomState(seed), classes=classes)
    if share and len(fold.validation) < 2:
        raise ValueError(
            f"at least 2 rows must be held out for validation, but {share:.0%} of {len(y)} rows "
            f"are {len(fold.validation)}; {advice}"
        )
    return Split(fold.training, fold.validation)


def standardise(
    y: NDArray[Any], classes: bool, training: Rows | slice = slice(None)
) -> Standardised:
    """Standardise a target of numbers by its mean and deviation on the rows to learn from."""
    if classes:
        return Standardised(y)
    target = StandardisedTarget.of(y[training])
    return Standardised(target.forward(y), target.mean, target.scale)


def _check_target(y: NDArray[Any], target: str, task: str) -> None:
    name = f"target {target!r}"
    if y.dtype.kind not in "biufU":
        raise ValueError(f"{name} must be texts, numbers or booleans, but is {y.dtype}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"{name} must be finite, but holds {y[~np.isfinite(y)][0]}")
    values, counts = np.unique(y, return_counts=True)
    if len(values) == 1:
        raise ValueError(
            f"{name} must have at least two different values, but all {len(y)} are {values[0]}"
        )
    if task == "regression" and y.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be numbers for regression, but holds {str(y[0])!r}")
    if task == "classification" and y.dtype.kind == "f" and (y != np.round(y)).any():
        raise ValueError(
            f"{name} must be texts or whole numbers for classification, but holds "
            f"{y[y != np.round(y)][0]}; --task regression predicts numbers"
        )
    if task == "classification" and counts.max() == 1:
        raise ValueError(
            f"{name} must have classes that occur more than once, but has {len(values)} different "
            f"values in {len(y)} rows"
        )
