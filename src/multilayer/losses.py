"""Output units: how z of the last layer becomes h, what that costs, and δ at the output.

Each unit is paired with the cost that makes δ⁽ᴸ⁾ = h − y, the "canonical link" (McCullagh and
Nelder, *Generalized Linear Models*, 2nd ed., ch. 2). Costs are written in z, not in h, so that
they stay finite where h has been rounded to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from array_api_compat import array_namespace

from multilayer.activations import Array, identity, sigmoid, softplus


class Output(NamedTuple):
    """An output unit h = g(z) and the cost of each example; δ = h − y for all of them."""

    g: Callable[[Array], Array]  # (m, K) -> (m, K)
    cost: Callable[[Array, Array], Array]  # z (m, K), Y (m, K) -> (m,)


def delta(H: Array, Y: Array) -> Array:
    """δ⁽ᴸ⁾ = h − y, (m, K): the derivative of an example's cost with respect to z⁽ᴸ⁾."""
    return H - Y


def binary_cross_entropy(Z: Array, Y: Array) -> Array:
    """Σₖ −yₖ log hₖ − (1 − yₖ) log(1 − hₖ) = Σₖ log(1 + e^zₖ) − yₖ zₖ, h = σ(z)."""
    return array_namespace(Z).sum(softplus(Z) - Y * Z, axis=1)


def softmax(Z: Array) -> Array:
    """hₖ = e^zₖ / Σⱼ e^zⱼ, row by row."""
    xp = array_namespace(Z)
    t = xp.exp(Z - xp.max(Z, axis=1, keepdims=True))  # the largest is 1: no overflow
    return t / xp.sum(t, axis=1, keepdims=True)


def cross_entropy(Z: Array, Y: Array) -> Array:
    """Σₖ −yₖ log hₖ = Σₖ yₖ (log Σⱼ e^zⱼ − zₖ), h = softmax(z)."""
    xp = array_namespace(Z)
    Z = Z - xp.max(Z, axis=1, keepdims=True)
    log_sum = xp.log(xp.sum(xp.exp(Z), axis=1, keepdims=True))
    return xp.sum(Y * (log_sum - Z), axis=1)


def squared_error(Z: Array, Y: Array) -> Array:
    """½ Σₖ (hₖ − yₖ)², h = z."""
    return array_namespace(Z).sum((Z - Y) ** 2, axis=1) / 2


def exponential(Z: Array) -> Array:
    """H = e^z."""
    return array_namespace(Z).exp(Z)


def poisson(Z: Array, Y: Array) -> Array:
    """Σₖ hₖ − yₖ log hₖ = Σₖ e^zₖ − yₖ zₖ, h = e^z: the likelihood of counts, up to a constant."""
    return array_namespace(Z).sum(exponential(Z) - Y * Z, axis=1)


OUTPUTS: dict[str, Output] = {
    "logistic": Output(sigmoid, binary_cross_entropy),
    "softmax": Output(softmax, cross_entropy),
    "identity": Output(identity, squared_error),
    "exp": Output(exponential, poisson),
}
