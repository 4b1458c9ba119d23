"""Columns of numbers, booleans, dates: statistics learned in fit, features made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["BLOCK", "Dropped", "Numbers"]

Array = NDArray[Any]

# So many numbers are read at a time: a long table is never copied whole as float64.
BLOCK = 1 << 22
# Quantiles that are kept of a column; fewer where the columns are very many.
_MOST_KNOTS, _FEWEST_KNOTS = 1024, 64


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
        n_knots = max(_FEWEST_KNOTS, min(_MOST_KNOTS, BLOCK // (4 * max(1, len(columns)))))
        n_knots = min(n_knots, rows) if quantile else 0
        learned, marks = [], []
        for start in range(0, max(1, len(columns)), size):
            values = read(columns[start : start + size])
            if tidy:
                marks += [_mark(column) for column in values.T]
            learned.append(_statistics(values, robust, n_knots, quantile))
        empty, *statistics = (np.concatenate(parts) for parts in zip(*learned, strict=True))
        _, _, _, varies, gaps, continuous, *_ = statistics
        reasons = [
            "" if differs or (some and not none) else "all gaps" if none else "constant"
            for differs, some, none in zip(varies, gaps, empty, strict=True)
        ]
        met: dict[tuple[str, bytes], int] = {}
        for k, mark in enumerate(marks):
            first = met.setdefault((kinds[k], mark), columns[k]) if not reasons[k] else columns[k]
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
            _clip(values[:, :many], values[:, many:])
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


def _statistics(values: Array, robust: bool, n_knots: int, quantile: float) -> tuple[Array, ...]:
    """Give the statistics of columns (m, n), gaps NaN, which are overwritten.

    Returns
    -------
    empty, median, mean, scale, varies, gaps, continuous, flat : ndarray, shape (n,)
    knots, scores : ndarray, shape (n, n_knots)
    """
    missing = np.isnan(values)
    gaps = np.asarray(missing.any(axis=0))
    present = len(values) - np.count_nonzero(missing, axis=0)
    empty = present == 0
    ordered = np.sort(values, axis=0)  # gaps last
    last = np.maximum(present - 1, 0)

    def at(row: Array) -> Array:
        """Of each sorted column the number in its own row; 0 where there are gaps only."""
        found = np.take_along_axis(ordered, row[None, :].astype(np.intp), axis=0)[0]
        return np.where(empty, 0.0, found)

    lowest, highest = at(0 * last), at(last)
    median = (at(last // 2) + at((last + 1) // 2)) / 2
    spread: Array = highest - lowest
    varies = spread > 0
    continuous = varies & ~((values == lowest) | (values == highest) | missing).all(axis=0)
    flat = np.zeros(len(gaps), bool)
    knots: Array = np.zeros((len(gaps), n_knots))
    for k, place in enumerate(np.linspace(0, last, n_knots).T if n_knots else ()):
        knots[k] = np.interp(
            place, np.arange(len(ordered)), np.where(np.isnan(ordered[:, k]), 0, ordered[:, k])
        )
    if robust:
        quartiles = [
            at(below) + (at(np.ceil(place)) - at(below)) * (place - below)
            for place in (last * 0.25, last * 0.75)
            for below in [np.floor(place)]
        ]
        scale: Array = quartiles[1] - quartiles[0]
        flat = varies & (scale == 0)
        scale = np.where(flat | ~continuous, spread / 2, scale)
        mean = np.where(continuous, median, lowest + spread / 2)
        median = np.where(varies, mean, median)
    else:
        np.copyto(values, median, where=missing)
        mean, scale = values.mean(axis=0), values.std(axis=0)
    # The squares, and halves, of very small numbers are 0, and so is σ.
    scale = np.where(scale > 0, scale, np.where(varies, spread, 1.0))
    scores = np.array([_normal_scores(row) for row in knots]).reshape(knots.shape)
    if quantile < 1 and n_knots:
        z = (knots - mean[:, None]) / scale[:, None]
        _clip(z, z[:, :0])
        scores = quantile * scores + (1 - quantile) * z
    return empty, median, mean, scale, varies, gaps, continuous, flat, knots, scores


def _normal_scores(knots: Array) -> Array:
    """Give the z of a normal distribution below which as many lie as below each quantile (q,).

    Equal ones share the middle of their places; the outermost stay half a place inside.
    """
    q = len(knots)
    if not q:
        return knots
    _, inverse, counts = np.unique(knots, return_inverse=True, return_counts=True)
    shares = np.bincount(inverse, np.linspace(0, 1, q)) / counts
    return np.asarray(ndtri(np.clip(shares, 0.5 / q, 1 - 0.5 / q)))[inverse]


def _clip(many: Array, two: Array) -> None:
    """Bound in place: z / √(1 + (z/3)²) where a column has many values, [−1, 1] where two."""
    # Beyond this bound z is 3 to the last digit, and its square would overflow.
    for z, bound in ((many, 1e100), (two, 1.0)):
        np.minimum(np.maximum(z, -bound, out=z), bound, out=z)
    square = many / 3
    square *= square
    square += 1
    many /= np.sqrt(square, out=square)


def _mark(column: Array) -> bytes:
    """Give few bytes that are the same for the same numbers, and for no others."""
    same = np.where(np.isnan(column), np.nan, column)  # there are NaNs of different bits
    return blake2b(same.tobytes(), digest_size=16).digest()
