"""The rows that a network of the playground is trained on, split into training and test rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.playground.table_columns import TableColumns
from multilayer.tables.target import MOST_CLASSES, StandardisedTarget, detect_task

__all__ = ["Data", "Floats", "check_classes", "draw_training", "labels_of", "shortened"]

Floats = NDArray[np.floating[Any]]
_LARGEST = float(np.finfo(np.float32).max)
_NAME = 300  # characters of a class or an input that are sent


@dataclass(frozen=True, eq=False)
class Data:
    """Rows, split into training and test rows.

    Attributes
    ----------
    task : {"classification", "regression"}
    classes : list of str
        Empty for regression.
    inputs : list of str
        The inputs of the network: a name for each column of X.
    columns : list of str
        Columns of numbers, which can be axes.
    axes : tuple of str
        The two columns that span the plane.
    target : str
    X : ndarray, shape (m, n)
    y : ndarray, shape (m,)
        Labels; or numbers, standardized by the training rows if they are those of a table.
    label : ndarray, shape (m,)
        Index of the class in `classes`; or the number, in the units of the table.
    xy : ndarray, shape (m, 2)
        The values of the two axes.
    training : ndarray of bool, shape (m,)
    encode : callable
        Maps points of the plane, (k, 2), to inputs of the network, (k, n).
    table : TableColumns or None
        The columns of a raw table, and their encoding as X.
    unit : StandardisedTarget or None
        The standardization of the target, if there is one.
    """

    task: str
    classes: list[str]
    inputs: list[str]
    columns: list[str]
    axes: tuple[str, ...]
    target: str
    X: Floats
    y: NDArray[Any]
    label: NDArray[Any]
    xy: Floats
    training: NDArray[np.bool_]
    encode: Callable[[Floats], Floats]
    table: TableColumns | None = None
    unit: StandardisedTarget | None = None

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):
            if not np.isfinite(self.span).all():
                raise ValueError(f"the numbers of {' and '.join(self.axes)} are too large to draw")

    @property
    def span(self) -> tuple[float, float, float, float]:
        """The smallest and largest x₁, then x₂, of the plane to draw."""
        low, high = self.xy.min(axis=0), self.xy.max(axis=0)
        room = 0.08 * np.where(high > low, high - low, 1.0)
        low, high = low - room, high + room
        return float(low[0]), float(high[0]), float(low[1]), float(high[1])

    def in_units(self, h: Any) -> Any:
        """Return an output of the network in the units of the target."""
        return h if self.unit is None else self.unit.back(h)


def labels_of(y: NDArray[Any]) -> tuple[str, list[str], NDArray[Any]]:
    """Return the task, the names of the classes, and the label or number of each row.

    Raises
    ------
    ValueError
        If there is one class only, or too many, or a number is too large.
    """
    if y.dtype.kind == "f" or detect_task(y) == "regression":
        if len(y) and np.abs(y.astype(np.float64)).max() > _LARGEST:
            raise ValueError(f"a target must hold numbers of at most ±{_LARGEST:.2g}")
        return "regression", [], y.astype(np.float64)
    classes, label = np.unique(y, return_inverse=True)
    check_classes(len(classes))
    if len(classes) < 2:
        raise ValueError(f"there must be at least two classes, but all rows are {classes[0]}")
    return "classification", [shortened(name) for name in classes], label


def check_classes(count: int) -> None:
    """Raise ValueError if there are more classes than colours."""
    if count > MOST_CLASSES:
        raise ValueError(
            f"a target may have {MOST_CLASSES} classes here, so that colours can tell them apart, "
            f"but has {count}"
        )


def draw_training(
    share: float, seed: int, label: NDArray[Any], n_classes: int
) -> NDArray[np.bool_]:
    """Draw the training rows: at least one of each class, and at least one test row remains."""
    m = len(label)
    order = np.random.RandomState(seed).permutation(m)
    if n_classes:
        firsts = np.unique(label[order], return_index=True)[1]
        order = np.concatenate([order[firsts], np.delete(order, firsts)])
    n = int(np.clip(round(share * m), max(1, n_classes), m - 1))
    training = np.zeros(m, bool)
    training[order[:n]] = True
    return training


def shortened(name: Any) -> str:
    """Return a name as it is sent to the page: whole, unless it is very long."""
    text = str(name)
    return text if len(text) <= _NAME else text[: _NAME - 1] + "…"
