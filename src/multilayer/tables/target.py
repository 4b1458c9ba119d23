"""The target: its kind of task, its standardisation, and rows to validate on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d

from multilayer.tables.labels import plain_target

__all__ = [
    "StandardisedTarget",
    "detect_task",
    "explain_task",
    "fold_in_units",
    "read_column",
    "split_rows",
]

MOST_CLASSES = 20
_ROWS_OF_CLASS = 5  # on average, at least


@dataclass(frozen=True)
class StandardisedTarget:
    """The standardisation of a target, z = (y − μ)/σ.

    Attributes
    ----------
    mean, scale : float
        μ and σ. The scale of a constant target is 1.
    """

    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, y: NDArray[Any], weights: NDArray[Any] | None = None) -> Self:
        """Compute μ and σ of y (m,), with weights (m,)."""
        mean = np.average(y, weights=weights)
        return cls.of_moments(mean, np.average((y - mean) ** 2, weights=weights))

    @classmethod
    def of_moments(cls, mean: Any, variance: Any) -> Self:
        """Make one of a mean and a variance."""
        return cls(float(mean), float(np.sqrt(variance)) or 1.0)

    def forward(self, y: Any) -> Any:
        """Standardise y."""
        return (y - self.mean) / self.scale

    def back(self, z: Any) -> Any:
        """Return z in units of y."""
        return z * self.scale + self.mean


def detect_task(y: NDArray[Any]) -> str:
    """Distinguish classification from regression by the values of the target.

    Parameters
    ----------
    y : ndarray, shape (m,)
        Without gaps.

    Returns
    -------
    {"classification", "regression"}
        Texts and booleans are classes. So are whole numbers if there are at most 20 distinct ones,
        with at least five rows each on average.
    """
    y = plain_target(y)
    if y.dtype.kind not in "iuf":
        return "classification"
    values = np.unique(y)
    few = len(values) <= min(MOST_CLASSES, max(2, len(y) // _ROWS_OF_CLASS))
    return "classification" if few and np.all(values == np.round(values)) else "regression"


def explain_task(y: NDArray[Any], task: str) -> str:
    """Explain in a clause why a target is taken for classes or for numbers.

    Parameters
    ----------
    y : ndarray, shape (m,)
        Without gaps.
    task : {"classification", "regression"}

    Returns
    -------
    str
        Such as "2 distinct whole numbers, 50 rows each on average". If the values alone would not
        say so, the clause says that the task was given.
    """
    y = plain_target(y)
    values = np.unique(y)
    n = len(values)
    what = {"U": "text", "O": "text", "b": "boolean"}.get(y.dtype.kind, "number")
    whole = what == "number" and bool(np.all(values == np.round(values)))
    said = f"{n} distinct {'whole ' * whole}{what}{'s' * (n != 1)}"
    if task != detect_task(y):
        return f"{said}, but the task was given"
    if what != "number":
        return said
    if task == "regression" and not whole:
        return f"{said}, not all whole"
    if task == "regression" and n > MOST_CLASSES:
        return f"{said}, more than {MOST_CLASSES}"
    return f"{said}, {len(y) / n:.3g} row{'s' * (len(y) != n)} each on average"


def read_column(y: Any, name: str = "y") -> NDArray[Any]:
    """Return a target as an array (m,).

    Raises
    ------
    ValueError
        If it is empty, is not one column, or holds a gap or an infinite number.
    """
    column: NDArray[Any] = column_or_1d(plain_target(y, name), warn=True)
    if not len(column):
        raise ValueError(f"{name} must have at least one row, but is empty")
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        row = int(np.isinf(column).argmax())
        raise ValueError(
            f"Input {name} contains infinity: {name} must be finite, but {name}[{row}] is "
            f"{column[row]}"
        )
    return column


def split_rows(
    y: NDArray[Any], fraction: float, random_state: np.random.RandomState
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose rows to validate on that represent all of y, classes or numbers.

    The rows are sorted by y, in random order where it is equal, and every (1/fraction)-th is
    taken (systematic sampling). A class is never taken whole.

    Parameters
    ----------
    y : ndarray, shape (m,)
    fraction : float in [0, 1)
        The share of rows to validate on.
    random_state : RandomState

    Returns
    -------
    training, validation : ndarray of int
        Indices of rows, ascending.
    """
    m = len(y)
    n = round(fraction * m)
    order = random_state.permutation(m)
    order = order[np.argsort(y[order], kind="stable")]
    every = np.floor((np.arange(n) + random_state.uniform()) * (m / max(n, 1)))
    chosen = np.zeros(m, dtype=bool)
    chosen[order[np.minimum(every, m - 1).astype(np.intp)]] = True
    if y.dtype.kind not in "f":
        chosen &= np.isin(y, y[~chosen])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def fold_in_units(network: Any, mean: float, scale: float) -> None:
    """Change the last Θ of a network that was trained on (y − μ)/σ, so that it predicts y.

    With identity output units h = Θa, so μ + σh is the output of σΘ with μ added to the bias.

    Parameters
    ----------
    network : Network
        With identity output units; changed in place.
    mean, scale : float
        μ and σ, in units of y.
    """
    theta = network.thetas[-1]  # (K, s + 1), bias in column 0
    theta *= scale
    theta[:, 0] += mean
