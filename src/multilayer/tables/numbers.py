"""Columns of numbers, booleans and dates: what fit learns about them, and their encoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer import fields
from multilayer.tables.statistics import (
    BLOCK,
    clip_smoothly,
    fingerprint,
    knots_for,
    statistics_of,
)
from multilayer.tables.values import duration_of, moment_of

__all__ = ["NUMERIC", "Dropped", "Numbers"]

Array = NDArray[Any]

NUMERIC = ("number", "boolean", "date")
# The arrays of `Numbers`, and their dtypes.
_STATISTICS: dict[str, type] = {"median": float, "mean": float, "scale": float, "varies": bool}
_STATISTICS |= {"gaps": bool, "continuous": bool, "flat": bool, "knots": float, "scores": float}


@dataclass(frozen=True)
class Dropped:
    """A column that is left out, and the reason."""

    column: int
    reason: str


@dataclass(frozen=True)
class Numbers:
    """The columns of numbers, booleans and dates: gaps are filled and indicated, numbers scaled.

    Gaps are filled with the median x̃ of their column; then z = (x − μ) / σ, with mean μ and
    standard deviation σ of the filled column. If there were gaps in fit, one more feature is 1 at
    gaps and 0 elsewhere.

    In robust scaling μ is the median and σ the interquartile range, or half the range where the
    quartiles coincide, followed by z / √(1 + (z/3)²), which is within ±3 (Holzmüller, Grinsztajn,
    Steinwart 2024, arXiv 2407.04491). Columns of two values become −1 and +1 there, their gaps 0.

    Attributes
    ----------
    columns : tuple of n int
        Positions in the table, in the order of their features.
    kinds : tuple of str
        "number", "boolean" or "date".
    robust : bool
        Whether scaling is robust.
    median, mean, scale : ndarray, shape (n,)
        x̃, μ, σ.
    varies, gaps : ndarray of bool, shape (n,)
        Which columns have a scaled feature, and which an indicator of gaps.
    continuous : ndarray of bool, shape (n,)
        Which columns have more than two values.
    flat : ndarray of bool, shape (n,)
        Which columns have equal quartiles.
    knots, scores : ndarray, shape (n, q)
        Quantiles, ascending, and the z that each is mapped to; q is 0 without quantile scaling.
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
        drop_duplicates: bool = False,
    ) -> tuple[Self, list[Dropped]]:
        """Learn the statistics.

        Parameters
        ----------
        names : sequence of str
            Of all columns of the table.
        columns, kinds : sequences of length n
        read : callable
            Returns columns as numbers (rows, n), gaps NaN, which are overwritten.
        rows : int
        robust : bool
            Whether scaling is robust.
        quantile : float
            The weight of quantile scaling in a mean with robust scaling.
        drop_duplicates : bool
            Whether to drop columns that are the same as an earlier one, and to put columns of two
            values behind the others.

        Returns
        -------
        numbers : Numbers
        dropped : list of Dropped
        """
        size = max(1, BLOCK // rows)
        n_knots = knots_for(len(columns), rows) if quantile else 0
        learned, fingerprints = [], []
        for start in range(0, max(1, len(columns)), size):
            values = read(columns[start : start + size])
            if drop_duplicates:
                fingerprints += [fingerprint(column) for column in values.T]
            learned.append(statistics_of(values, robust, n_knots, quantile))
        statistics = [np.concatenate(parts) for parts in zip(*learned, strict=True)]
        return cls.choose(
            names,
            columns,
            kinds,
            statistics,
            fingerprints,
            robust=robust,
            drop_duplicates=drop_duplicates,
        )

    @classmethod
    def choose(
        cls,
        names: Sequence[str],
        columns: Sequence[int],
        kinds: Sequence[str],
        learned: Sequence[Array],
        fingerprints: Sequence[bytes],
        *,
        robust: bool,
        drop_duplicates: bool,
    ) -> tuple[Self, list[Dropped]]:
        """Select the columns to encode by their statistics.

        Parameters
        ----------
        names, columns, kinds, robust, drop_duplicates
            As for `fit`.
        learned : sequence of ndarray
            As `statistics_of` returns them.
        fingerprints : sequence of bytes
            The same for the same columns; empty unless duplicates are dropped.

        Returns
        -------
        numbers : Numbers
        dropped : list of Dropped
        """
        empty, *statistics = learned
        _, _, _, varies, gaps, continuous, *_ = statistics
        reasons = [
            "" if differs or (some and not none) else "all gaps" if none else "constant"
            for differs, some, none in zip(varies, gaps, empty, strict=True)
        ]
        met: dict[tuple[str, bytes], int] = {}
        for k, own in enumerate(fingerprints):
            first = met.setdefault((kinds[k], own), columns[k]) if not reasons[k] else columns[k]
            if first != columns[k]:
                reasons[k] = f"same as {names[first]!r}"
        kept = [k for k, reason in enumerate(reasons) if not reason]
        if drop_duplicates:
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
        """Number of features of the columns."""
        return int(np.count_nonzero(self.varies) + np.count_nonzero(self.gaps))

    @property
    def n_continuous(self) -> int:
        """Number of the first features that are of columns with more than two values."""
        genuine = self.continuous[self.varies]
        return len(genuine) if genuine.all() else int(genuine.argmin())

    def features(self, names: Sequence[str]) -> list[str]:
        """Return the names of the features, in their order."""
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
            clip_smoothly(values[:, :many], values[:, many:])
        else:
            values -= self.mean
            values /= self.scale
        n = np.count_nonzero(self.varies)
        out[:, :n] = values[:, self.varies]
        out[:, n:] = missing[:, self.gaps]

    def describe(self, k: int) -> tuple[str, int]:
        """Describe the encoding of the k-th column, and count its features."""
        parts = []
        mean, scale = self.mean[k], self.scale[k]
        two = self.robust and not self.continuous[k]
        if self.varies[k] and two:
            low, high = (self._value(k, mean + sign * scale) for sign in (-1, 1))
            parts.append(f"−1 for {low}, +1 for {high}")
        elif self.varies[k] and self.robust:
            form = "by its quantiles" if self.knots.shape[1] else "robust"
            size = self._spread(k, scale)
            spread = f"iqr 0, half the range {size}" if self.flat[k] else f"iqr {size}"
            parts.append(f"{form}: median {self._value(k, mean)}, {spread}")
        elif self.varies[k]:
            size = self._spread(k, scale)
            parts.append(f"standardised: mean {self._value(k, mean)}, sd {size}")
        if self.gaps[k]:
            to = "0" if self.varies[k] and two else f"median {self._value(k, self.median[k])}"
            parts.append(f"gaps to {to}, indicated")
        return "; ".join(parts), len(parts)

    def _value(self, k: int, value: float) -> str:
        """Write a value of the k-th column."""
        if self.kinds[k] == "boolean" and value in (0, 1):
            return str(bool(value))
        return moment_of(value) if self.kinds[k] == "date" else f"{value:.4g}"

    def _spread(self, k: int, size: float) -> str:
        """Write the difference of two values of the k-th column."""
        return duration_of(size) if self.kinds[k] == "date" else f"{size:.4g}"

    def to_state(self) -> tuple[list[Any], dict[str, Array]]:
        """Return what JSON can hold, and arrays by name."""
        arrays = {name: getattr(self, name) for name in _STATISTICS}
        return [self.columns, self.kinds, self.robust], arrays

    @classmethod
    def from_state(cls, state: Sequence[Any], arrays: Mapping[str, Array]) -> Self:
        """Restore what `to_state` returned; any exception means that the parts do not fit."""
        # Older files do not have robust scaling, columns of two values, and quantiles.
        columns, kinds, *robust = state
        n = len(fields.whole_numbers("columns", columns))
        if not set(fields.texts("kinds", kinds, n)) <= set(NUMERIC):
            raise ValueError(f"columns of numbers must be of kinds {', '.join(NUMERIC)}")
        arrays = {
            "continuous": np.array([kind != "boolean" for kind in kinds], bool),
            "flat": np.zeros(n, bool),
            "knots": np.zeros((n, 0)),
            "scores": np.zeros((n, 0)),
            **arrays,
        }
        q = {"knots": None, "scores": arrays["knots"].shape[-1:][0]}
        statistics = (
            fields.array_field(
                arrays, name, (n, q[name]) if name in q else (n,), dtype, finite=dtype is float
            )
            for name, dtype in _STATISTICS.items()
        )
        robustly = fields.flag("robust scaling", *robust) if robust else False
        self = cls(tuple(columns), tuple(kinds), robustly, *statistics)
        if not (self.scale > 0).all():
            raise ValueError("scales must be positive")
        if not (self.varies | self.gaps).all():
            raise ValueError("each column of numbers must have a feature")
        if (np.diff(self.knots) < 0).any():
            raise ValueError("quantiles must be ascending")
        if self.knots.shape[1] and not self.robust:
            raise ValueError("only robust scaling has quantiles")
        if self.robust and (np.sort(self.continuous)[::-1] != self.continuous).any():
            raise ValueError("columns of many values must be first, but those of two precede some")
        return self
