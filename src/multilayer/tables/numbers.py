"""Columns of numbers, booleans, dates: statistics learned in fit, features made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer.tables.statistics import BLOCK, clip, knots_for, mark, statistics_of

__all__ = ["BLOCK", "Dropped", "Numbers"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Dropped:
    """A column that says nothing, and why."""

    column: int
    reason: str


@dataclass(frozen=True)
class Numbers:
    """All columns of numbers, booleans, dates: gaps filled, scaled, gaps indicated.

    A gap counts as the median x̃ of its column; then z = (x − μ) / σ, with mean μ and standard
    deviation σ of the filled column. Where fit met gaps, a further feature is 1 at gaps, else 0.

    Robust scaling takes the median for μ and the interquartile range for σ, or half the range
    where the quartiles coincide, and then z / √(1 + (z/3)²), which lies within ±3 (Holzmüller,
    Grinsztajn, Steinwart 2024, arXiv 2407.04491). Columns of two values become −1 and +1 there,
    their gaps 0.

    Attributes
    ----------
    columns : tuple of int, n of them
        Positions in the table, in the order of their features.
    kinds : tuple of str
        "number", "boolean" or "date".
    robust : bool
        Which of the two scalings.
    median, mean, scale : ndarray, shape (n,)
        x̃, μ, σ.
    varies, gaps : ndarray of bool, shape (n,)
        Which columns give a scaled feature, and which an indicator of gaps.
    continuous : ndarray of bool, shape (n,)
        Which columns have more than two values.
    flat : ndarray of bool, shape (n,)
        Whose quartiles coincide.
    knots, scores : ndarray, shape (n, q)
        Numbers, ascending, and the z that each becomes; q is 0 where that is not the scaling.
    """

    columns: tuple[int, ...]
    kinds: tuple[str, ...]
    robust: bool
    median: Array
    mean: Array
    scale: Array
    varies: Array
    gaps: Array
    continuous: Array
    flat: Array
    knots: Array
    scores: Array

    @classmethod
    def fit(
        cls,
        names: Sequence[str],
        columns: Sequence[int],
        kinds: Sequence[str],
        read: Callable[[Sequence[int]], Array],
        *,
        rows: int,
        robust: bool = False,
        quantile: float = 0.0,
        tidy: bool = False,
    ) -> tuple[Self, list[Dropped]]:
        """Learn the statistics.

        Parameters
        ----------
        names : sequence of str
            Of all columns of the table.
        columns, kinds : sequences, n of them
        read : callable
            Gives columns as numbers (rows, n), gaps NaN, which are overwritten.
        rows : int
        robust : bool
            Which of the scalings.
        quantile : float
            The share that quantile scaling has in a robust one.
        tidy : bool
            Whether to drop a column that is the same as an earlier one, and to put columns of
            two values behind the others.
        """
        size = max(1, BLOCK // rows)
        n_knots = knots_for(len(columns), rows) if quantile else 0
        learned, marks = [], []
        for start in range(0, max(1, len(columns)), size):
            values = read(columns[start : start + size])
            if tidy:
                marks += [mark(column) for column in values.T]
            learned.append(statistics_of(values, robust, n_knots, quantile))
        statistics = [np.concatenate(parts) for parts in zip(*learned, strict=True)]
        return cls.choose(names, columns, kinds, statistics, marks, robust=robust, tidy=tidy)

    @classmethod
    def choose(
        cls,
        names: Sequence[str],
        columns: Sequence[int],
        kinds: Sequence[str],
        learned: Sequence[Array],
        marks: Sequence[bytes],
        *,
        robust: bool,
        tidy: bool,
    ) -> tuple[Self, list[Dropped]]:
        """Take the columns that say something, by their statistics.

        Parameters
        ----------
        names, columns, kinds, robust, tidy
            As for `fit`.
        learned : sequence of ndarray
            As `statistics_of` gives them.
        marks : sequence of bytes
            Equal ones for equal columns; none unless tidy.
        """
        empty, *statistics = learned
        _, _, _, varies, gaps, continuous, *_ = statistics
        reasons = [
            "" if differs or (some and not none) else "all gaps" if none else "constant"
            for differs, some, none in zip(varies, gaps, empty, strict=True)
        ]
        met: dict[tuple[str, bytes], int] = {}
        for k, own in enumerate(marks):
            first = met.setdefault((kinds[k], own), columns[k]) if not reasons[k] else columns[k]
            if first != columns[k]:
                reasons[k] = f"same as {names[first]!r}"
        kept = [k for k, reason in enumerate(reasons) if not reason]
        if tidy:
            kept.sort(key=lambda k: not continuous[k])
        self = cls(
            tuple(columns[k] for k in kept),
            tuple(kinds[k] for k in kept),
            robust,
            *(values[kept] for values in statistics),
        )
        return self, [Dropped(columns[k], why) for k, why in enumerate(reasons) if why]

    @property
    def n_features(self) -> int:
        """How many features the columns give."""
        return int(np.count_nonzero(self.varies) + np.count_nonzero(self.gaps))

    @property
    def n_continuous(self) -> int:
        """How many of the first features are of columns with more than two values."""
        genuine = self.continuous[self.varies]
        return len(genuine) if genuine.all() else int(genuine.argmin())

    def features(self, names: Sequence[str]) -> list[str]:
        """Name the features, in their order."""
        own = [names[j] for j in self.columns]
        gaps = [f"missingindicator_{name}" for name in compress(own, self.gaps)]
        return [*compress(own, self.varies), *gaps]

    def encode(self, values: Array, out: Array) -> None:
        """Write the features of values (m, n), which are overwritten, to out (m, n_features)."""
        missing = np.isnan(values)
        np.copyto(values, self.median, where=missing)
        quantile = self.knots.shape[1] > 0
        for k in np.flatnonzero(self.continuous) if quantile else ():
            values[:, k] = np.interp(values[:, k], self.knots[k], self.scores[k])
        if quantile:
            two = ~self.continuous
            values[:, two] = np.clip((values[:, two] - self.mean[two]) / self.scale[two], -1, 1)
        elif self.robust:
            values -= self.mean
            with np.errstate(over="ignore"):
                values /= self.scale
            many = np.count_nonzero(self.continuous)  # these are the first ones
            clip(values[:, :many], values[:, many:])
        else:
            values -= self.mean
            values /= self.scale
        n = np.count_nonzero(self.varies)
        out[:, :n] = values[:, self.varies]
        out[:, n:] = missing[:, self.gaps]

    def describe(self, k: int) -> tuple[str, int]:
        """Say what is done to the k-th of the columns, and how many features it gives."""
        parts = []
        mean, scale = self.mean[k], self.scale[k]
        unit = " in seconds" * (self.kinds[k] == "date")
        two = self.robust and not self.continuous[k]
        if self.varies[k] and two:
            parts.append(f"−1 for {mean - scale:.4g}, +1 for {mean + scale:.4g}{unit}")
        elif self.varies[k] and self.knots.shape[1]:
            parts.append(f"by its quantiles{unit}: median {mean:.4g}, iqr {scale:.4g}")
        elif self.varies[k] and self.robust:
            spread = f"iqr 0, half the range {scale:.4g}" if self.flat[k] else f"iqr {scale:.4g}"
            parts.append(f"robust{unit}: median {mean:.4g}, {spread}")
        elif self.varies[k]:
            parts.append(f"standardised{unit}: mean {mean:.4g}, sd {scale:.4g}")
        if self.gaps[k]:
            to = "0" if self.varies[k] and two else f"median {self.median[k]:.4g}"
            parts.append(f"gaps to {to}, indicated")
        return "; ".join(parts), len(parts)
