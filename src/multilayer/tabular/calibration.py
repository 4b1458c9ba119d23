"""Calibration of probabilities: a temperature and class biases, from rows left out of training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from multilayer.embedding import Floats
from multilayer.engine.functions import exp, log
from multilayer.tabular.scoring import log_probabilities, mean

__all__ = ["biased", "find_biases", "find_temperature", "tempered"]

_LEAST, _MOST = 0.05, 20.0
# Standard deviation of the prior of log T below 0 for one network; see docs/tabular.md.
_SPREAD = 0.2
# How much sharper eight members are made than each of them, for more than two classes: log T.
_SHARPER = 0.12
# Standard deviation of the prior of a bias.
_BIAS = 0.3
_MOST_STEPS, _NEWTON_STEPS, _SMALLEST_STEP = 50, 8, 1e-6


def tempered(H: Floats, temperature: float) -> Floats:
    """Compute the softmax of log(h) / T: sharper if T < 1, flatter if T > 1; rows sum to 1."""
    if temperature == 1:
        return H
    z = log(np.maximum(H, np.finfo(H.dtype).tiny)) / H.dtype.type(temperature)
    z = exp(z - z.max(axis=1, keepdims=True))
    z /= z.sum(axis=1, keepdims=True)
    return z


def biased(H: Floats, biases: NDArray[Any]) -> Floats:
    """Compute the softmax of log(h) + b; rows sum to 1."""
    H = H * exp(biases - biases.max()).astype(H.dtype)
    H /= np.maximum(H.sum(axis=1, keepdims=True), np.finfo(H.dtype).tiny)
    return H


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
    - The mean of probabilities is less confident than each of them where members disagree, which
      they do most where there are many classes. For more than two, 0.12 (1 − 1/n) is subtracted
      from log T.

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
    counted, size = _counted(weights, len(z), repeats)

    def minus_log_posterior(log_t: float) -> float:
        t = math.exp(log_t)
        total = top[:, 0] / t + log(exp((z - top) / t).sum(axis=1))
        prior = min(log_t, 0.0) ** 2 / (2 * n_members * _SPREAD**2)
        return float(size * mean(total - own / t, counted) + prior)

    bounds = (math.log(_LEAST), math.log(_MOST))
    log_t = float(minimize_scalar(minus_log_posterior, bounds=bounds, method="bounded").x)
    log_t = log_t if log_t < 0 else log_t * (1 + 1 / n_members) / 2
    if H.shape[1] > 2:
        log_t = max(log_t - _SHARPER * (1 - 1 / n_members), bounds[0])
    return math.exp(log_t)


def find_biases(
    H: Floats, labels: NDArray[Any], weights: NDArray[Any] | None, repeats: float = 1
) -> NDArray[np.float64]:
    """Find the biases b that are added to log h before the softmax, from out-of-fold rows.

    They are the mode of the posterior for independent normal priors of mean 0 and standard
    deviation 0.3, so that they are small where there are few rows of a class.

    Parameters
    ----------
    H : ndarray, shape (m, n_classes)
        Probabilities of rows that the network was not trained on.
    labels : ndarray of int, shape (m,)
    weights : ndarray, shape (m,), optional
    repeats : float
        How often each row is among the m rows.

    Returns
    -------
    ndarray, shape (n_classes,)
        0 without rows.
    """
    b = np.zeros(H.shape[1])
    if not len(H):
        return b
    counted, size = _counted(weights, len(H), repeats)
    counted *= size / counted.sum()
    met = np.bincount(labels, counted, len(b))
    # Generalised iterative scaling: it changes all biases at once so that the log-loss never rises.
    # Source: Darroch and Ratcliff, Annals of Mathematical Statistics 43, 1972.
    for _ in range(_MOST_STEPS):
        expected = (biased(H.astype(np.float64), b) * counted[:, None]).sum(axis=0)
        step = np.zeros(len(b))
        for _ in range(_NEWTON_STEPS):  # met = expected e^step + (b + step)/variance
            rise = expected * exp(step)
            slope = rise + _BIAS**-2
            step += (met - rise - (b + step) * _BIAS**-2) / slope
        b += step
        if np.abs(step).max() < _SMALLEST_STEP:
            break
    return b


def _counted(
    weights: NDArray[Any] | None, m: int, repeats: float
) -> tuple[NDArray[np.float64], float]:
    """Return the weights, and the number of rows of equal weight that determine a mean as well.

    Source: Kish, *Survey Sampling*, 1965.
    """
    counted = np.ones(m) if weights is None or not weights.any() else weights.astype(float)
    return counted, float(counted.sum() ** 2 / (counted**2).sum() / repeats)
