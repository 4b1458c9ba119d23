"""A table with its target, and a pipeline trained on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.markup import escape
from sklearn.pipeline import Pipeline

from multilayer.cli.options import column_name
from multilayer.tables.reading import read_table
from multilayer.tables.target import MOST_CLASSES, detect_task, fold_in_units
from multilayer.tabular import TableEncoder

__all__ = ["Data", "known", "read_data", "telling_columns", "train"]


@dataclass(frozen=True)
class Data:
    """What a network is trained on.

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
    without_target : int
        How many rows were left out because their target was a gap.
    """

    table: str
    X: pl.DataFrame
    y: NDArray[Any]
    target: str
    task: str
    header: bool
    without_target: int

    @property
    def classes(self) -> bool:
        """Whether y is classes rather than numbers."""
        return self.task == "classification"

    @property
    def score_name(self) -> str:
        """What the validation score is."""
        return "accuracy" if self.classes else "R²"

    def describe(self) -> str:
        """Say in a line or two what was read."""
        m, n = self.X.shape
        text = f"{self.table}: {m} rows, {n} column{'s' * (n != 1)} and the target {self.target}"
        if self.without_target:
            text += f"; {self.without_target} rows without a target left out"
        if self.classes:
            labels, counts = np.unique(self.y, return_counts=True)
            often = np.argsort(-counts, kind="stable")[:6]
            shown = ", ".join(f"{labels[k]} ({counts[k]})" for k in often)
            text += f"\nClassification, {len(labels)} classes: {shown}"
            text += " …" if len(labels) > len(often) else ""
        else:
            text += (
                f"\nRegression: from {self.y.min():g} to {self.y.max():g}, mean "
                f"{self.y.mean():.4g}, standard deviation {self.y.std():.4g}"
            )
        return escape(text)


def read_data(table: str, target: str | None, task: str, header: bool | None) -> Data:
    """Read a table and take the target out of it; ValueError if nothing can be learned from it."""
    frame = read_table(table, header)
    if target is None and "target" not in frame.columns:
        raise ValueError(
            f"--target must name the column to be predicted; {table} has "
            + ", ".join(frame.columns[:12])
            + (" …" if frame.width > 12 else "")
        )
    target = column_name(frame.columns, target or "target", table)
    there = known(frame[target])
    if not there.any():
        raise ValueError(f"target {target!r} must have values, but all {len(frame)} are missing")
    rows = frame.filter(there)
    y = rows[target].to_numpy()
    y = y.astype(str) if y.dtype == object else y
    if task == "auto":
        task = detect_task(y)
    _check_target(y, target, task)
    if task == "classification" and y.dtype.kind == "f":
        y = y.astype(np.int64)  # whole numbers beside gaps, as some formats keep them
    if frame.width < 2:
        raise ValueError(f"{table} must have a column besides the target {target!r}")
    return Data(
        table,
        rows.drop(target),
        y,
        target,
        task,
        header=frame.columns != [str(j) for j in range(frame.width)],
        without_target=len(frame) - len(rows),
    )


def telling_columns(data: Data) -> list[str]:
    """Name the columns of few values each of which always goes with the same class."""
    if not data.classes:
        return []
    frame = data.X.with_columns(pl.Series("\0y", data.y))
    few = [name for name in data.X.columns if data.X[name].n_unique() <= MOST_CLASSES]
    return [name for name in few if frame[[name, "\0y"]].n_unique() == frame[name].n_unique()]


def known(column: pl.Series) -> pl.Series:
    """Tell which values are no gaps, (m,)."""
    return column.is_not_null() & (column.is_not_nan() if column.dtype.is_float() else True)


def train(
    network: Any, data: Data, training: NDArray[np.intp], validation: NDArray[np.intp]
) -> Pipeline:
    """Fit an encoder and a network.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
    data : Data
    training, validation : ndarray of int
        Rows to learn from, and rows to choose the best epoch by (or none).

    Returns
    -------
    Pipeline
        Of the encoder and the network, whose predictions are in units of the target.
    """
    y, mean, scale = data.y, 0.0, 1.0
    if not data.classes:
        mean, scale = float(y[training].mean()), float(y[training].std()) or 1.0
        y = (y - mean) / scale
    # float32 has seven digits, too few for a target whose spread is small beside its mean.
    encoder = TableEncoder(dtype="float32" if abs(mean) < 1e3 * scale else "float64")
    X = encoder.fit_transform(data.X[training])
    if len(validation):
        held_out = {"X_val": encoder.transform(data.X[validation]), "y_val": y[validation]}
        network.set_params(early_stopping=True).fit(X, y[training], **held_out)
    else:
        network.fit(X, y[training])
    if not data.classes:
        fold_in_units(network.network_, mean, scale)
    return Pipeline([("encoder", encoder), ("network", network)])


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
