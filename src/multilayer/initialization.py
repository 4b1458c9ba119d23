"""Initial values of Θ: random numbers, because units with equal weights would remain equal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from numpy.random import RandomState
from numpy.typing import DTypeLike, NDArray

from multilayer.activations import Array

__all__ = ["INITIALIZERS", "initialize_thetas"]

Draw = Callable[[RandomState, NDArray[Any]], None]  # writes into Θ, (s_out, s_in + 1)

# Number of inputs whose weights are drawn at a time, so that they stay in the cache.
_AT_ONCE = 32


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

    The interval is half as wide as that of `glorot`, and the bias counts as an input. It is
    bit-for-bit the initialization of the teaching notebook.
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
    Q = _orthonormal(rng.normal(size=(max(s_in, s_out), min(s_in, s_out))))
    theta[:, 0], theta[:, 1:] = 0, Q if s_out >= s_in else Q.T


def _orthonormal(A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Q (m, n) of A = QR for which the diagonal of R is positive.

    By Householder's reflections I − v vᵀ, v·v = 2, and by `einsum`, which adds in a fixed order;
    sums of LAPACK depend on its threads and on the processor.
    """
    columns = np.ascontiguousarray(A.T)  # (n, m), so that summed elements are contiguous
    V, signs = np.zeros_like(columns), np.ones(len(columns))
    blocks = [slice(k, k + _BLOCK) for k in range(0, len(columns), _BLOCK)]
    for block in blocks:
        for k in range(len(columns))[block]:
            x, v = columns[k, k:], V[k, k:]
            signs[k] = -1 if x[0] > 0 else 1  # of R's diagonal: no digits cancel in v
            v[:] = x
            v[0] -= signs[k] * _norm(x)
            v *= math.sqrt(2) / _norm(v)
            _reflect(columns[k + 1 : block.stop, k:], V[k : k + 1, k:])
        _reflect(columns[block.stop :, block.start :], V[block, block.start :])
    Q = np.eye(*columns.shape)  # (n, m)
    for block in reversed(blocks):
        _reflect(Q[block.start :, block.start :], V[block, block.start :][::-1])
    return Q.T * signs


_BLOCK = 32  # reflections applied together, so that the columns are read once for all of them


def _reflect(columns: NDArray[np.float64], V: NDArray[np.float64]) -> None:
    """Apply the reflections by the rows of V (b, m), in their order, to columns (n, m)."""
    W = np.einsum("bm,nm->bn", V, columns)
    between = np.einsum("im,jm->ij", V, V)
    for k in range(1, len(V)):  # each is applied to the result of the previous ones
        W[k] -= np.einsum("i,in->n", between[:k, k], W[:k])
    columns -= np.einsum("bn,bm->nm", W, V)


def _norm(x: NDArray[np.float64]) -> float:
    return math.sqrt((x * x).sum())


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
