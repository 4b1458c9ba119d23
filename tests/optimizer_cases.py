"""A catalogue of the optimizers, the names of the solvers, and one step by the equations."""

from __future__ import annotations

from multilayer.estimators.parameters import SOLVERS
from multilayer.optimizers import (
    SGD,
    Adam,
    AdamW,
    GradientDescent,
    Lion,
    NAdam,
    RMSprop,
    Rprop,
)

# Rates at which some ten steps change the weights of a small network by about their own size.
SMOOTH_OPTIMIZERS = [
    GradientDescent(0.3),
    SGD(0.1, momentum=0.9, nesterov=True),
    SGD(0.1, momentum=0.8, nesterov=False),
    Adam(0.01),
    AdamW(0.01, weight_decay=0.5),
    NAdam(0.01),
    RMSprop(0.01),
]
# The steps of Rprop and Lion jump where a number near 0 changes its sign, so that rounding shows.
OPTIMIZERS = [*SMOOTH_OPTIMIZERS, Rprop(0.05), Lion(0.01, weight_decay=0.5)]
SOLVER_NAMES = [*SOLVERS, "lbfgs"]  # all that the estimators' `solver` may be


def step_by_equations(optimizer, thetas, D, slots, step):
    """Update Θ, and what the optimizer remembers of them, in place by the gradient D."""
    for layer, (theta, d) in enumerate(zip(thetas, D, strict=True)):
        theta[...], updated = optimizer.update(theta, d, [slot[layer] for slot in slots], step)
        for slot, value in zip(slots, updated, strict=True):
            slot[layer] = value
