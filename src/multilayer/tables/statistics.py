"""Statistics of columns of numbers: of all rows at once, or settled from what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["BLOCK", "clip", "knots_for", "mark", "settle", "statistics_of"]

Array = NDArray[Any]

# So many numbers are read at a time: a long table is never copied whole as float64.
BLOCK = 1 << 22
# Quantiles that are kept of a column; fewer where the columns are very many.
_MOST_KNOTS, _FEWEST_KNOTS = 1024, 64


def knots_for(n_columns: int, rows: int) -> int:
    """Give how many quantiles to keep of each column."""
    return min(max(_FEWEST_KNOTS, min(_MOST_KNOTS, BLOCK // (4 * max(1, n_columns)))), rows)


def statistics_of(values: Array, robust: bool, n_knots: int, quantile: float) -> tuple[Array, ...]:
    """Give the statistics of columns (m, n), gaps NaN, which are overwritten.

    Returns
    -------
    empty, median, mean, scale, varies, gaps, continuous, flat : ndarray, shape (n,)
    knots, scores : ndarray, shape (n, n_knots)
    """
    missing = np.isnan(values)
    present = len(values) - np.count_nonzero(missing, axis=0)
    empty = present == 0
    ordered = np.sort(values, axis=0)  # gaps last
    last = np.maximum(present - 1, 0)

    def at(row: Array) -> Array:
        """Of each sorted column the number in its own row; 0 where there are gaps only."""
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
    return settle(
        empty, gaps, extremes, continuous, median, quantiles, moments, knots, robust, quantile
    )


def settle(
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
    """Settle the statistics of columns from what is known of their numbers.

    Parameters
    ----------
    empty, gaps : ndarray of bool, shape (n,)
        Which columns have no number, and which lack some.
    extremes : tuple of ndarray, shape (n,)
        The lowest and the highest number.
    continuous : ndarray of bool, shape (n,)
        Which have other numbers than these two.
    median : ndarray, shape (n,)
    quantiles : callable
        From a share to that quantile of each column.
    moments : callable
        From the medians to mean and standard deviation of columns whose gaps are these.
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
        clip(z, z[:, :0])
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


def clip(many: Array, two: Array) -> None:
    """Bound in place: z / √(1 + (z/3)²) where a column has many values, [−1, 1] where two."""
    # Beyond this bound z is 3 to the last digit, and its square would overflow.
    for z, bound in ((many, 1e100), (two, 1.0)):
        np.minimum(np.maximum(z, -bound, out=z), bound, out=z)
    square = many / 3
    square *= square
    square += 1
    many /= np.sqrt(square, out=square)


def mark(column: Array) -> bytes:
    """Give few bytes that are the same for the same numbers, and for no others."""
    same = np.where(np.isnan(column), np.nan, column)  # there are NaNs of different bits
    return blake2b(same.tobytes(), digest_size=16).digest()
