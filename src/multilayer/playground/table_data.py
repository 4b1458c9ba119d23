"""Data of the playground from a table: its target, its inputs, its axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from multilayer.playground.limits import MAX_CELLS, MAX_COLUMNS, MAX_INPUTS
from multilayer.playground.rows import Data, check_classes, draw_training, labels_of, shortened
from multilayer.playground.settings import Settings
from multilayer.playground.table_columns import TableColumns, input_names, typical_value
from multilayer.tables.encoder import TableEncoder
from multilayer.tables.target import StandardisedTarget, detect_task

__all__ = ["data_of_table", "guess_target"]

_MANY = 10  # a column with more distinct values is preferred as an axis


def data_of_table(settings: Settings, table: pl.DataFrame, target: str | None) -> Data:
    """Encode a table, and standardise a target of numbers.

    Raises
    ------
    ValueError
        If there is no such target, or the table cannot be used with it.
    """
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
    task, classes, label = labels_of(y)
    training = draw_training(settings.training_share, settings.data_seed, label, len(classes))
    unit = None
    if not classes:
        unit = StandardisedTarget.of(label[training])
        y = unit.forward(label)
    frame = table.drop(target)
    encoder = TableEncoder(dtype="float64").fit(frame.filter(training))
    names = [shortened(name) for name in input_names(encoder)]
    if len(names) > MAX_INPUTS or len(names) * len(frame) > MAX_CELLS:
        raise ValueError(
            f"a network may have {min(MAX_INPUTS, MAX_CELLS // len(frame))} inputs for "
            f"{len(frame)} rows here, but the columns become {len(names)}"
        )
    numbers = _columns_of_numbers(frame)
    if len(numbers) < 2:
        raise ValueError(
            f"the table needs two columns of numbers besides {target} as axes, but has "
            f"{len(numbers)}"
        )
    axes = settings.axes or ()
    if not axes or not set(axes) <= set(numbers):
        many = [name for name in numbers if frame[name].n_unique() > _MANY]
        axes = tuple(many[:2] if len(many) >= 2 else numbers[:2])
    typical = {name: typical_value(frame[name].filter(training)) for name in frame.columns}
    columns = TableColumns(frame, encoder, axes, typical)
    xy = frame.select(
        pl.col(axis).cast(pl.Float64).fill_null(typical[axis]).fill_nan(typical[axis])
        for axis in axes
    ).to_numpy()
    X = np.asarray(encoder.transform(frame), np.float64)
    return Data(
        task, classes, names, numbers, axes, target, X, y, label, xy, training, columns.encode,
        columns, unit,
    )  # fmt: skip


def guess_target(table: pl.DataFrame) -> str:
    """Return the column that is most likely the target: one with a usual name, or the last."""
    names = {name.lower(): name for name in table.columns}
    usual = [name for name in ("target", "label", "y", "survived", "class") if name in names]
    return names[usual[0]] if usual else table.columns[-1]


def _columns_of_numbers(frame: pl.DataFrame) -> list[str]:
    return [
        name
        for name in frame.columns
        if frame[name].dtype.is_numeric() and frame[name].drop_nulls().n_unique() > 1
    ]


def _target_column(column: pl.Series) -> NDArray[Any]:
    """Return the target as numbers, booleans or texts; classes that are numbers as integers."""
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        check_classes(column.n_unique())
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
