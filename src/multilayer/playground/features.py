"""Features computed from two numbers, x₁ and x₂."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEATURES", "features_of"]

Floats = NDArray[np.floating[Any]]

FEATURES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "x1": lambda x1, x2: x1,
    "x2": lambda x1, x2: x2,
    "x1^2": lambda x1, x2: x1 * x1,
    "x2^2": lambda x1, x2: x2 * x2,
    "x1*x2": lambda x1, x2: x1 * x2,
    "sin(x1)": lambda x1, x2: np.sin(x1),
    "sin(x2)": lambda x1, x2: np.sin(x2),
}


def features_of(X: Floats, names: Sequence[str]) -> Floats:
    """Compute the features of rows.

    Parameters
    ----------
    X : ndarray, shape (m, 2)
    names : sequence of str
        Keys of `FEATURES`.

    Returns
    -------
    ndarray, shape (m, len(names))
    """
    return np.column_stack([FEATURES[name](X[:, 0], X[:, 1]) for name in names])
