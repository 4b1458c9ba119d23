"""Warnings about the end of a training."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from multilayer.engine.interface import Examples, MakeEngine
from multilayer.network import Floats, Network
from multilayer.training.state import History

__all__ = ["DivergenceWarning", "explosion", "warn_of_ending"]

# A cost is looked at more closely once it or Θ has grown by as much in one training; it has
# exploded if it is this many times that of the start.
_GROWN, _EXPLODED = 30.0, 100.0


class DivergenceWarning(ConvergenceWarning):
    """Training diverged: the cost became infinite or NaN, or many times what it was before."""


def explosion(
    network: Network,
    start: Sequence[Floats],
    examples: Examples,
    engine: MakeEngine,
    costs: Sequence[float],
) -> tuple[float, float] | None:
    """Return the cost before and after a training in which it has exploded.

    That is, it is not finite, or at least a hundred times that of the start and larger than that of
    a network whose weights are all zero. The cost of the last epoch does not show it: its last step
    comes later, and of a cost that exploded in the first epoch there is none to compare with.

    Parameters
    ----------
    network : Network
        After the training.
    start : sequence of ndarray
        Θ before it.
    examples : Examples
        The rows that were learned from.
    engine : callable
        Makes the engine.
    costs : sequence of float
        Of the epochs of this training.

    Returns
    -------
    tuple of float, or None
        None if it has not exploded.
    """
    grown = _largest(network.thetas) > _GROWN * max(1.0, _largest(start))
    risen = bool(costs) and not costs[-1] <= _GROWN * min(costs)
    if not (grown or risen):
        return None

    def cost(thetas: Sequence[Floats]) -> float:
        with np.errstate(all="ignore"):
            return float(engine(list(thetas), examples, network.objective()).cost())

    first, last = cost(start), cost(network.thetas)
    if np.isfinite(last):
        untrained = cost([np.zeros_like(theta) for theta in start])
        if not (last > _EXPLODED * first and last > untrained):
            return None
    return first, last


def _largest(thetas: Sequence[Floats]) -> float:
    return max(float(np.abs(theta).max(initial=0.0)) for theta in thetas)


def warn_of_ending(
    estimator: Any,
    history: History,
    incremental: bool,
    exploded: tuple[float, float] | None = None,
) -> None:
    """Warn if training ended abnormally; raise ValueError if nothing was trained."""
    if history.status == "diverged":
        if not history.epochs:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain "
                "large values and need to be preprocessed. In the first epoch the cost was no "
                "longer finite: a smaller learning_rate_init (now "
                f"{estimator.learning_rate_init}) may help, too."
            )
        warnings.warn(
            f"Training stopped after {estimator.n_iter_} iterations because the cost was no longer "
            f"finite; the last finite weights are kept. {_advice(estimator)}",
            DivergenceWarning,
            stacklevel=6,
        )
    elif exploded is not None:
        first, last = exploded
        warnings.warn(
            f"Training diverged: the cost is {last:.3g} after {estimator.n_iter_} iterations, and "
            f"was {first:.3g} before, so predictions are far off. {_advice(estimator)}",
            DivergenceWarning,
            stacklevel=6,
        )
    elif history.status == "interrupted":
        warnings.warn("Training interrupted by user.", stacklevel=6)
    elif history.status == "abnormal":
        warnings.warn(
            f"L-BFGS could not reduce the cost further after {estimator.n_iter_} iterations. "
            "Scaled inputs (e.g. by StandardScaler) may help.",
            ConvergenceWarning,
            stacklevel=6,
        )
    elif history.status == "max_iter" and not incremental:
        warnings.warn(
            f"Maximum iterations ({estimator.max_iter}) reached and the optimization hasn't "
            "converged yet.",
            ConvergenceWarning,
            stacklevel=6,
        )


def _advice(estimator: Any) -> str:
    """Return suggestions against divergence."""
    scaled = "scaled inputs (e.g. by StandardScaler)"
    if not hasattr(estimator, "classes_"):
        scaled += " and a scaled target (e.g. by TransformedTargetRegressor)"
    if estimator.solver == "lbfgs":
        return f"Try {scaled}."
    rate = f"a smaller learning_rate_init (now {estimator.learning_rate_init})"
    clip = " clip_norm=1.0" if estimator.clip_norm is None else " a smaller clip_norm"
    return f"Try {rate},{clip}, or {scaled}."
