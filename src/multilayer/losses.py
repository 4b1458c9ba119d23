"""Losses: the cost of an example, and δ at the output.

A loss is defined for some kinds of output unit. Each kind has one canonical loss, for which
δ⁽ᴸ⁾ = h − y (the "canonical link" of McCullagh and Nelder, *Generalized Linear Models*, 2nd ed.,
ch. 2). Costs are functions of z, not of h, so that they stay finite where h has been rounded to 0
or 1. Z and Y are (m, K) throughout.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from multilayer.activations import Array, sigmoid, softplus
from multilayer.outputs import (
    OUTPUTS,
    Output,
    Softmax,
    apply_output,
    exponential,
    output_name,
    parts,
)

__all__ = [
    "CANONICAL",
    "LOSSES",
    "OUTPUTS",
    "AbsoluteError",
    "CustomLoss",
    "Focal",
    "Gamma",
    "Huber",
    "LogLoss",
    "Loss",
    "Output",
    "Poisson",
    "Quantile",
    "Softmax",
    "SquaredError",
    "check_smoothing",
    "delta",
    "resolve",
    "smooth",
]


def smooth(Y: Array, epsilon: float, output: Output) -> Array:
    """Smooth labels: yₖ (1 − ε) + ε/K for a softmax of K units, y (1 − ε) + ε/2 for a sigmoid.

    Source: Szegedy et al., CVPR 2016, section 7.

    Parameters
    ----------
    Y : array, shape (m, K)
        Targets from 0 to 1.
    epsilon : float
        ε, at least 0 and less than 1.
    output : str or Softmax
        "logistic", "softmax" or groups of softmax.

    Returns
    -------
    Y : array, shape (m, K)

    Raises
    ------
    ValueError
        If ε is out of range, or the output units do not predict classes.
    """
    check_smoothing(epsilon, output)
    if epsilon == 0:
        return Y
    if output == "logistic":
        return Y * (1 - epsilon) + epsilon / 2
    groups = [Y[:, p] for p in parts(output, Y.shape[1])]
    return array_namespace(Y).concat(
        [y * (1 - epsilon) + epsilon / y.shape[1] for y in groups], axis=1
    )


def check_smoothing(epsilon: float, output: Output) -> None:
    """Raise ValueError unless 0 ≤ ε < 1, and ε = 0 where the output is not for classes."""
    if not 0 <= epsilon < 1:
        raise ValueError(f"label_smoothing must be at least 0 and less than 1, got {epsilon}")
    if epsilon > 0 and output_name(output) not in ("logistic", "softmax"):
        raise ValueError(f"label_smoothing goes with outputs logistic and softmax, got {output!r}")


def delta(H: Array, Y: Array) -> Array:
    """δ⁽ᴸ⁾ = h − y, (m, K): ∂ cost/∂z⁽ᴸ⁾ for an output unit and its canonical loss.

    For softmax, the y of a group must add up to 1.
    """
    return H - Y


class Loss(ABC):
    """The cost of an example, and its derivative with respect to z⁽ᴸ⁾."""

    outputs: ClassVar[tuple[str, ...]] = tuple(OUTPUTS)  # the output units it is defined for

    @abstractmethod
    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Cost of each example, (m,)."""

    @abstractmethod
    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δ⁽ᴸ⁾ = ∂ cost/∂z, (m, K)."""


@dataclass(frozen=True)
class LogLoss(Loss):
    """Cross-entropy, for classes."""

    outputs: ClassVar[tuple[str, ...]] = ("logistic", "softmax")

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Σₖ −yₖ log hₖ − (1 − yₖ) log(1 − hₖ) for sigmoid units, Σₖ −yₖ log hₖ for softmax.

        That is Σₖ log(1 + e^zₖ) − yₖ zₖ, and Σₖ yₖ (log Σⱼ e^zⱼ − zₖ) for each group of softmax.
        """
        if output == "logistic":
            return array_namespace(Z).sum(softplus(Z) - Y * Z, axis=1)
        return sum(cross_entropy(Z[:, p], Y[:, p]) for p in parts(output, Z.shape[1]))

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δ = h − y."""
        return delta(apply_output(Z, output), Y)


def cross_entropy(Z: Array, Y: Array) -> Array:
    """Σₖ −yₖ log hₖ = Σₖ yₖ (log Σⱼ e^zⱼ − zₖ), h = softmax(z)."""
    xp = array_namespace(Z)
    Z = Z - xp.max(Z, axis=1, keepdims=True)
    log_sum = xp.log(xp.sum(xp.exp(Z), axis=1, keepdims=True))
    return xp.sum(Y * (log_sum - Z), axis=1)


@dataclass(frozen=True)
class SquaredError(Loss):
    """For the mean of y."""

    outputs: ClassVar[tuple[str, ...]] = ("identity",)

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """½ Σₖ (zₖ − yₖ)²."""
        return array_namespace(Z).sum((Z - Y) ** 2, axis=1) / 2

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δ = h − y, h = z."""
        return delta(Z, Y)


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """For the median of y."""

    outputs: ClassVar[tuple[str, ...]] = ("identity",)

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Σₖ |zₖ − yₖ|."""
        xp = array_namespace(Z)
        return xp.sum(xp.abs(Z - Y), axis=1)

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δ = sign(z − y)."""
        return array_namespace(Z).sign(Z - Y)


@dataclass(frozen=True)
class Huber(Loss):
    """For the mean of y with bounded influence of outliers.

    Source: Huber, *Robust estimation of a location parameter*, Ann. Math. Statist. 35 (1964).

    Parameters
    ----------
    delta : float
        d, in the units of y; positive.
    """

    delta: float = 1.0
    outputs: ClassVar[tuple[str, ...]] = ("identity",)

    def __post_init__(self) -> None:
        if not 0 < self.delta < math.inf:
            raise ValueError(f"delta must be positive and finite, got {self.delta}")

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Σₖ ½ r² where |r| ≤ d, else d (|r| − d/2), r = zₖ − yₖ."""
        xp = array_namespace(Z)
        r = xp.abs(Z - Y)
        c = xp.clip(r, max=self.delta)  # one formula for both sides
        return xp.sum(c * (r - c / 2), axis=1)

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δ = min(max(z − y, −d), d)."""
        return array_namespace(Z).clip(Z - Y, -self.delta, self.delta)


@dataclass(frozen=True)
class Quantile(Loss):
    """For the quantile q of y: about a fraction q of the targets lies below the prediction.

    Source: Koenker and Bassett, *Regression quantiles*, Econometrica 46 (1978).

    Parameters
    ----------
    quantile : float
        q, between 0 and 1, both excluded.
    """

    quantile: float = 0.5
    outputs: ClassVar[tuple[str, ...]] = ("identity",)

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile must be between 0 and 1, got {self.quantile}")

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Σₖ q e where e > 0, else (q − 1) e, e = yₖ − zₖ; or |e|/2 + (q − ½) e."""
        xp = array_namespace(Z)
        e = Y - Z
        return xp.sum(xp.abs(e) / 2 + (self.quantile - 0.5) * e, axis=1)

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δ = −q where y > z, 1 − q where y < z, 0 where they are equal."""
        r = array_namespace(Z).sign(Z - Y)
        return r / 2 - (self.quantile - 0.5) * r * r


@dataclass(frozen=True)
class Poisson(Loss):
    """For counts."""

    outputs: ClassVar[tuple[str, ...]] = ("exp",)

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Σₖ yₖ log(yₖ/hₖ) − yₖ + hₖ: half the deviance, 0 where h = y."""
        xp = array_namespace(Z)
        known = xp.where(Y > 0, Y, xp.ones_like(Y))  # y log y is 0 where y is 0
        return xp.sum(Y * xp.log(known) - Y + exponential(Z) - Y * Z, axis=1)

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δ = h − y, h = e^z."""
        return delta(exponential(Z), Y)


@dataclass(frozen=True)
class Gamma(Loss):
    """For positive y whose standard deviation grows with the mean."""

    outputs: ClassVar[tuple[str, ...]] = ("exp",)

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Σₖ yₖ/hₖ − log(yₖ/hₖ) − 1: half the deviance, 0 where h = y; y > 0."""
        xp = array_namespace(Z)
        return xp.sum(Y * exponential(-Z) + Z - xp.log(Y) - 1, axis=1)

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δ = 1 − y/h = 1 − y e^−z."""
        return 1 - Y * exponential(-Z)


@dataclass(frozen=True)
class Focal(Loss):
    """Log loss weighted by (1 − p)^γ, p being the probability given to the true class.

    Source: Lin et al., *Focal loss for dense object detection*, ICCV 2017.

    Parameters
    ----------
    gamma : float
        γ, at least 0; 0 is the log loss.
    """

    gamma: float = 2.0
    outputs: ClassVar[tuple[str, ...]] = ("logistic", "softmax")

    def __post_init__(self) -> None:
        if not 0 <= self.gamma < math.inf:
            raise ValueError(f"gamma must be finite and not negative, got {self.gamma}")

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Σₖ −yₖ (1 − hₖ)^γ log hₖ; for sigmoid units − (1 − yₖ) hₖ^γ log(1 − hₖ) as well."""
        xp, gamma = array_namespace(Z), self.gamma
        if output == "logistic":
            s, t = softplus(-Z), softplus(Z)  # −log h, −log(1 − h)
            return xp.sum(Y * xp.exp(-gamma * t) * s + (1 - Y) * xp.exp(-gamma * s) * t, axis=1)
        return sum(
            -xp.sum(Y[:, p] * rest**gamma * log_h, axis=1)
            for p in parts(output, Z.shape[1])
            for _, rest, log_h in [shares(Z[:, p])]
        )

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """δₖ = wₖ (1 − hₖ) − hₖ Σⱼ≠ₖ wⱼ in each group of softmax, w = h ∂ cost/∂h."""
        xp, gamma = array_namespace(Z), self.gamma
        if output == "logistic":
            # (1 − y) h^γ (h + γ (1 − h) t) − y (1 − h)^γ (1 − h + γ h s), s and t as above
            s, t, h, rest = softplus(-Z), softplus(Z), sigmoid(Z), sigmoid(-Z)
            right = xp.exp(-gamma * t) * (rest + gamma * h * s)
            return (1 - Y) * xp.exp(-gamma * s) * (h + gamma * rest * t) - Y * right
        return xp.concat(
            [self._group_derivative(Z[:, p], Y[:, p]) for p in parts(output, Z.shape[1])], axis=1
        )

    def _group_derivative(self, Z: Array, Y: Array) -> Array:
        # w = y (1 − h)^γ (γ h log h/(1 − h) − 1); where h is 1, the quotient is multiplied by 0.
        xp = array_namespace(Z)
        h, rest, log_h = shares(Z)
        ratio = log_h / xp.where(rest == 0, xp.ones_like(rest), rest)
        w = Y * rest**self.gamma * (self.gamma * h * ratio - 1)
        return w * rest - h * (xp.sum(w, axis=1, keepdims=True) - w)


def shares(Z: Array) -> tuple[Array, Array, Array]:
    """H = softmax(z), 1 − h and log h, accurate to the last few bits even where h is close to 1."""
    xp = array_namespace(Z)
    Z = Z - xp.max(Z, axis=1, keepdims=True)
    e = xp.exp(Z)
    zero, one = xp.zeros_like(e), xp.ones_like(e)
    most = e == one
    # Σⱼ eⱼ − 1, summed without one of the largest: a subtraction would lose the small terms.
    ones = xp.sum(xp.where(most, one, zero), axis=1, keepdims=True)
    rest = xp.sum(xp.where(most, zero, e), axis=1, keepdims=True) + (ones - 1)
    total = rest + 1
    return e / total, xp.where(most, rest, total - e) / total, Z - xp.log1p(rest)


@dataclass(frozen=True)
class CustomLoss(Loss):
    """A user-defined loss, which `multilayer.equations` runs; the native engine cannot.

    Parameters
    ----------
    value : callable
        value(Y, Z): the cost of each example, (m,).
    gradient : callable
        gradient(Y, Z): its derivative with respect to z, (m, K).
    """

    value: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]

    def cost(self, Z: Array, Y: Array, output: Output) -> Array:
        """Return `value(Y, Z)`."""
        return self.value(Y, Z)

    def derivative(self, Z: Array, Y: Array, output: Output) -> Array:
        """Return `gradient(Y, Z)`."""
        return self.gradient(Y, Z)


LOSSES: dict[str, type[Loss]] = {
    "log_loss": LogLoss,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
    "focal": Focal,
}
CANONICAL: dict[str, Loss] = {
    "logistic": LogLoss(),
    "softmax": LogLoss(),
    "identity": SquaredError(),
    "exp": Poisson(),
}


def resolve(loss: str | Loss, output: Output) -> Loss:
    """Return the loss itself: "auto" is the canonical loss of the output, a name one of `LOSSES`.

    Raises
    ------
    ValueError
        If the name is unknown, or the loss is not defined for the output.
    """
    kind = output_name(output)
    if not isinstance(loss, Loss):
        if loss != "auto" and loss not in LOSSES:
            raise ValueError(f"loss must be one of auto, {', '.join(LOSSES)}; got {loss!r}")
        loss = CANONICAL[kind] if loss == "auto" else LOSSES[loss]()
    if kind not in loss.outputs:
        raise ValueError(f"{loss!r} goes with outputs {', '.join(loss.outputs)}; got {output!r}")
    return loss
