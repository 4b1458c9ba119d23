"""Calibration of probabilities: one temperature for all members, from rows left out of training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from multilayer.embedding import Floats
from multilayer.engine.functions import exp, log
from multilayer.tabular.scoring import log_probabilities, mean

__all__ = ["find_temperature", "tempered"]

_LEAST, _MOST = 0.05, 20.0
# Standard deviation of the prior of log T below 0 for one network; see docs/tabular.md.
_SPREAD = 0.2


def tempered(H: Floats, temperature: float) -> Floats:
    """Compute the softmax of log(h) / T: sharper if T < 1, flatter if T > 1; rows sum to 1."""
    if temperature == 1:
        return H
    z = log(np.maximum(H, np.finfo(H.dtype).tiny)) / H.dtype.type(temperature)
    z = exp(z - z.max(axis=1, keepdims=True))
    z /= z.sum(axis=1, keepdims=True)
    return z


def find_temperature(
    H: Floats,
    labels: NDArray[Any],
    weights: NDArray[Any] | None,
    n_members: int = 1,
    repeats: float = 1,
) -> float:
    """Find the temperature T for the mean of members, from the outputs of one of them for each row.

    It is where the log-loss has its minimum (Guo, Pleiss, Sun and Weinberger, arXiv 1706.04599),
    with two corrections for what the log-loss of these rows does not show:

    - The rows have chosen the epoch, by which nearly all of them may be right. A few rows that are
      all right would make every T > 0 too large, although one wrong row at T costs 1/T times its
      log-odds. So T < 1 needs evidence: T is the mode of the posterior if log T has a normal prior
      below 0, of mean 0 and standard deviation 0.2 √n for n members, and a uniform one above. The
      mean of members is never as sharp as each of them, so a small T costs them less. The more
      rows there are, the less the prior counts.
    - Where single members are overconfident, their mean is less so, as part of their errors is
      averaged out. As if that part was half of log T for a single member, log T > 0 is multiplied
      by (1 + 1/n) / 2.

    Parameters
    ----------
    H : ndarray, shape (m, n_classes)
        Probabilities of rows that the network was not trained on.
    labels : ndarray of int, shape (m,)
    weights : ndarray, shape (m,), optional
    n_members : int
        The number of members, n.
    repeats : float
        How often each row is among the m rows.

    Returns
    -------
    float
        Between 0.05 and 20; 1 without rows.
    """
    if not len(H):
        return 1.0
    z = log_probabilities(H)
    own = z[np.arange(len(z)), labels]
    top = z.max(axis=1, keepdims=True)
    counted = np.ones(len(z)) if weights is None or not weights.any() else weights.astype(float)
    # The number of rows of equal weight that determine a mean as well as these do (Kish, 1965).
    size = counted.sum() ** 2 / (counted**2).sum() / repeats

    def minus_log_posterior(log_t: float) -> float:
        t = math.exp(log_t)
        total = top[:, 0] / t + log(exp((z - top) / t).sum(axis=1))
        prior = min(log_t, 0.0) ** 2 / (2 * n_members * _SPREAD**2)
        return float(size * mean(total - own / t, counted) + prior)

    bounds = (math.log(_LEAST), math.log(_MOST))
    log_t = float(minimize_scalar(minus_log_posterior, bounds=bounds, method="bounded").x)
    return math.exp(log_t if log_t < 0 else log_t * (1 + 1 / n_members) / 2)
