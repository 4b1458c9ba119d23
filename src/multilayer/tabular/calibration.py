"""Calibration of probabilities: one temperature for all members, from out-of-fold rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from multilayer.embedding import Floats
from multilayer.tabular.scoring import log_probabilities, mean

__all__ = ["find_temperature", "tempered"]

# Of a few rows that are all predicted correctly, the best temperature would be 0.
_LEAST, _MOST = 0.05, 20.0


def tempered(H: Floats, temperature: float) -> Floats:
    """Compute the softmax of log(h) / T: sharper if T < 1, flatter if T > 1; rows sum to 1."""
    if temperature == 1:
        return H
    z: Floats = np.log(np.maximum(H, np.finfo(H.dtype).tiny)) / H.dtype.type(temperature)
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)
    return z


def find_temperature(H: Floats, labels: NDArray[Any], weights: NDArray[Any] | None) -> float:
    """Find the temperature T with the smallest log-loss.

    Source: Guo, Pleiss, Sun and Weinberger, arXiv 1706.04599.

    Parameters
    ----------
    H : ndarray, shape (m, n_classes)
        Probabilities of rows that the network was not trained on.
    labels : ndarray of int, shape (m,)
    weights : ndarray, shape (m,), optional

    Returns
    -------
    float
        Between 0.05 and 20.
    """
    z = log_probabilities(H)
    own = z[np.arange(len(z)), labels]

    def log_loss(log_t: float) -> float:
        t = np.exp(log_t)
        top = z.max(axis=1, keepdims=True)
        total = top[:, 0] / t + np.log(np.exp((z - top) / t).sum(axis=1))
        return mean(total - own / t, weights)

    bounds = (np.log(_LEAST), np.log(_MOST))
    return float(np.exp(minimize_scalar(log_loss, bounds=bounds, method="bounded").x))
