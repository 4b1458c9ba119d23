"""Statistics of columns of numbers: from all rows at once, or from the summaries of parts."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = [
    "BLOCK",
    "clip_smoothly",
    "derive_statistics",
    "fingerprint",
    "knots_for",
    "statistics_of",
]

Array = NDArray[Any]

# So many numbers are read at a time: a long table is never copied as a whole to float64.
BLOCK = 1 << 22
# Quantiles that are kept of a column; fewer where there are very many columns.
_MOST_KNOTS, _FEWEST_KNOTS = 1024, 64


def knots_for(n_columns: int, rows: int) -> int:
    """Return how many quantiles to keep of each column."""
    return min(max(_FEWEST_KNOTS, min(_MOST_KNOTS, BLOCK // (4 * max(1, n_columns)))), rows)


def statistics_of(values: Array, robust: bool, n_knots: int, quantile: float) -> tuple[Array, ...]:
    """Compute the statistics of columns (m, n), gaps NaN, which are overwritten.

    Returns
    -------
    empty, median, mean, scale, varies, gaps, continuous, flat : ndarray, shape (n,)
    knots, scores : ndarray, shape (n, n_knots)
    """
    values += 0.0  # −0 becomes 0: which of them sorting puts first depends on the processor
    missing = np.isnan(values)
    present = len(values) - np.count_nonzero(missing, axis=0)
    empty = present == 0
    ordered = np.sort(values, axis=0)  # gaps last
    last = np.maximum(present - 1, 0)

    def at(row: Array) -> Array:
        """Return one number of each sorted column, at the given row; 0 for an empty column."""
        found = np.take_along_axis(ordered, row[None, :].astype(np.intp), axis=0)[0]
        return np.where(empty, 0.0, found)

    def quantiles(share: float) -> Array:
        place = last * share
        below = np.floor(place)
        found: Array = at(below) + (at(np.ceil(place)) - at(below)) * (place - below)
        return found

    def moments(median: Array) -> tuple[Array, Array]:
        np.copyto(values, median, where=missing)
        return values.mean(axis=0), values.std(axis=0)

    lowest, highest = at(0 * last), at(last)
    median = (at(last // 2) + at((last + 1) // 2)) / 2
    continuous = ~((values == lowest) | (values == highest) | missing).all(axis=0)
    knots: Array = np.zeros((len(present), n_knots))
    for k, place in enumerate(np.linspace(0, last, n_knots).T if n_knots else ()):
        knots[k] = np.interp(
            place, np.arange(len(ordered)), np.where(np.isnan(ordered[:, k]), 0, ordered[:, k])
        )
    gaps = np.asarray(missing.any(axis=0))
    extremes = lowest, highest
    return derive_statistics(
        empty, gaps, extremes, continuous, median, quantiles, moments, knots, robust, quantile
    )


def derive_statistics(
    empty: Array,
    gaps: Array,
    extremes: tuple[Array, Array],
    continuous: Array,
    median: Array,
    quantiles: Callable[[float], Array],
    moments: Callable[[Array], tuple[Array, Array]],
    knots: Array,
    robust: bool,
    quantile: float,
) -> tuple[Array, ...]:
    """Derive the statistics of columns from a summary of their numbers.

    Parameters
    ----------
    empty, gaps : ndarray of bool, shape (n,)
        Which columns have no number, and which have gaps.
    extremes : tuple of ndarray, shape (n,)
        The lowest and the highest number.
    continuous : ndarray of bool, shape (n,)
        Which columns have numbers other than these two.
    median : ndarray, shape (n,)
    quantiles : callable
        Takes a share, and returns that quantile of each column.
    moments : callable
        Takes the medians, and returns mean and standard deviation of the columns with gaps filled
        by them.
    knots : ndarray, shape (n, q)
    robust, quantile
        As for `Numbers.fit`.
    """
    lowest, highest = extremes
    spread: Array = highest - lowest
    varies = spread > 0
    continuous = varies & continuous
    flat = np.zeros(len(gaps), bool)
    if robust:
        scale: Array = quantiles(0.75) - quantiles(0.25)
        flat = varies & (scale == 0)
        scale = np.where(flat | ~continuous, spread / 2, scale)
        mean = np.where(continuous, median, lowest + spread / 2)
        median = np.where(varies, mean, median)
    else:
        mean, scale = moments(median)
    # The squares, and halves, of very small numbers are 0, and so is σ.
    scale = np.where(scale > 0, scale, np.where(varies, spread, 1.0))
    scores = np.array([_normal_scores(row) for row in knots]).reshape(knots.shape)
    if quantile < 1 and knots.size:
        z = (knots - mean[:, None]) / scale[:, None]
        clip_smoothly(z, z[:, :0])
        scores = quantile * scores + (1 - quantile) * z
    return empty, median, mean, scale, varies, gaps, continuous, flat, knots, scores


def _normal_scores(knots: Array) -> Array:
    """Return the normal scores of quantiles (q,): Φ⁻¹ of the share of numbers below each.

    Equal quantiles have the mean of their shares; the outermost are half a step inside 0 and 1.
    """
    q = len(knots)
    if not q:
        return knots
    _, inverse, counts = np.unique(knots, return_inverse=True, return_counts=True)
    shares = np.bincount(inverse, np.linspace(0, 1, q)) / counts
    return np.asarray(ndtri(np.clip(shares, 0.5 / q, 1 - 0.5 / q)))[inverse]


def clip_smoothly(many: Array, two: Array) -> None:
    """Clip in place: z / √(1 + (z/3)²) for columns of many values, to [−1, 1] for those of two."""
    # Beyond this bound the result is 3 to the last digit, and the square would overflow.
    for z, bound in ((many, 1e100), (two, 1.0)):
        np.minimum(np.maximum(z, -bound, out=z), bound, out=z)
    square = many / 3
    square *= square
    square += 1
    many /= np.sqrt(square, out=square)


def fingerprint(column: Array) -> bytes:
    """Return a hash that is the same for columns of the same numbers, and only for those."""
    same = np.where(np.isnan(column), np.nan, column)  # there are NaNs of different bits
    return blake2b(same.tobytes(), digest_size=16).digest()
