"""Data of the playground: synthetic, bundled, drawn by hand, or from a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from multilayer.playground.features import features_of
from multilayer.playground.limits import MAX_CELLS, MAX_COLUMNS, MAX_INPUTS
from multilayer.playground.settings import DATA, Settings, changed
from multilayer.playground.synthetic_data import SYNTHETIC
from multilayer.reading.reader import read_table
from multilayer.tables.encoder import TableEncoder
from multilayer.tables.target import MOST_CLASSES, StandardisedTarget, detect_task

__all__ = ["Data", "data_of", "data_of_arrays", "guess_target", "load_data"]

Floats = NDArray[np.floating[Any]]
_LARGEST = float(np.finfo(np.float32).max)
_NAME = 100  # characters of an input or class that are shown
_MANY = 10  # a column with more distinct values is preferred as an axis


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
        Labels; or numbers, standardized by the training rows.
    label : ndarray, shape (m,)
        Index of the class in `classes`; or the number, as in y.
    xy : ndarray, shape (m, 2)
        The values of the two axes.
    training : ndarray of bool, shape (m,)
    encode : callable
        Maps points of the plane, (k, 2), to inputs of the network, (k, n).
    encoder : TableEncoder or None
        Encodes a raw table as X.
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
        return _of_table(settings, read_table(settings.data).frame, "target")
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


def _of_table(settings: Settings, table: pl.DataFrame, target: str | None) -> Data:
    target = guess_target(table) if target is None else target
    if target not in table.columns:
        raise ValueError(f"the table has no column {target!r:.80}")
    if table.width > MAX_COLUMNS:
        raise ValueError(f"a table may have {MAX_COLUMNS} columns here, but has {table.width}")
    table = table.filter(table[target].is_not_null())
    if table[target].dtype.is_float():
        table = table.filter(table[target].is_finite())
    if len(table) < 2:
        raise ValueError(f"there must be at least two rows with a {target}, got {len(table)}")
    y = _target_column(table[target])
    task, classes, label = _labels(y)
    training = _training(settings, label, len(classes))
    if not classes:
        label = y = StandardisedTarget.of(label[training]).forward(label)
    frame = table.drop(target)
    encoder = TableEncoder(dtype="float64").fit(frame.filter(training))
    names = [str(name)[:_NAME] for name in encoder.get_feature_names_out()]
    if len(names) > MAX_INPUTS or len(names) * len(frame) > MAX_CELLS:
        raise ValueError(
            f"a network may have {min(MAX_INPUTS, MAX_CELLS // len(frame))} inputs for "
            f"{len(frame)} rows here, but the columns become {len(names)}"
        )
    columns = [
        name
        for name in frame.columns
        if frame[name].dtype.is_numeric() and frame[name].drop_nulls().n_unique() > 1
    ]
    if len(columns) < 2:
        raise ValueError(
            f"the table needs two columns of numbers besides {target} as axes, but has "
            f"{len(columns)}"
        )
    axes = settings.axes or ()
    if not axes or not set(axes) <= set(columns):
        many = [name for name in columns if frame[name].n_unique() > _MANY]
        axes = tuple(many[:2] if len(many) >= 2 else columns[:2])
    typical = {name: _typical_value(frame[name].filter(training)) for name in frame.columns}

    def encode(points: Floats) -> Floats:
        varied = {axis: pl.Series(points[:, k]) for k, axis in enumerate(axes)}
        rows = pl.select(pl.lit(0).repeat_by(len(points)).explode().alias("")).select(
            [
                varied[name].alias(name)
                if name in varied
                else pl.lit(typical[name], dtype=frame[name].dtype).alias(name)
                for name in frame.columns
            ]
        )
        return np.asarray(encoder.transform(rows), np.float64)

    xy = frame.select(
        pl.col(axis).cast(pl.Float64).fill_null(typical[axis]).fill_nan(typical[axis])
        for axis in axes
    ).to_numpy()
    X = np.asarray(encoder.transform(frame), np.float64)
    return Data(
        task, classes, names, columns, axes, target, X, y, label, xy, training, encode, encoder
    )  # fmt: skip


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
    task, classes, label = _labels(y)
    axes = settings.axes if settings.axes and set(settings.axes) <= set(names) else tuple(names[:2])
    columns = [names.index(axis) for axis in axes]
    training = _training(settings, label, len(classes))
    typical = np.median(rows[training], axis=0)

    def encode(points: Floats) -> Floats:
        encoded = np.tile(typical, (len(points), 1))
        encoded[:, columns] = points
        return encoded

    return Data(
        task, classes, names, names, axes, "y", rows, y, label, rows[:, columns], training, encode
    )


def guess_target(table: pl.DataFrame) -> str:
    """Return the column that is most likely the target: one with a usual name, or the last."""
    names = {name.lower(): name for name in table.columns}
    usual = [name for name in ("target", "label", "y", "survived", "class") if name in names]
    return names[usual[0]] if usual else table.columns[-1]


def _target_column(column: pl.Series) -> NDArray[Any]:
    """Return the target as numbers, booleans or texts; classes that are numbers as integers."""
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        _check_classes(column.n_unique())
        values = column.unique().to_frame("value").with_row_index("code")
        texts = values["value"].to_numpy().astype(str)
        # NumPy gives each row the room of the longest text.
        longest = texts.dtype.itemsize // 4
        if longest * len(column) > MAX_CELLS:
            raise ValueError(
                f"the classes of {column.name} may have {MAX_CELLS // len(column)} characters for "
                f"{len(column)} rows here, but one has {longest}"
            )
        rows = column.to_frame("value").join(values, on="value", maintain_order="left")
        return np.asarray(texts[rows["code"].to_numpy()])
    y = column.to_numpy()
    if y.dtype.kind == "f" and detect_task(y) == "classification":
        return y.astype(np.int64) if np.abs(y).max() < 2**63 else y.astype(str)
    return y


def _typical_value(column: pl.Series) -> Any:
    """Return the value at which a column is held while the axes vary."""
    if column.dtype.is_float():
        return column.fill_nan(None).median() or 0.0
    present = column.drop_nulls()
    if column.dtype.is_numeric():  # not their mean, which an integer may not hold
        return present.sort()[(len(present) - 1) // 2] if len(present) else 0
    most_frequent = present.mode().sort()
    return most_frequent[0] if len(most_frequent) else None


def _labels(y: NDArray[Any]) -> tuple[str, list[str], NDArray[Any]]:
    """Return the task, the names of the classes, and the label or number of each row."""
    if y.dtype.kind == "f" or detect_task(y) == "regression":
        if len(y) and np.abs(y.astype(np.float64)).max() > _LARGEST:
            raise ValueError(f"a target must hold numbers of at most ±{_LARGEST:.2g}")
        return "regression", [], y.astype(np.float64)
    classes, label = np.unique(y, return_inverse=True)
    _check_classes(len(classes))
    if len(classes) < 2:
        raise ValueError(f"there must be at least two classes, but all rows are {classes[0]}")
    return "classification", [str(name)[:_NAME] for name in classes], label


def _check_classes(count: int) -> None:
    if count > MOST_CLASSES:
        raise ValueError(
            f"a target may have {MOST_CLASSES} classes here, so that colours can tell them apart, "
            f"but has {count}"
        )


def _training(settings: Settings, label: NDArray[Any], n_classes: int) -> NDArray[np.bool_]:
    """Draw the training rows: at least one of each class, and at least one test row remains."""
    m = len(label)
    order = np.random.RandomState(settings.data_seed).permutation(m)
    if n_classes:
        firsts = np.unique(label[order], return_index=True)[1]
        order = np.concatenate([order[firsts], np.delete(order, firsts)])
    n = int(np.clip(round(settings.training_share * m), max(1, n_classes), m - 1))
    training = np.zeros(m, bool)
    training[order[:n]] = True
    return training
