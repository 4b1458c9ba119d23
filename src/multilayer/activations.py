"""Activation functions: a table of name -> (g, g′), on any Array-API library.

Each g maps z, an array of any shape, to an array of the same shape, dtype and device; each g′ is
its derivative with respect to z. Where g has a kink (relu at 0), g′ is the left derivative, as in
scikit-learn, PyTorch and JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from array_api_compat import array_namespace

Array = Any  # an array of any Array-API library

LEAK = 0.01
SELU_ALPHA = 1.6732632423543772  # Klambauer et al. (2017), arXiv 1706.02515, eq. 14
SELU_SCALE = 1.0507009873554805


class Activation(NamedTuple):
    """A function g and its derivative g′."""

    g: Callable[[Array], Array]
    slope: Callable[[Array], Array]


def identity(z: Array) -> Array:
    """g(z) = z."""
    return z


def identity_gradient(z: Array) -> Array:
    """g′(z) = 1."""
    return array_namespace(z).ones_like(z)


def sigmoid(z: Array) -> Array:
    """g(z) = 1 / (1 + e⁻ᶻ), the logistic function; no overflow for any z."""
    xp = array_namespace(z)
    t = xp.exp(-xp.abs(z))  # in (0, 1]: the branch that cannot overflow serves both signs
    return xp.where(z < 0, t, xp.ones_like(t)) / (1 + t)


def sigmoid_gradient(z: Array) -> Array:
    """g′(z) = g(z)(1 − g(z)) = g(z) g(−z)."""
    return sigmoid(z) * sigmoid(-z)


def tanh(z: Array) -> Array:
    """g(z) = (eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ)."""
    return array_namespace(z).tanh(z)


def tanh_gradient(z: Array) -> Array:
    """g′(z) = 1 − g(z)² = (1 − g(z))(1 + g(z))."""
    g = tanh(z)
    return (1 - g) * (1 + g)


def relu(z: Array) -> Array:
    """g(z) = max(z, 0)."""
    xp = array_namespace(z)
    return xp.maximum(z, xp.zeros_like(z))


def relu_gradient(z: Array) -> Array:
    """g′(z) = 1 where z > 0, else 0."""
    return _step(z)


def leaky_relu(z: Array) -> Array:
    """g(z) = z where z > 0, else 0.01 z."""
    return _where_positive(z, lambda z: z, lambda z: LEAK * z)


def leaky_relu_gradient(z: Array) -> Array:
    """g′(z) = 1 where z > 0, else 0.01."""
    return LEAK + (1 - LEAK) * _step(z)


def elu(z: Array) -> Array:
    """g(z) = z where z > 0, else eᶻ − 1."""
    return _where_positive(z, lambda z: z, array_namespace(z).expm1)


def elu_gradient(z: Array) -> Array:
    """g′(z) = 1 where z > 0, else eᶻ."""
    return _where_positive(z, identity_gradient, array_namespace(z).exp)


def selu(z: Array) -> Array:
    """g(z) = s z where z > 0, else s α (eᶻ − 1), s and α of Klambauer et al. (2017)."""
    expm1 = array_namespace(z).expm1
    return SELU_SCALE * _where_positive(z, lambda z: z, lambda z: SELU_ALPHA * expm1(z))


def selu_gradient(z: Array) -> Array:
    """g′(z) = s where z > 0, else s α eᶻ."""
    exp = array_namespace(z).exp
    return SELU_SCALE * _where_positive(z, identity_gradient, lambda z: SELU_ALPHA * exp(z))


def softplus(z: Array) -> Array:
    """g(z) = log(1 + eᶻ) = max(z, 0) + log(1 + e^−|z|)."""
    xp = array_namespace(z)
    return relu(z) + xp.log1p(xp.exp(-xp.abs(z)))


def gelu(z: Array) -> Array:
    """g(z) = z Φ(z), Φ the normal distribution function (Hendrycks and Gimpel 2016)."""
    return z * _normal_cdf(z)


def gelu_gradient(z: Array) -> Array:
    """g′(z) = Φ(z) + z φ(z), φ the normal density."""
    density = array_namespace(z).exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return _normal_cdf(z) + z * density


def silu(z: Array) -> Array:
    """g(z) = z σ(z), σ the logistic function."""
    return z * sigmoid(z)


def silu_gradient(z: Array) -> Array:
    """g′(z) = σ(z) (1 + z σ(−z))."""
    return sigmoid(z) * (1 + z * sigmoid(-z))


def mish(z: Array) -> Array:
    """g(z) = z tanh(log(1 + eᶻ)) (Misra, arXiv 1908.08681)."""
    return z * tanh(softplus(z))


def mish_gradient(z: Array) -> Array:
    """g′(z) = tanh(s) + z σ(z) (1 − tanh²(s)), s = log(1 + eᶻ)."""
    s = softplus(z)
    return tanh(s) + z * sigmoid(z) * tanh_gradient(s)


def _step(z: Array) -> Array:
    return array_namespace(z).astype(z > 0, z.dtype)


def _where_positive(
    z: Array, above: Callable[[Array], Array], below: Callable[[Array], Array]
) -> Array:
    """Return `above(z)` where z > 0, else `below(z)`; neither is computed on the other side."""
    xp = array_namespace(z)
    zero = xp.zeros_like(z)
    return xp.where(z > 0, above(xp.where(z > 0, z, zero)), below(xp.where(z > 0, zero, z)))


def _normal_cdf(z: Array) -> Array:
    """Φ(z) = (1 + erf(z/√2)) / 2, by the series of NIST DLMF 7.6.2, whose terms are all positive.

    erf x = 2/√π e^(−x²) Σₙ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)). The Array-API standard has no erf.
    """
    xp = array_namespace(z)
    # Beyond |x| = 6, erf is 1 to the last bit of float64; up to there, 120 terms are exact.
    x = xp.clip(z, -6 * math.sqrt(2), 6 * math.sqrt(2)) / math.sqrt(2)
    term = total = x
    for n in range(1, 120):
        term = term * (2 * x * x / (2 * n + 1))
        total = total + term
    return 0.5 + total * xp.exp(-x * x) / math.sqrt(math.pi)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(identity, identity_gradient),
    "logistic": Activation(sigmoid, sigmoid_gradient),
    "tanh": Activation(tanh, tanh_gradient),
    "relu": Activation(relu, relu_gradient),
    "leaky_relu": Activation(leaky_relu, leaky_relu_gradient),
    "elu": Activation(elu, elu_gradient),
    "selu": Activation(selu, selu_gradient),
    "softplus": Activation(softplus, sigmoid),
    "gelu": Activation(gelu, gelu_gradient),
    "silu": Activation(silu, silu_gradient),
    "mish": Activation(mish, mish_gradient),
}
