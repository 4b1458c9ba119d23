"""The continuous ranked probability score (CRPS) of predictive distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["crps"]

Array = NDArray[Any]


def crps(errors: Array, scales: Array, residuals: Array) -> Array:
    """Compute the CRPS of each row, in the units of the target: the smaller, the better.

    The predictive distribution of a row has equal probability at h + s r for each of n residuals r,
    where h is the prediction and s the scale of the row. The CRPS is E|y − Y| − ½ E|Y − Y′|, where
    Y and Y′ are independent and of this distribution; for a single residual of 0 it is the absolute
    error. Source: Gneiting and Raftery, *Strictly proper scoring rules, prediction, and
    estimation*, JASA 102 (2007), equation (21).

    Parameters
    ----------
    errors : ndarray, shape (m,)
        Truth minus prediction.
    scales : ndarray, shape (m,)
        Positive.
    residuals : ndarray, shape (n,), ascending
        At least one.

    Returns
    -------
    ndarray, shape (m,)
    """
    n = len(residuals)
    z = errors / scales
    sums = np.append(0.0, np.cumsum(residuals))
    below = np.searchsorted(residuals, z)  # how many residuals are below z
    to_truth = (below * z - sums[below] + (sums[-1] - sums[below]) - (n - below) * z) / n
    # Σⱼₖ |rⱼ − rₖ| of sorted numbers, each counted from below and from above.
    apart = 2 * np.sum((2 * np.arange(1, n + 1) - n - 1) * residuals) / n**2
    return np.asarray(scales * (to_truth - apart / 2))
