"""Initial values of Θ: random numbers, since equal ones would make the units of a layer equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from numpy.random import RandomState
from numpy.typing import DTypeLike, NDArray
from threadpoolctl import ThreadpoolController

from multilayer.activations import Array

__all__ = ["INITIALIZERS", "initialize_thetas"]

Draw = Callable[[RandomState, NDArray[Any]], None]  # writes into Θ, (s_out, s_in + 1)

_AT_ONCE = (
    32  # inputs whose weights are drawn at a time: they stay in the cache until they lie in Θ
)


def glorot(rng: RandomState, theta: NDArray[Any]) -> None:
    """Θ ~ U(−ε, ε), ε = √6 / √(s_out + s_in), bias too (Glorot and Bengio, AISTATS 2010, eq. 16).

    The numbers are drawn in scikit-learn's order (weights input by input, then biases), so that
    the same seed gives the same initial network.
    """
    _uniform(rng, theta, np.sqrt(6 / (sum(theta.shape) - 1)))


def glorot_logistic(rng: RandomState, theta: NDArray[Any]) -> None:
    """As `glorot` with ε = √2 / √(s_out + s_in), scikit-learn's choice for logistic units."""
    _uniform(rng, theta, np.sqrt(2 / (sum(theta.shape) - 1)))


def notebook(rng: RandomState, theta: NDArray[Any]) -> None:
    """Θ ~ U(−ε/2, ε/2), ε = √6 / √(s_out + s_in + 1), drawn row by row, bias first.

    The interval is half as wide as that of `glorot`, and the bias counts as an input. This is what
    the code of the teaching notebook does, to the last bit.
    """
    epsilon = np.sqrt(6) / np.sqrt(sum(theta.shape))
    theta[...] = (rng.rand(*theta.shape) - 0.5) * epsilon


def he(rng: RandomState, theta: NDArray[Any]) -> None:
    """Θ ~ N(0, 2/s_in), bias 0, for relu and similar units (He et al., ICCV 2015, eq. 10)."""
    _normal(rng, theta, 2)


def lecun(rng: RandomState, theta: NDArray[Any]) -> None:
    """Θ ~ N(0, 1/s_in), bias 0 (LeCun et al., *Efficient BackProp*, 1998, eq. 16), for selu."""
    _normal(rng, theta, 1)


def orthogonal(rng: RandomState, theta: NDArray[Any]) -> None:
    """Θ with orthonormal rows, or columns where these are fewer, bias 0 (Saxe et al., ICLR 2014).

    Θ is the Q of the QR factorization of a normal matrix, each column times the sign of its entry
    on the diagonal of R. All orthogonal matrices are then equally likely (Mezzadri, Notices of the
    AMS 54, 2007).
    """
    s_out, s_in = theta[:, 1:].shape
    normal = rng.normal(size=(max(s_in, s_out), min(s_in, s_out)))
    with _blas().limit(limits=1, user_api="blas"):  # with more threads, rounding differs
        Q, R = np.linalg.qr(normal)
    Q *= np.where(np.diag(R) < 0, -1.0, 1.0)
    theta[:, 0], theta[:, 1:] = 0, Q if s_out >= s_in else Q.T


@cache  # looking for the libraries takes longer than drawing
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _uniform(rng: RandomState, theta: NDArray[Any], epsilon: float) -> None:
    s_out, columns = theta.shape
    for first in range(1, columns, _AT_ONCE):
        weights = theta[:, first : first + _AT_ONCE]
        weights[...] = rng.uniform(-epsilon, epsilon, weights.shape[::-1]).T
    theta[:, 0] = rng.uniform(-epsilon, epsilon, s_out)


def _normal(rng: RandomState, theta: NDArray[Any], gain: float) -> None:
    s_out, s_in = theta[:, 1:].shape
    theta[:, 0], theta[:, 1:] = 0, rng.normal(0, np.sqrt(gain / s_in), (s_out, s_in))


INITIALIZERS: dict[str, Draw] = {
    "glorot": glorot,
    "glorot_logistic": glorot_logistic,
    "he": he,
    "lecun": lecun,
    "notebook": notebook,
    "orthogonal": orthogonal,
}


def initialize_thetas(
    sizes: Sequence[int],
    random_state: int | RandomState | None = None,
    *,
    initializer: str = "glorot",
    dtype: DTypeLike = np.float64,
    like: Array | None = None,
) -> list[Array]:
    """Draw Θ at random, by default uniform in [−ε, ε], ε = √6 / √(s_out + s_in).

    Parameters
    ----------
    sizes : sequence of int
        (s₁, …, s_L), the number of units of each layer.
    random_state : int, numpy.random.RandomState or None
        The seed, or the generator to draw from.
    initializer : {"glorot", "glorot_logistic", "he", "lecun", "notebook", "orthogonal"}
        The distribution; see the functions of these names in `multilayer.initialization`.
    dtype : dtype, default=float64
        What the numbers drawn, which are float64, are rounded to.
    like : array, optional
        An array whose library, device and dtype Θ takes; by default NumPy, and `dtype`.

    Returns
    -------
    thetas : list of arrays, shapes (s_{l+1}, s_l + 1)
    """
    rng = random_state if isinstance(random_state, RandomState) else RandomState(random_state)
    thetas = [np.empty((s_out, s_in + 1), dtype) for s_in, s_out in pairwise(sizes)]
    for theta in thetas:
        INITIALIZERS[initializer](rng, theta)
    if like is None:
        return thetas
    xp = array_namespace(like)
    return [xp.asarray(theta, dtype=like.dtype, device=device(like)) for theta in thetas]
