"""Warnings about the end of a training."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from multilayer.training.state import History

__all__ = ["DivergenceWarning", "warn_of_ending"]


class DivergenceWarning(ConvergenceWarning):
    """The cost became infinite or NaN; training stopped with the last finite Θ."""


def warn_of_ending(estimator: Any, history: History, incremental: bool) -> None:
    """Warn of an end that was none of the planned; ValueError where nothing was trained."""
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
            "finite; the last finite weights are kept. Try a smaller learning_rate_init (now "
            f"{estimator.learning_rate_init}) or scaled inputs (e.g. by StandardScaler).",
            DivergenceWarning,
            stacklevel=6,
        )
    elif history.status == "interrupted":
        warnings.warn("Training interrupted by user.", stacklevel=6)
    elif history.status == "abnormal":
        warnings.warn(
            f"L-BFGS found no way further down after {estimator.n_iter_} iterations. Scaled inputs "
            "(e.g. by StandardScaler) may help.",
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
