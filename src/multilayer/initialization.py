"""How Θ starts: small random numbers, since equal ones would make all units of a layer the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Draw = Callable[[np.random.RandomState, int, int], NDArray[np.float64]]


def glorot(rng: np.random.RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """Θ ~ U(−ε, ε), ε = √6 / √(s_out + s_in), bias too (Glorot and Bengio, AISTATS 2010, eq. 16).

    The numbers are drawn in scikit-learn's order (weights input by input, then biases), so that
    equal seeds start equal networks.
    """
    return _uniform(rng, s_in, s_out, np.sqrt(6 / (s_in + s_out)))


def glorot_logistic(rng: np.random.RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """As `glorot` with ε = √2 / √(s_out + s_in), scikit-learn's choice for logistic units."""
    return _uniform(rng, s_in, s_out, np.sqrt(2 / (s_in + s_out)))


def notebook(rng: np.random.RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """Θ ~ U(−ε/2, ε/2), ε = √6 / √(s_out + s_in + 1), drawn row by row, bias first.

    Half the width of `glorot`, and the bias counted among the inputs: what the teaching notebook's
    code does, to the last bit.
    """
    epsilon = np.sqrt(6) / np.sqrt(s_out + s_in + 1)
    theta: NDArray[np.float64] = (rng.rand(s_out, s_in + 1) - 0.5) * epsilon
    return theta


def _uniform(
    rng: np.random.RandomState, s_in: int, s_out: int, epsilon: float
) -> NDArray[np.float64]:
    theta = np.empty((s_out, s_in + 1))
    theta[:, 1:] = rng.uniform(-epsilon, epsilon, (s_in, s_out)).T
    theta[:, 0] = rng.uniform(-epsilon, epsilon, s_out)
    return theta


INITIALIZERS: dict[str, Draw] = {
    "glorot": glorot,
    "glorot_logistic": glorot_logistic,
    "notebook": notebook,
}
