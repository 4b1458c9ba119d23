"""Optimizers: frozen records of hyperparameters, with the update written as an equation.

The native engine makes the same updates inside its gradient kernels. The updates here run on any
Array-API library, and the tests compare the two. `slots` are the state that an optimizer keeps for
one Θ⁽ˡ⁾: arrays of its shape. No array is changed in place.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from array_api_compat import array_namespace

Array = Any  # an array of any Array-API library
Updated = tuple[Array, list[Array]]  # θ and its slots


@dataclass(frozen=True)
class Optimizer(ABC):
    """An update rule θ ← θ + f(D, slots); α is `learning_rate`."""

    learning_rate: float
    n_slots: ClassVar[int] = 0
    # Whether the length of a step depends on the noise in D rather than on the length of D.
    normalises: ClassVar[bool] = False

    @abstractmethod
    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """Return θ and its slots after update number `step` (1, 2, …), D being the gradient."""

    def start(self, thetas: Sequence[Array]) -> list[list[Array]]:
        """Return zero slots for all layers: one list of arrays for each slot."""
        xp = array_namespace(*thetas)
        return [[xp.zeros_like(theta) for theta in thetas] for _ in range(self.n_slots)]


@dataclass(frozen=True)
class GradientDescent(Optimizer):
    """Plain gradient descent, as the textbook writes it."""

    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """θ ← θ − α D."""
        return theta - self.learning_rate * D, []


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent with momentum μ (Sutskever et al., ICML 2013)."""

    momentum: float = 0.9
    nesterov: bool = True
    n_slots: ClassVar[int] = 1

    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """θ ← θ + v, with v ← μ v − α D; with Nesterov's look-ahead θ ← θ + μ v − α D."""
        v = self.momentum * slots[0] - self.learning_rate * D
        return theta + (self.momentum * v - self.learning_rate * D if self.nesterov else v), [v]


@dataclass(frozen=True)
class _Moments(Optimizer):
    """The hyperparameters and the two moments of Adam and its variants."""

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_slots: ClassVar[int] = 2
    normalises: ClassVar[bool] = True

    def _moments(self, D: Array, slots: Sequence[Array]) -> tuple[Array, Array]:
        """M ← β₁ m + (1 − β₁) D and v ← β₂ v + (1 − β₂) D²."""
        m, v = slots
        return m + (1 - self.beta_1) * (D - m), v + (1 - self.beta_2) * (D * D - v)

    def _adam(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        m, v = self._moments(D, slots)
        unbias = math.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        root = array_namespace(v).sqrt(v) + self.epsilon
        return theta - self.learning_rate * unbias * m / root, [m, v]


@dataclass(frozen=True)
class Adam(_Moments):
    """Adaptive moments (Kingma and Ba, arXiv 1412.6980, the efficient form of their section 2)."""

    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """θ ← θ − αₜ m / (√v + ε), αₜ = α √(1 − β₂ᵗ) / (1 − β₁ᵗ).

        The moments are m ← β₁ m + (1 − β₁) D and v ← β₂ v + (1 − β₂) D².
        """
        return self._adam(theta, D, slots, step)


@dataclass(frozen=True)
class AdamW(_Moments):
    """Adam with weight decay decoupled from the moments (Loshchilov and Hutter, arXiv 1711.05101).

    As with the penalty λ, biases do not decay.
    """

    weight_decay: float = 0.01

    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """θ ← (1 − α w) θ, w being the decay; then Adam's step."""
        theta = _decayed(theta, self.learning_rate * self.weight_decay)
        return self._adam(theta, D, slots, step)


@dataclass(frozen=True)
class NAdam(_Moments):
    """Adam with Nesterov's look-ahead (Dozat, ICLR workshop 2016).

    The momentum rises with the number t of the step as in `torch.optim.NAdam`, with its default
    decay ψ: μₜ = β₁ (1 − ½ · 0.96^(t ψ)), ψ = 0.004.
    """

    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """θ ← θ − α (c D + c′ m) / (√(v / (1 − β₂ᵗ)) + ε), the moments m, v being Adam's.

        c = (1 − μₜ) / (1 − μ₁ … μₜ) and c′ = μₜ₊₁ / (1 − μ₁ … μₜ₊₁).
        """
        m, v = self._moments(D, slots)
        # A product of more than 64 factors close to ½ is negligible next to 1.
        so_far = math.prod(self._momentum(t) for t in range(1, min(step, 64) + 1))
        now, ahead = self._momentum(step), self._momentum(step + 1)
        pull = (1 - now) / (1 - so_far) * D + ahead / (1 - so_far * ahead) * m
        size = array_namespace(v).sqrt(v / (1 - self.beta_2**step)) + self.epsilon
        return theta - self.learning_rate * pull / size, [m, v]

    def _momentum(self, t: int) -> float:
        return self.beta_1 * (1 - 0.5 * math.pow(0.96, t * 0.004))


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Gradients divided by their root mean square (Hinton, *Neural Networks*, lecture 6e, 2012)."""

    learning_rate: float = 0.001
    rho: float = 0.9
    epsilon: float = 1e-8
    n_slots: ClassVar[int] = 1
    normalises: ClassVar[bool] = True

    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """θ ← θ − α D / (√v + ε), with v ← ρ v + (1 − ρ) D²."""
        v = slots[0] + (1 - self.rho) * (D * D - slots[0])
        return theta - self.learning_rate * D / (array_namespace(v).sqrt(v) + self.epsilon), [v]


@dataclass(frozen=True)
class Rprop(Optimizer):
    """Steps by the sign of the gradient, with a step size for each θ; for full batches only.

    Source: Riedmiller and Braun, ICNN 1993; where the sign has changed, θ stays (Igel and Hüsken
    2000, iRprop⁻).

    Parameters
    ----------
    learning_rate : float
        The initial step size.
    eta_minus, eta_plus : float
        The factors by which it shrinks where the sign changes, and grows where it does not.
    step_min, step_max : float
        Bounds of the step size.
    """

    learning_rate: float = 0.01
    eta_minus: float = 0.5
    eta_plus: float = 1.2
    step_min: float = 1e-6
    step_max: float = 50.0
    n_slots: ClassVar[int] = 2

    def start(self, thetas: Sequence[Array]) -> list[list[Array]]:
        """Return the previous gradient, which is zero, and the initial step sizes."""
        before, sizes = super().start(thetas)
        return [before, [size + self.learning_rate for size in sizes]]

    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """θ ← θ − s sign D, s growing by η⁺ while D keeps its sign, else s ← η⁻ s and D ← 0."""
        before, size = slots
        xp = array_namespace(theta)
        turn = xp.sign(D) * xp.sign(before)
        size = xp.where(
            turn > 0, size * self.eta_plus, xp.where(turn < 0, size * self.eta_minus, size)
        )
        size = xp.clip(size, self.step_min, self.step_max)
        D = xp.where(turn < 0, xp.zeros_like(D), D)
        return theta - xp.sign(D) * size, [D, size]


@dataclass(frozen=True)
class Lion(Optimizer):
    """Steps by the sign of the momentum (Chen et al., arXiv 2302.06675). Biases do not decay."""

    learning_rate: float = 1e-4
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0
    n_slots: ClassVar[int] = 1
    normalises: ClassVar[bool] = True

    def update(self, theta: Array, D: Array, slots: Sequence[Array], step: int) -> Updated:
        """θ ← (1 − α w) θ − α sign(β₁ m + (1 − β₁) D), then m ← β₂ m + (1 − β₂) D."""
        (m,) = slots
        xp = array_namespace(theta)
        theta = _decayed(theta, self.learning_rate * self.weight_decay)
        theta = theta - self.learning_rate * xp.sign(m + (1 - self.beta_1) * (D - m))
        return theta, [m + (1 - self.beta_2) * (D - m)]


def _decayed(theta: Array, share: float) -> Array:
    """θ (1 − share), the biases unchanged."""
    return array_namespace(theta).concat([theta[:, :1], theta[:, 1:] * (1 - share)], axis=1)
