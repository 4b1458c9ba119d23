"""Initial values of Θ: random numbers, since equal ones would make the units of a layer equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from array_api_compat import array_namespace, device
from numpy.random import RandomState
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from multilayer.activations import Array

__all__ = ["INITIALIZERS", "initialize_thetas"]

Draw = Callable[[RandomState, int, int], NDArray[np.float64]]


def glorot(rng: RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """Θ ~ U(−ε, ε), ε = √6 / √(s_out + s_in), bias too (Glorot and Bengio, AISTATS 2010, eq. 16).

    The numbers are drawn in scikit-learn's order (weights input by input, then biases), so that
    the same seed gives the same initial network.
    """
    return _uniform(rng, s_in, s_out, np.sqrt(6 / (s_in + s_out)))


def glorot_logistic(rng: RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """As `glorot` with ε = √2 / √(s_out + s_in), scikit-learn's choice for logistic units."""
    return _uniform(rng, s_in, s_out, np.sqrt(2 / (s_in + s_out)))


def notebook(rng: RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """Θ ~ U(−ε/2, ε/2), ε = √6 / √(s_out + s_in + 1), drawn row by row, bias first.

    The interval is half as wide as that of `glorot`, and the bias counts as an input. This is what
    the code of the teaching notebook does, to the last bit.
    """
    epsilon = np.sqrt(6) / np.sqrt(s_out + s_in + 1)
    theta: NDArray[np.float64] = (rng.rand(s_out, s_in + 1) - 0.5) * epsilon
    return theta


def he(rng: RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """Θ ~ N(0, 2/s_in), bias 0, for relu and similar units (He et al., ICCV 2015, eq. 10)."""
    return _without_bias(rng.normal(0, np.sqrt(2 / s_in), (s_out, s_in)))


def lecun(rng: RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """Θ ~ N(0, 1/s_in), bias 0 (LeCun et al., *Efficient BackProp*, 1998, eq. 16), for selu."""
    return _without_bias(rng.normal(0, np.sqrt(1 / s_in), (s_out, s_in)))


def orthogonal(rng: RandomState, s_in: int, s_out: int) -> NDArray[np.float64]:
    """Θ with orthonormal rows, or columns where these are fewer, bias 0 (Saxe et al., ICLR 2014).

    Θ is the Q of the QR factorization of a normal matrix, each column times the sign of its entry
    on the diagonal of R. All orthogonal matrices are then equally likely (Mezzadri, Notices of the
    AMS 54, 2007).
    """
    normal = rng.normal(size=(max(s_in, s_out), min(s_in, s_out)))
    with _blas().limit(limits=1, user_api="blas"):  # with more threads, rounding differs
        Q, R = np.linalg.qr(normal)
    Q *= np.where(np.diag(R) < 0, -1.0, 1.0)
    return _without_bias(Q if s_out >= s_in else Q.T)


@cache  # looking for the libraries takes longer than drawing
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _uniform(rng: RandomState, s_in: int, s_out: int, epsilon: float) -> NDArray[np.float64]:
    theta = np.empty((s_out, s_in + 1))
    theta[:, 1:] = rng.uniform(-epsilon, epsilon, (s_in, s_out)).T
    theta[:, 0] = rng.uniform(-epsilon, epsilon, s_out)
    return theta


def _without_bias(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.pad(weights, ((0, 0), (1, 0)))


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
    like : array, optional
        An array whose library, device and dtype Θ takes; by default NumPy in float64.

    Returns
    -------
    thetas : list of arrays, shapes (s_{l+1}, s_l + 1)
    """
    rng = random_state if isinstance(random_state, RandomState) else RandomState(random_state)
    draw = INITIALIZERS[initializer]
    thetas = [draw(rng, s_in, s_out) for s_in, s_out in pairwise(sizes)]
    if like is None:
        return thetas
    xp = array_namespace(like)
    return [xp.asarray(theta, dtype=like.dtype, device=device(like)) for theta in thetas]
