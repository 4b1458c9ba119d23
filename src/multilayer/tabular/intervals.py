"""How far a prediction may be off: quantiles of the errors on rows out of the members' folds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["half_width", "quantile_offsets"]

Array = NDArray[Any]


def half_width(residuals: Array, coverage: float) -> float:
    """Give the d within which a share `coverage` of new errors lies, ±d.

    The ⌈(n + 1) coverage⌉-th smallest of n absolute errors (split conformal prediction): with
    rows drawn alike, new ones lie inside at least that often.
    Source: Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World* (2005).

    Parameters
    ----------
    residuals : ndarray, shape (n,)
    coverage : float in (0, 1)
    """
    n = len(residuals)
    place = int(np.ceil((n + 1) * coverage)) - 1
    return float(np.sort(np.abs(residuals))[min(place, n - 1)])


def quantile_offsets(residuals: Array, quantiles: Array) -> Array:
    """Give what to add to a prediction for each quantile of the target.

    Parameters
    ----------
    residuals : ndarray, shape (n,)
        Truth minus prediction.
    quantiles : ndarray, shape (q,), in (0, 1)
    """
    n = len(residuals)
    places = np.clip((n + 1) * quantiles - 1, 0, n - 1)  # the k-th of n has k/(n + 1) below it
    return np.asarray(np.interp(places, np.arange(n), np.sort(residuals)))
