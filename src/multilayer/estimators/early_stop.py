"""EarlyStop: a callback that stops training depending on one of its curves."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["EarlyStop"]

_MONITORS = {  # name -> (attribute of the estimator, sign that makes smaller better)
    "loss": ("loss_curve_", 1.0),
    "validation_loss": ("validation_loss_curve_", 1.0),
    "validation_score": ("validation_scores_", -1.0),
}


class EarlyStop:
    """Stop training when a curve has stopped improving, or is good enough.

    Parameters
    ----------
    monitor : {"loss", "validation_loss", "validation_score"}, default="loss"
        The curve: `loss_curve_`, `validation_loss_curve_` or `validation_scores_`.
    patience : int, default=10
        The number of consecutive epochs without improvement after which training stops.
    min_delta : float, default=0.0
        The minimum improvement over the best previous epoch that counts as one.
    threshold : float, optional
        The value at which training stops immediately.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import EarlyStop, MLPClassifier
    >>> X, y = make_moons(noise=0.1, random_state=0)
    >>> clf = MLPClassifier(learning_rate_init=0.01, random_state=0)
    >>> clf.set_callbacks(EarlyStop(threshold=0.25)).fit(X, y).loss_ < 0.25
    True
    """

    def __init__(
        self,
        monitor: str = "loss",
        patience: int = 10,
        min_delta: float = 0.0,
        threshold: float | None = None,
    ) -> None:
        if monitor not in _MONITORS:
            raise ValueError(f"monitor must be one of {', '.join(_MONITORS)}, got {monitor!r}")
        if patience < 1 or min_delta < 0:
            raise ValueError(
                f"patience must be at least 1 and min_delta not negative: {patience}, {min_delta}"
            )
        self.monitor, self.patience = monitor, patience
        self.min_delta, self.threshold = min_delta, threshold
        self._best, self._stale = np.inf, 0

    def setup(self, estimator: Any, context: Any) -> None:
        """Reset the count."""
        self._best, self._stale = np.inf, 0

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: an epoch is checked when it ends."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Check the curve after an epoch; return True to stop training."""
        if context.parent is None:
            return False
        attribute, sign = _MONITORS[self.monitor]
        curve = getattr(estimator, attribute)
        if not curve:
            raise ValueError(
                f"EarlyStop(monitor={self.monitor!r}) needs validation rows: give X_val and y_val "
                "to fit, or early_stopping=True to the estimator"
            )
        value = sign * curve[-1]
        self._stale = 0 if value < self._best - self.min_delta else self._stale + 1
        self._best = min(self._best, value)
        there = self.threshold is not None and value <= sign * self.threshold
        return there or self._stale >= self.patience

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: no resource is held."""
