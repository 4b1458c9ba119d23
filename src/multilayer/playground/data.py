"""Data of the playground: synthetic, bundled, drawn by hand, or from a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from multilayer.playground.features import features_of
from multilayer.playground.rows import Data, Floats, draw_training, labels_of
from multilayer.playground.settings import DATA, Settings, changed
from multilayer.playground.synthetic_data import SYNTHETIC
from multilayer.playground.table_data import data_of_table
from multilayer.reading.reader import read_table
from multilayer.tables.target import MOST_CLASSES

__all__ = ["data_of", "data_of_arrays", "load_data"]


def load_data(
    data: str = "moons",
    *,
    file: Any = None,
    points: Any = None,
    **settings: Any,
) -> tuple[Floats, Floats, NDArray[Any], NDArray[Any]]:
    """Load the rows that the playground trains on; the Python code that it copies starts with this.

    Parameters
    ----------
    data : str, default="moons"
        The name of the data in the playground; "table" needs `file`, "points" needs `points`.
    file : path-like, optional
        The table.
    points : list of (x₁, x₂, class), optional
    **settings
        Further settings: rows, noise, training_share, data_seed, features, target.

    Returns
    -------
    X_train, X_test, y_train, y_test
        Columns of a table are encoded, and its target is standardized if it is a number.

    Raises
    ------
    ValueError
        If a setting is unknown, or the rows cannot be used for training.

    Examples
    --------
    >>> from multilayer.playground import load_data
    >>> X_train, X_test, y_train, y_test = load_data("spiral", rows=200, training_share=0.75)
    >>> X_train.shape
    (150, 2)
    """
    given = {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items()}
    chosen = changed(Settings(), {"data": data} | given)
    loaded = data_of(chosen, None if file is None else read_table(file).frame, points)
    t = loaded.training
    return loaded.X[t], loaded.X[~t], loaded.y[t], loaded.y[~t]


def data_of(settings: Settings, table: pl.DataFrame | None = None, points: Any = None) -> Data:
    """Generate or read the data that the settings describe.

    Parameters
    ----------
    settings : Settings
    table : polars.DataFrame, optional
        Needed for "table".
    points : list of (x₁, x₂, class), optional
        Needed for "points".

    Raises
    ------
    ValueError
        If the rows cannot be used for training.
    """
    if settings.data in SYNTHETIC:
        rng = np.random.RandomState(settings.data_seed)
        X, y = SYNTHETIC[settings.data](settings.rows, settings.noise, rng)
        return _of_plane(settings, X, y)
    if settings.data == "points":
        return _of_plane(settings, *_drawn(points))
    if settings.data in DATA["bundled"]:
        return data_of_table(settings, read_table(settings.data).frame, "target")
    if table is None:
        raise ValueError("there is no table yet: open a file first")
    return data_of_table(settings, table, settings.target)


def _of_plane(settings: Settings, xy: Floats, y: NDArray[Any]) -> Data:
    task, classes, label = labels_of(y)
    training = _training(settings, label, classes)
    return Data(
        task, classes, list(settings.features), ["x1", "x2"], ("x1", "x2"), "y",
        features_of(xy, settings.features), y if classes else label, label, xy, training,
        lambda points: features_of(points, settings.features),
    )  # fmt: skip


def _drawn(points: Any) -> tuple[Floats, NDArray[Any]]:
    """Check and convert rows that were drawn or pasted."""
    if not isinstance(points, list | tuple) or len(points) < 2:
        raise ValueError("there must be at least two points: draw or paste some")
    try:
        array = np.array(points, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty((0,))
    if array.ndim != 2 or array.shape[1] != 3 or not np.isfinite(array).all():
        raise ValueError("a point must be three numbers: x1, x2 and its class")
    if np.abs(array).max() > 1e6:
        raise ValueError(f"a point must lie within 1e6 of 0, got {np.abs(array).max():g}")
    y = array[:, 2]
    whole = (y == np.round(y)).all() and len(np.unique(y)) <= MOST_CLASSES
    return array[:, :2], y.astype(np.int64) if whole else y


def data_of_arrays(settings: Settings, X: Any, y: Any) -> Data:
    """Use rows as they are, for a network that was trained on such rows.

    Parameters
    ----------
    settings : Settings
    X : array-like, shape (m, n), n at least 2
    y : array-like, shape (m,)

    Raises
    ------
    ValueError
        If there are fewer than two columns or rows.
    """
    names = [str(name) for name in getattr(X, "columns", ())]
    rows, y = np.asarray(X, np.float64), np.asarray(y)
    if rows.ndim != 2 or rows.shape[1] < 2 or len(rows) < 2 or y.shape != (len(rows),):
        raise ValueError(
            f"X must have at least two columns, and y one value for each row, but the shapes are "
            f"{rows.shape} and {y.shape}"
        )
    names = names or [f"x{j}" for j in range(1, rows.shape[1] + 1)]
    task, classes, label = labels_of(y)
    axes = settings.axes if settings.axes and set(settings.axes) <= set(names) else tuple(names[:2])
    columns = [names.index(axis) for axis in axes]
    training = _training(settings, label, classes)
    typical = np.median(rows[training], axis=0)

    def encode(points: Floats) -> Floats:
        encoded = np.tile(typical, (len(points), 1))
        encoded[:, columns] = points
        return encoded

    return Data(
        task, classes, names, names, axes, "y", rows, y, label, rows[:, columns], training, encode
    )


def _training(settings: Settings, label: NDArray[Any], classes: list[str]) -> NDArray[np.bool_]:
    return draw_training(settings.training_share, settings.data_seed, label, len(classes))
