"""The columns of a table in the playground: as they stand in the file, and as inputs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from multilayer.tables.encoder import TableEncoder

__all__ = ["TableColumns", "input_names", "typical_value"]

_CELL = 100  # characters of a cell that are shown


@dataclass(frozen=True, eq=False)
class TableColumns:
    """The columns of a table without its target, and their encoding.

    Attributes
    ----------
    frame : polars.DataFrame
    encoder : TableEncoder
        Fitted on the training rows.
    axes : tuple of str
        The two columns that span the plane.
    typical : dict
        The value at which each column is held while the axes vary.
    """

    frame: pl.DataFrame
    encoder: TableEncoder
    axes: tuple[str, ...]
    typical: dict[str, Any]

    def at(self, points: NDArray[Any]) -> pl.DataFrame:
        """Return rows at points of the plane, (k, 2); all other columns have typical values."""
        varied = {axis: pl.Series(points[:, k]) for k, axis in enumerate(self.axes)}
        return pl.select(pl.lit(0).repeat_by(len(points)).explode().alias("")).select(
            [
                varied[name].alias(name)
                if name in varied
                else pl.lit(self.typical[name], dtype=self.frame[name].dtype).alias(name)
                for name in self.frame.columns
            ]
        )

    def encode(self, points: NDArray[Any]) -> NDArray[Any]:
        """Encode points of the plane, (k, 2), as inputs of the network, (k, n)."""
        return np.asarray(self.encoder.transform(self.at(points)), np.float64)

    def cells(self, row: pl.DataFrame) -> list[float | str | None]:
        """Return what a row holds in the column of each input: a number, a text or a gap."""
        columns = self.encoder.column_names
        return [_cell(row[columns[j]][0]) for j in self.encoder.feature_columns_]


def input_names(encoder: TableEncoder) -> list[str]:
    """Name each feature of an encoder in words, such as "age is missing" or "town = Bern"."""
    columns, numbers = encoder.column_names, encoder.numbers_
    own = [columns[j] for j in numbers.columns]
    names = [*compress(own, numbers.varies)]
    names += [f"{name} is missing" for name in compress(own, numbers.gaps)]
    for category in encoder.categories_:
        name = columns[category.column]
        names += [f"{name} = {level}" for level in category.levels]
        names += [f"{name} is missing"] * category.gaps
        names += [f"{name} = any other"] * category.infrequent
    return names


def typical_value(column: pl.Series) -> Any:
    """Return the value at which a column is held while the axes vary."""
    if column.dtype.is_float():
        return column.fill_nan(None).median() or 0.0
    present = column.drop_nulls()
    if column.dtype.is_numeric():  # not their mean, which an integer may not hold
        return present.sort()[(len(present) - 1) // 2] if len(present) else 0
    most_frequent = present.mode().sort()
    return most_frequent[0] if len(most_frequent) else None


def _cell(value: Any) -> float | str | None:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return str(value)[:_CELL]
