"""LearnedColumns: the columns of a fitted encoder, and their description."""

from __future__ import annotations

from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from multilayer.tables.categories import Category
from multilayer.tables.numbers import Dropped, Numbers

__all__ = ["LearnedColumns"]


class LearnedColumns:
    """The columns of a fitted encoder: those encoded, and those left out."""

    n_features_in_: int
    numbers_: Numbers
    categories_: list[Category]
    _dropped: list[Dropped]

    @property
    def column_names(self) -> list[str]:
        """The names of the columns; "x0", "x1" … if they had none in fit."""
        if hasattr(self, "feature_names_in_"):
            return [str(name) for name in self.feature_names_in_]
        return [f"x{j}" for j in range(self.n_features_in_)]

    @property
    def dropped_(self) -> dict[str, str]:
        """The columns left out, with the reason."""
        return {self.column_names[d.column]: d.reason for d in self._dropped}

    @property
    def n_numbers_(self) -> int:
        """Number of the first features that are of numbers or dates with more than two values."""
        return self.numbers_.n_continuous

    @property
    def n_codes_(self) -> tuple[int, ...]:
        """The number of codes of each of the last features that are codes."""
        return tuple(c.n_codes for c in self.categories_ if c.form == "codes")

    @property
    def n_features_out(self) -> int:
        """Number of features of the encoded rows."""
        return self.numbers_.n_features + sum(c.n_features for c in self.categories_)

    @property
    def feature_columns_(self) -> NDArray[np.intp]:
        """The position of the column of each feature, (n_features_out,)."""
        numbers = self.numbers_
        columns = [
            *compress(numbers.columns, numbers.varies),
            *compress(numbers.columns, numbers.gaps),
            *(c.column for c in self.categories_ for _ in range(c.n_features)),
        ]
        return np.array(columns, np.intp)

    def summary(self) -> list[dict[str, Any]]:
        """Describe the encoding of each column, in their order.

        Returns
        -------
        list of dict
            With "column", "kind", "treatment" and "features" (their number):
            ``polars.DataFrame(encoder.summary())`` shows it as a table.
        """
        check_is_fitted(self, "numbers_")
        rows: dict[int, tuple[str, str, int]] = {}
        for k, j in enumerate(self.numbers_.columns):
            rows[j] = (self.numbers_.kinds[k], *self.numbers_.describe(k))
        for column in self.categories_:
            rows[column.column] = ("category", column.describe(), column.n_features)
        for gone in self._dropped:
            rows[gone.column] = ("left out", gone.reason, 0)
        keys = ("kind", "treatment", "features")
        return [
            {"column": name, **dict(zip(keys, rows[j], strict=True))}
            for j, name in enumerate(self.column_names)
        ]

    @property
    def encoded_columns(self) -> list[int]:
        """The positions of the columns that are not left out."""
        return [*self.numbers_.columns, *(c.column for c in self.categories_)]
