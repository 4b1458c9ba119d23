"""Rows to learn from: made, bundled, drawn by hand, or of a table of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from multilayer.playground.features import features_of
from multilayer.playground.settings import DATA, Settings, changed
from multilayer.playground.synthetic_data import MADE
from multilayer.tables.reading import read_table
from multilayer.tables.target import MOST_CLASSES, StandardisedTarget, detect_task
from multilayer.tabular import TableEncoder

__all__ = ["Data", "data_of", "data_of_arrays", "guess_target", "load_data"]

Floats = NDArray[np.floating[Any]]
MOST_COLUMNS = 1000
_MANY = 10  # different values, with which a column is worth being looked at first


@dataclass(frozen=True, eq=False)
class Data:
    """Rows, cut into those to learn from and those to be judged by.

    Attributes
    ----------
    task : {"classification", "regression"}
    classes : list of str
        Empty for regression.
    inputs : list of str
        What the network gets, a name for each column of X.
    columns : list of str
        Columns of numbers, two of which can be looked at.
    axes : tuple of str
        Those two.
    target : str
    X : ndarray, shape (m, n)
    y : ndarray, shape (m,)
        Labels; or numbers, standardised by the training rows.
    label : ndarray, shape (m,)
        Place of the class among `classes`; or the number, as y.
    xy : ndarray, shape (m, 2)
        The two columns looked at.
    training : ndarray of bool, shape (m,)
    encode : callable
        From points of the plane, (k, 2), to what the network gets, (k, n).
    encoder : TableEncoder or None
        What makes X of a raw table.
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
    encoder: TableEncoder | None = None

    @property
    def span(self) -> tuple[float, float, float, float]:
        """Least and largest x₁ and x₂ of the plane to be drawn."""
        low, high = self.xy.min(axis=0), self.xy.max(axis=0)
        room = 0.08 * np.where(high > low, high - low, 1.0)
        low, high = low - room, high + room
        return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def load_data(
    data: str = "moons",
    *,
    file: Any = None,
    points: Any = None,
    **settings: Any,
) -> tuple[Floats, Floats, NDArray[Any], NDArray[Any]]:
    """Give the rows that the playground trains on: what it copies as Python begins with this.

    Parameters
    ----------
    data : str, default="moons"
        As in the playground; "table" with `file`, "points" with `points`.
    file : path-like, optional
        The table.
    points : list of (x₁, x₂, class), optional
    **settings
        rows, noise, training_share, data_seed, features, target.

    Returns
    -------
    X_train, X_test, y_train, y_test

    Raises
    ------
    ValueError
        If there is no such setting, or nothing can be learned from the rows.

    Examples
    --------
    >>> from multilayer.playground import load_data
    >>> X_train, X_test, y_train, y_test = load_data("spiral", rows=200, training_share=0.75)
    >>> X_train.shape
    (150, 2)
    """
    given = {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items()}
    chosen = changed(Settings(), {"data": data} | given)
    made = data_of(chosen, None if file is None else read_table(file), points)
    t = made.training
    return made.X[t], made.X[~t], made.y[t], made.y[~t]


def data_of(settings: Settings, table: pl.DataFrame | None = None, points: Any = None) -> Data:
    """Make, or cut out, what the settings say.

    Parameters
    ----------
    settings : Settings
    table : polars.DataFrame, optional
        For "table".
    points : list of (x₁, x₂, class), optional
        For "points".

    Raises
    ------
    ValueError
        If nothing can be learned from the rows.
    """
    if settings.data in MADE:
        rng = np.random.RandomState(settings.data_seed)
        X, y = MADE[settings.data](settings.rows, settings.noise, rng)
        return _of_plane(settings, X, y)
    if settings.data == "points":
        return _of_plane(settings, *_drawn(points))
    if settings.data in DATA["bundled"]:
        return _of_table(settings, read_table(settings.data), "target")
    if table is None:
        raise ValueError("there is no table yet: open a file first")
    return _of_table(settings, table, settings.target)


def _of_plane(settings: Settings, xy: Floats, y: NDArray[Any]) -> Data:
    task, classes, label = _labels(y)
    training = _training(settings, label, len(classes))
    return Data(
        task, classes, list(settings.features), ["x1", "x2"], ("x1", "x2"), "y",
        features_of(xy, settings.features), y if classes else label, label, xy, training,
        lambda points: features_of(points, settings.features),
    )  # fmt: skip


def _drawn(points: Any) -> tuple[Floats, NDArray[Any]]:
    """Check rows that were drawn or pasted."""
    if not isinstance(points, list | tuple) or len(points) < 2:
        raise ValueError("there must be two points at least: draw or paste some")
    try:
        array = np.array(points, np.float64)
    except (TypeError, ValueError):
        array = np.empty((0,))
    if array.ndim != 2 or array.shape[1] != 3 or not np.isfinite(array).all():
        raise ValueError("a point must be three numbers: x1, x2 and its class")
    if np.abs(array).max() > 1e6:
        raise ValueError(f"a point must lie within 1e6 of 0, got {np.abs(array).max():g}")
    y = array[:, 2]
    whole = (y == np.round(y)).all() and len(np.unique(y)) <= MOST_CLASSES
    return array[:, :2], y.astype(np.int64) if whole else y


def _of_table(settings: Settings, table: pl.DataFrame, target: str | None) -> Data:
    target = guess_target(table) if target is None else target
    if target not in table.columns:
        raise ValueError(f"the table has no column {target!r:.80}")
    if table.width > MOST_COLUMNS:
        raise ValueError(f"a table may have {MOST_COLUMNS} columns here, this has {table.width}")
    table = table.filter(table[target].is_not_null())
    if table[target].dtype.is_float():
        table = table.filter(table[target].is_finite())
    if len(table) < 2:
        raise ValueError(f"there must be two rows with a {target} at least, got {len(table)}")
    y = table[target].to_numpy()
    y = y.astype(str) if y.dtype.kind not in "iufb" else y
    if detect_task(y) == "classification" and y.dtype.kind == "f":
        y = y.astype(np.int64)
    task, classes, label = _labels(y)
    training = _training(settings, label, len(classes))
    if not classes:
        label = y = StandardisedTarget.of(label[training]).forward(label)
    frame = table.drop(target)
    encoder = TableEncoder(dtype="float64").fit(frame.filter(training))
    columns = [
        name
        for name in frame.columns
        if frame[name].dtype.is_numeric() and frame[name].drop_nulls().n_unique() > 1
    ]
    if len(columns) < 2:
        raise ValueError(
            f"two columns of numbers are needed to look at, the table has {len(columns)} besides "
            f"{target}"
        )
    axes = settings.axes or ()
    if not axes or not set(axes) <= set(columns):
        many = [name for name in columns if frame[name].n_unique() > _MANY]
        axes = tuple(many[:2] if len(many) >= 2 else columns[:2])
    usual = {name: _usual(frame[name].filter(training)) for name in frame.columns}

    def encode(points: Floats) -> Floats:
        looked_at = {axis: pl.Series(points[:, k]) for k, axis in enumerate(axes)}
        rows = pl.select(pl.lit(0).repeat_by(len(points)).explode().alias("")).select(
            [
                looked_at[name].alias(name)
                if name in looked_at
                else pl.lit(usual[name], dtype=frame[name].dtype).alias(name)
                for name in frame.columns
            ]
        )
        return np.asarray(encoder.transform(rows), np.float64)

    xy = frame.select(
        pl.col(axis).cast(pl.Float64).fill_null(usual[axis]).fill_nan(usual[axis]) for axis in axes
    ).to_numpy()
    names = [str(name) for name in encoder.get_feature_names_out()]
    X = np.asarray(encoder.transform(frame), np.float64)
    return Data(
        task, classes, names, columns, axes, target, X, y, label, xy, training, encode, encoder
    )  # fmt: skip


def data_of_arrays(settings: Settings, X: Any, y: Any) -> Data:
    """Take rows as they are, for a network that was trained on such.

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
            f"X must be rows of two columns at least and y a value for each, got shapes "
            f"{rows.shape} and {y.shape}"
        )
    names = names or [f"x{j}" for j in range(1, rows.shape[1] + 1)]
    task, classes, label = _labels(y)
    axes = settings.axes if settings.axes and set(settings.axes) <= set(names) else tuple(names[:2])
    places = [names.index(axis) for axis in axes]
    training = _training(settings, label, len(classes))
    usual = np.median(rows[training], axis=0)

    def encode(points: Floats) -> Floats:
        encoded = np.tile(usual, (len(points), 1))
        encoded[:, places] = points
        return encoded

    return Data(
        task, classes, names, names, axes, "y", rows, y, label, rows[:, places], training, encode
    )


def guess_target(table: pl.DataFrame) -> str:
    """Give the column that is most likely to be predicted: "target" or the like, or the last."""
    called = {name.lower(): name for name in table.columns}
    usual = [
        called[name] for name in ("target", "label", "y", "survived", "class") if name in called
    ]
    return usual[0] if usual else table.columns[-1]


def _usual(column: pl.Series) -> Any:
    """Give the value to hold a column at while others are looked at."""
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).fill_nan(None).median() or 0.0
    often = column.drop_nulls().mode().sort()
    return often[0] if len(often) else None


def _labels(y: NDArray[Any]) -> tuple[str, list[str], NDArray[Any]]:
    """Tell the task, the names of the classes, and the label or number of each row."""
    if y.dtype.kind == "f" or detect_task(y) == "regression":
        return "regression", [], y.astype(np.float64)
    classes, label = np.unique(y, return_inverse=True)
    if len(classes) > MOST_CLASSES:
        raise ValueError(
            f"a target may have {MOST_CLASSES} classes here, so that colours can tell them apart; "
            f"this has {len(classes)}"
        )
    if len(classes) < 2:
        raise ValueError(f"there must be two classes at least, but all rows are {classes[0]}")
    return "classification", [str(one) for one in classes], label


def _training(settings: Settings, label: NDArray[Any], n_classes: int) -> NDArray[np.bool_]:
    """Draw the rows to learn from: of each class one at least, and one is left to judge by."""
    m = len(label)
    order = np.random.RandomState(settings.data_seed).permutation(m)
    if n_classes:
        firsts = np.unique(label[order], return_index=True)[1]
        order = np.concatenate([order[firsts], np.delete(order, firsts)])
    n = int(np.clip(round(settings.training_share * m), max(1, n_classes), m - 1))
    training = np.zeros(m, bool)
    training[order[:n]] = True
    return training
