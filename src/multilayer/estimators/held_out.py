"""How a network that is being trained does on rows it does not learn from."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.metrics import check_scoring

from multilayer.training.state import Examples

__all__ = ["Judge"]


class Judge:
    """Gives score and cost of an estimator's network as it stands.

    Parameters
    ----------
    estimator : estimator
        Whose `scoring` says what counts: None for its own score, "loss" for the cost, a scorer's
        name or a scorer.
    examples : Examples
        The rows to judge by, with encoded targets.
    """

    def __init__(self, estimator: Any, examples: Examples) -> None:
        self._estimator, self._examples = estimator, examples
        self._scorer: Any = None
        if estimator.scoring not in (None, "loss"):
            self._scorer = check_scoring(estimator, scoring=estimator.scoring)
            self._y = estimator._decode(examples.Y)

    def __call__(self) -> tuple[float, float]:
        """Score (larger is better), and cost without the penalty."""
        estimator, examples = self._estimator, self._examples
        cost = estimator._cost(examples)
        if estimator.scoring is None:
            return estimator._score(examples), cost
        if estimator.scoring == "loss":
            return -cost, cost
        # Rows have been checked, and have lost the names of their columns by that.
        nameless = copy.copy(estimator)
        vars(nameless).pop("feature_names_in_", None)
        weights = {} if examples.weights is None else {"sample_weight": examples.weights}
        return float(self._scorer(nameless, examples.X, self._y, **weights)), cost
