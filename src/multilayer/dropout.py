"""Dropout: which units of which examples a training step drops.

Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, JMLR 15
(2014). This is "inverted" dropout: the units that stay are scaled by 1/(1 − rate), so that
prediction needs no scaling.

A hash of the position of each number, not a stream of random numbers, determines which units are
dropped. The masks are therefore the same in any order of computation, on any engine, in float32 and
float64. The native engine computes the same masks; its tests compare them with this file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dropout_mask(
    seed: int, step: int, layer: int, rows: int, units: int, rate: float
) -> NDArray[np.float64]:
    """Draw the mask of one layer in one step: a⁽ˡ⁾ ← a⁽ˡ⁾ ⊙ mask.

    Parameters
    ----------
    seed : int
        From 0 to 2⁶⁴ − 1.
    step : int
        Number of the training step, starting at 1.
    layer : int
        0 for the inputs, 1 for the first hidden layer, and so on.
    rows, units : int
        The number of examples in the batch, and of units in the layer.
    rate : float
        The fraction to drop, at least 0 and less than 1.

    Returns
    -------
    mask : ndarray, shape (rows, units)
        0 where a unit is dropped, else 1/(1 − rate).

    Raises
    ------
    ValueError
        If the rate is out of range.
    """
    check_rate(rate)
    key = np.array([seed], np.uint64)
    for number in (step, layer):
        key = _split_mix(key, np.array([number], np.uint64))
    example = _split_mix(key, np.arange(rows, dtype=np.uint64))[:, None]
    low, high = (example & 0xFFFFFFFF).astype(np.uint32), (example >> 32).astype(np.uint32)
    # The two rounds of MurmurHash3's finalizer, with the rest of the key between them.
    x = low + np.arange(units, dtype=np.uint32) * np.uint32(0x9E3779B9)
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B) ^ high
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return np.where(x >= int(rate * 2**32), 1 / (1 - rate), 0.0)


def check_rate(rate: float) -> None:
    """Raise ValueError unless a dropout rate is at least 0 and less than 1."""
    if not 0 <= rate < 1:
        raise ValueError(f"a dropout rate must be at least 0 and less than 1: {rate}")


def _split_mix(seed: NDArray[np.uint64], n: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return number n (from 0) of the SplitMix64 generator that starts at the seed.

    Source: Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
    """
    x = seed + (n + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)  # arrays wrap around silently
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return result
