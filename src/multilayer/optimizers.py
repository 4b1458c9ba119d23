"""Optimizers: each a frozen record of its numbers, with its update written as an equation.

The native engine makes the same updates inside its gradient kernels; these are their twins, held
against them by the tests. `slots` are what an optimizer remembers of the past for one Θ⁽ˡ⁾: arrays
of its shape, zero at first, changed in place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]


@dataclass(frozen=True)
class Optimizer(ABC):
    """An update rule θ ← θ + f(D, what it remembers); α is `learning_rate`."""

    learning_rate: float
    n_slots: ClassVar[int] = 0

    @abstractmethod
    def update(self, theta: Floats, D: Floats, slots: Sequence[Floats], step: int) -> None:
        """Make update number `step` (1, 2, …) of θ in place, D being the gradient of the cost."""

    def start(self, thetas: Sequence[Floats]) -> list[list[Floats]]:
        """Slots for all layers, zero: one list of arrays for each slot."""
        return [[np.zeros_like(theta) for theta in thetas] for _ in range(self.n_slots)]


@dataclass(frozen=True)
class GradientDescent(Optimizer):
    """Plain gradient descent, as the textbook writes it."""

    def update(self, theta: Floats, D: Floats, slots: Sequence[Floats], step: int) -> None:
        """θ ← θ − α D."""
        theta -= self.learning_rate * D


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent with momentum μ (Sutskever et al., ICML 2013)."""

    momentum: float = 0.9
    nesterov: bool = True
    n_slots: ClassVar[int] = 1

    def update(self, theta: Floats, D: Floats, slots: Sequence[Floats], step: int) -> None:
        """θ ← θ + v, with v ← μ v − α D; by Nesterov's look ahead θ ← θ + μ v − α D."""
        (velocity,) = slots
        velocity *= self.momentum
        velocity -= self.learning_rate * D
        theta += self.momentum * velocity - self.learning_rate * D if self.nesterov else velocity


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba, arXiv 1412.6980, the efficient form of their section 2)."""

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_slots: ClassVar[int] = 2

    def update(self, theta: Floats, D: Floats, slots: Sequence[Floats], step: int) -> None:
        """θ ← θ − αₜ m / (√v + ε), αₜ = α √(1 − β₂ᵗ) / (1 − β₁ᵗ).

        The moments are m ← β₁ m + (1 − β₁) D and v ← β₂ v + (1 − β₂) D².
        """
        m, v = slots
        m += (1 - self.beta_1) * (D - m)
        v += (1 - self.beta_2) * (D * D - v)
        unbias = np.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        theta -= self.learning_rate * unbias * m / (np.sqrt(v) + self.epsilon)


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam whose decay goes past the moments (Loshchilov and Hutter, arXiv 1711.05101).

    As for the penalty λ, biases do not decay.
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    n_slots: ClassVar[int] = 2

    def update(self, theta: Floats, D: Floats, slots: Sequence[Floats], step: int) -> None:
        """θ ← (1 − α w) θ, w being the decay; then Adam's step."""
        theta[:, 1:] *= 1 - self.learning_rate * self.weight_decay
        adam = Adam(self.learning_rate, self.beta_1, self.beta_2, self.epsilon)
        adam.update(theta, D, slots, step)
