"""One column of a table, as the search for alerts sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer.tables.frame import Frame
from multilayer.tables.numbers import NUMERIC

__all__ = ["ExaminedColumn"]


@dataclass(frozen=True)
class ExaminedColumn:
    """A column as codes: equal values have equal codes.

    Attributes
    ----------
    name : str
    kind : str
        As by `Frame.kind`, without "other".
    codes : ndarray of int, shape (m,)
        −1 for gaps.
    n_distinct : int
        The number of different values.
    values : ndarray of float64, shape (m,), or None
        Of numbers, booleans and dates: the values, NaN for gaps.
    """

    name: str
    kind: str
    codes: NDArray[np.intp]
    n_distinct: int
    values: NDArray[Any] | None = None

    @classmethod
    def of_frame(cls, frame: Frame) -> Iterator[Self]:
        """Yield the columns of a frame, without those that cannot be encoded."""
        kinds = [frame.kind(j) for j in range(len(frame.names))]
        numeric = [j for j, kind in enumerate(kinds) if kind in NUMERIC]
        numbers = frame.numbers(numeric, [kinds[j] for j in numeric]) if numeric else np.empty(0)
        for j, (name, kind) in enumerate(zip(frame.names, kinds, strict=True)):
            if kind in NUMERIC:
                values = numbers[:, numeric.index(j)]
                present = ~np.isnan(values)
                codes = np.full(len(values), -1, dtype=np.intp)
                found, codes[present] = np.unique(values[present], return_inverse=True)
                yield cls(name, kind, codes, len(found), values)
            elif kind == "category":
                known: dict[str | None, int] = {None: -1}
                texts = [known.setdefault(text, len(known) - 1) for text in frame.texts(j)]
                yield cls(name, kind, np.array(texts, dtype=np.intp), len(known) - 1)
            elif kind == "empty":
                yield cls(name, kind, np.full(len(frame), -1, dtype=np.intp), 0)

    @cached_property
    def gap_share(self) -> float:
        """The share of rows without a value."""
        return float(np.mean(self.codes < 0))

    @cached_property
    def top_share(self) -> float:
        """The share of rows that hold the most frequent value; gaps are not one."""
        counts = np.bincount(self.codes[self.codes >= 0], minlength=1)
        return float(counts.max() / len(self.codes))

    @cached_property
    def is_sorted(self) -> bool:
        """Whether the values ascend, or descend, from the first row to the last."""
        if self.values is None or np.isnan(self.values).any():
            return False
        steps = np.diff(self.values)
        return bool((steps >= 0).all() or (steps <= 0).all())
